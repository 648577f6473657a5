"""The `System` protocol, and the commands that the pocket system and NixOS have in common.

Both are called by the same command lines: the pocket tree plays nixpkgs, so ``<nixpkgs/nixos>``
and ``nixos-config`` mean the same on either (nixpkgs, nixos/default.nix).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.errors import CommandFailed, MachineError
from harness.machines.base import Machine, Output
from harness.machines.shell import command, words

#: Where the configuration lives in the machine.
CONFIGURATION = "/etc/nixos/configuration.nix"
#: The configuration before any edit: the machine's own modules and the scenario's base.
BASE = "/etc/nixos/base.nix"
#: The scenario's folder, as it is on the host.
SCENARIO = "/etc/nixos/scenario"
#: The module that a strategy adds to the configuration.
STRATEGY_MODULE = "/etc/nixos/strategy.nix"

#: Configurations in one evaluation: it takes about 300 MB for each that is NixOS.
_AT_ONCE = 4
#: What the kernel and SQLite say of a full disk, and of one that is broken.
_DISK_FULL = ("No space left on device", "database or disk is full")
_DISK_BROKEN = re.compile(
    r"^error:.*(?:Input/output error|disk I/O error|Read-only file system|disk image is malformed)",
    re.MULTILINE,  # in Nix's own words: a builder may be refused to write, and say so
)

_NIX_PATH = f"nixpkgs=%s:nixos-config={CONFIGURATION}"


@dataclass(frozen=True)
class Target:
    """What a configuration evaluates to: the toplevel's output path and its .drv path."""

    output: str
    drv: str


class System(Protocol):
    """A family of configurations and the commands that act on them in a machine."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def tree(self) -> str:
        """Where ``<nixpkgs>`` is in the machine."""
        ...

    @property
    def modules(self) -> Sequence[str]:
        """What every configuration imports: paths in the machine."""
        ...

    def install(self, machine: Machine) -> None:
        """Put the system's own expressions into a fresh machine."""
        ...


def install_scenario(machine: Machine, system: System, folder: Path, base: Path) -> None:
    """Copy a scenario's *folder* into the machine and write `BASE`."""
    machine.succeed("mkdir -p /etc/nixos")
    machine.copy_from_host(folder, SCENARIO)
    _write_module(machine, BASE, [*system.modules, module(str(base.relative_to(folder)))])


def configure(machine: Machine, modules: Sequence[str]) -> None:
    """Write the configuration: the union of *modules*, absolute paths in the machine."""
    _write_module(machine, CONFIGURATION, modules)


def _write_module(machine: Machine, path: str, modules: Sequence[str]) -> None:
    imports = "".join(f"\n    {module}" for module in modules)
    text = f"{{\n  imports = [{imports}\n  ];\n}}\n"
    machine.succeed(command("printf %%s %s > %s", text, path))


def module(file: str) -> str:
    """The path in the machine of a scenario's Nix file."""
    return f"{SCENARIO}/{file}"


def expression(attribute: str = "system") -> list[str]:
    """The words that name the configured system to ``nix-build`` and ``nix-instantiate``."""
    return ["<nixpkgs/nixos>", "-A", attribute]


def rebuild(machine: Machine, tree: str, tool: str, flags: str, patience: float) -> Output:
    """Evaluate and build the configuration; standard output is the toplevel's path.

    *tool* is ``nix-build`` or ``nix`` (for ``nix build``), *flags* one command line's worth, from
    a validated scenario.  Status 124 when *patience* seconds pass.
    """
    target = {
        "nix-build": f"nix-build {words(expression())} --no-out-link",
        "nix": "nix build -f '<nixpkgs/nixos>' system --no-link --print-out-paths",
    }[tool]
    return _judged(machine.execute(f"{nix_path(tree)} {target} {flags}", timeout=patience))


def nix_path(tree: str) -> str:
    """The assignment that precedes a command which evaluates the configuration."""
    return command("NIX_PATH=%s", _NIX_PATH % tree)


def evaluate_targets(
    machine: Machine, tree: str, edits: Mapping[str, Sequence[str]]
) -> dict[str, Target]:
    """What each named list of modules evaluates to, several by one evaluation.

    Nothing but IFD is built; .drv files are written, so do it on a checkpoint.
    """
    found: dict[str, Target] = {}
    names = list(edits)
    for start in range(0, len(names), _AT_ONCE):
        some = {name: edits[name] for name in names[start : start + _AT_ONCE]}
        found |= _evaluate(machine, tree, some)
    return found


def _evaluate(machine: Machine, tree: str, edits: Mapping[str, Sequence[str]]) -> dict[str, Target]:
    cases = "".join(
        f" {nix_string(name)} = at [ {' '.join(modules)} ];" for name, modules in edits.items()
    )
    text = (
        "let at = imports: let inherit (import <nixpkgs/nixos>"
        " { configuration = { inherit imports; }; }) system;"
        " in { output = system.outPath; drv = system.drvPath; }; in {" + cases + " }"
    )
    printed = machine.succeed(
        command(
            f"{nix_path(tree)} nix-instantiate --eval --strict --json --read-write-mode -E %s", text
        )
    )
    return {name: Target(**found) for name, found in json.loads(printed).items()}


def nix_string(text: str) -> str:
    """*text* as a Nix string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${")
    return f'"{escaped}"'


def instantiate(machine: Machine, tree: str, *options: str, timeout: float = 900) -> Output:
    """Write the configuration's .drv files; standard output is the toplevel's .drv path."""
    evaluate = f"{nix_path(tree)} nix-instantiate {words([*expression(), *options])}"
    return _judged(machine.execute(evaluate, timeout=timeout))


def evaluated(machine: Machine, tree: str, configurations: Sequence[Sequence[str]]) -> list[str]:
    """The .drv path of each of the *configurations* (lists of modules), which are written.

    One evaluation, for they share nearly everything.  Raises `MachineError` which names the first
    that does not evaluate.
    """
    try:
        wanted = {str(number): modules for number, modules in enumerate(configurations)}
        found = evaluate_targets(machine, tree, wanted)
        return [found[name].drv for name in wanted]
    except CommandFailed:
        for modules in configurations:
            configure(machine, modules)
            done = instantiate(machine, tree)
            if done.status != 0:
                raise command_failed(f"evaluate {modules[-1]}", done) from None
        raise


def command_failed(purpose: str, done: Output) -> MachineError:
    """The error for an experiment's own step that must work and did not."""
    tail = "\n".join(done.stderr.strip().splitlines()[-15:])
    return MachineError(f"could not {purpose} (status {done.status}):\n{tail}")


def switch(machine: Machine, toplevel: str) -> Output:
    """Make *toplevel* the system profile and activate it, as ``nixos-rebuild switch`` does.

    Standard output is the path of the system that runs afterwards.
    """
    activate = command(
        "nix-env -p /nix/var/nix/profiles/system --set %s"
        " && %s/bin/switch-to-configuration switch >&2"
        " && readlink -e /run/current-system",
        toplevel,
        toplevel,
    )
    return _judged(machine.execute(activate, timeout=300))


def _judged(done: Output) -> Output:
    """*done*, unless it failed by the machine's disk: that says nothing about any configuration.

    Raises `MachineError` then, since a scenario's claim of failure must not be met by it.
    """
    if done.status != 0 and any(said in done.stderr for said in _DISK_FULL):
        raise MachineError(
            f"the machine's disk is full, so its failure shows nothing: {done.stderr[-500:]}",
            hint="give the scenario's `machine` a larger `disk`, or more `memory`: half of it holds"
            " what a cell writes",
        )
    if done.status != 0 and _DISK_BROKEN.search(done.stderr):
        raise MachineError(
            f"the machine's disk is broken, so its failure shows nothing: {done.stderr[-500:]}"
        )
    return done
