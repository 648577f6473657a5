"""Derivation graphs: reading and comparing them, beside Nix's own way of printing one."""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness import process
from harness.bench import Measurement
from harness.nix.closure import changed_derivations
from harness.nix.graph import load_graph, store_reader

_REPEATS = 5
#: As many as a large package set has, and each with so many inputs.
LARGE, FAN = 100_000, 10
#: As many as a NixOS system has (24.11: 3,072 derivations and sources).
_SYSTEM = 3_000
#: A derivation of NixOS has about so many variables in its environment.
_VARIABLES = 25


#: Such a system, as Nix evaluates it; `edit` changes the ten derivations next to the toplevel.
_EXPRESSION = """
{ edit }:
let
  inherit (builtins) elemAt genList listToAttrs;
  count = %d;
  variables = listToAttrs (genList (n: { name = "v${toString n}"; value = "x"; }) %d);
  at = n: derivation (variables // {
    name = "p${toString n}";
    system = "x86_64-linux";
    builder = "/bin/sh";
    inputs = genList (m: elemAt all (n + 1 + m)) (if n + %d < count then %d else count - n - 1);
  } // (if n < %d then { inherit edit; } else { }));
  all = genList at count;
in
elemAt all 0
"""


def measure(scratch: Path, progress: Callable[[str], None]) -> Iterator[Measurement]:
    """Yields each result as it is known."""
    progress(f"a graph of {LARGE:,} derivations")
    seconds, memory = _large()
    yield Measurement("reading 100,000 derivations with 10 inputs each", seconds, "s", "< 3 s")
    yield Measurement("memory for that", memory, "MiB", "<= 500 MiB")
    if shutil.which("nix") is None:
        progress("there is no Nix on this host to compare with")
        return
    progress("two graphs as large as a NixOS system's")
    environment = _environment(scratch)
    base, following = (_instantiate(scratch, environment, edit) for edit in ("base", "next"))
    ours = statistics.median(_ours(scratch / "store", base, following) for _ in range(_REPEATS))
    nix = statistics.median(_shown_by_nix(environment, following) for _ in range(_REPEATS))
    yield Measurement("reading and comparing two graphs of 3,000 derivations", ours, "s")
    yield Measurement("that / `nix derivation show -r` of one of them", ours / nix, "x", "< 1 x")


def read_large() -> tuple[float, float]:
    """Seconds of processor time for reading the large graph, and the peak of memory in MiB."""
    paths = [f"/nix/store/{number:032d}-p{number}.drv" for number in range(LARGE)]
    texts = {path: _text(number, paths) for number, path in enumerate(paths)}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    graph = load_graph([paths[0]], texts.__getitem__)
    seconds = time.process_time() - started
    if len(graph.derivations) != LARGE:
        raise RuntimeError("the graph is not whole")
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def _text(number: int, paths: list[str]) -> str:
    inputs = ",".join(f'("{path}",["out"])' for path in paths[number + 1 : number + 1 + FAN])
    out = paths[number].removesuffix(".drv")
    return f'Derive([("out","{out}","","")],[{inputs}],[],"x","/bin/sh",[],[("out","{out}")])'


def _large() -> tuple[float, float]:
    """In a process of its own, whose memory nothing else has used."""
    done = process.run([sys.executable, "-m", "harness.bench.graphs"])
    seconds, memory = json.loads(done.stdout)
    return float(seconds), float(memory)


def _ours(store: Path, base: str, following: str) -> float:
    started = time.monotonic()
    graph = load_graph([base, following], store_reader(store))
    changed = changed_derivations(graph, [graph.node(base)], [graph.node(following)])
    if len(changed) != FAN:
        raise RuntimeError(f"{len(changed)} derivations differ, and the edit changes {FAN}")
    return time.monotonic() - started


def _environment(scratch: Path) -> dict[str, str]:
    """Names a private store to Nix."""
    return {
        "NIX_REMOTE": "local",
        "NIX_CONF_DIR": str(scratch),
        "NIX_CONFIG": "experimental-features = nix-command\nbuild-users-group =\nsubstituters =",
        **{f"NIX_{name}_DIR": str(scratch / name.lower()) for name in ("STORE", "STATE", "LOG")},
    }


def _instantiate(scratch: Path, environment: dict[str, str], edit: str) -> str:
    """Write the .drv files of a system; the path of the toplevel's."""
    text = _EXPRESSION % (_SYSTEM, _VARIABLES, FAN, FAN, FAN)
    file = scratch / "system.nix"
    file.write_text(text)
    words = ["nix-instantiate", str(file), "--argstr", "edit", edit]
    return process.run(words, env=environment).stdout.strip()


def _shown_by_nix(environment: dict[str, str], drv: str) -> float:
    # Called "show-derivation" up to 2.8; the old name is an alias since.
    started = time.monotonic()
    process.run(["nix", "show-derivation", "-r", drv], env=environment)
    return time.monotonic() - started


if __name__ == "__main__":
    os.write(1, json.dumps(read_large()).encode())
