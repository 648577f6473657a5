"""``harness rehearse``: what this machine has to keep for edits of the rehearsed kinds."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import ExitCode, HarnessError, UsageError
from harness.nix import placing
from harness.nix.database import NixDatabase
from harness.nix.evaluation import (
    Configuration,
    Evaluated,
    EvaluationError,
    Evaluator,
    FlakeHost,
    Target,
)
from harness.nix.graph import DerivationGraph, load_graph
from harness.nix.keeping import (
    Configurations,
    Keeping,
    added,
    base_runtime,
    keep,
    lines,
    measured,
    thinned,
)
from harness.nix.local import LocalStore
from harness.nix.sizes import cache_sizes, remembered_sizes

_NO_EVALUATION = (
    "from .drv files alone it is not known what the evaluation itself needs (import from "
    "derivation, flake inputs): name the configuration to have that kept as well"
)


@dataclass(frozen=True)
class Rehearsed:
    """What to keep, what is there anyway, and where the .drv files are (None: in the store)."""

    keeping: Keeping
    runtime: frozenset[str]
    private: str | None
    sizes: Mapping[str, int]
    notes: tuple[str, ...] = ()


def main(arguments: argparse.Namespace) -> ExitCode:
    """Evaluate, compare and print; write what was asked for unless it is a dry run."""
    files = [file for file in (arguments.module_file, arguments.bundle) if file is not None]
    for file in files:
        placing.check_writable_file(Path(file))
    if arguments.root is not None:
        placing.check_writable_folder(Path(arguments.root))
    acting = bool(files or arguments.root is not None) and not arguments.dry_run
    elsewhere = arguments.store or arguments.state
    if elsewhere and (acting or not _are_derivations(arguments.target)):
        raise UsageError(
            "--store and --state are for a dry run with .drv files",
            hint="a configuration is evaluated for the store of this host's own Nix",
        )
    store = LocalStore.at(arguments.store, arguments.state)
    with tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        found = _rehearse(arguments, store, Path(scratch))
        keeping = found.keeping
        if acting:
            placing.realise(keeping, store.available, found.private)
            store = LocalStore(store.directory, store.state)
            keeping = thinned(keeping, store.database)
    keeping, trouble = _with_sizes(keeping, store.database, found, arguments.cache)
    notes = [*found.notes, *trouble]
    if acting:
        notes += _place(arguments, keeping, store.database, found.runtime)
    else:
        notes.append("nothing was kept: give --root, --module or --bundle, and no --dry-run")
    _print(keeping, notes, arguments.format)
    return ExitCode.OK


def _are_derivations(words: list[str]) -> bool:
    return bool(words) and all("#" not in word for word in words)


def _rehearse(arguments: argparse.Namespace, store: LocalStore, scratch: Path) -> Rehearsed:
    words = arguments.target
    if _are_derivations(words):
        if arguments.edit or arguments.configuration or arguments.search:
            raise UsageError(
                "derivations are compared as they are: --edit, --configuration and -I are for "
                "configurations",
                hint="evaluate the edited system, and give its .drv as another NEXT",
            )
        return _from_derivations(words, store)
    target = _target(arguments)
    edits = [_file(word, "--edit") for word in arguments.edit]
    if not edits:
        raise UsageError("there is no edit to rehearse", hint="give one or more --edit MODULE.nix")
    evaluator = Evaluator(target, scratch, building=not arguments.dry_run)
    return _from_configuration(evaluator, edits, store)


def _target(arguments: argparse.Namespace) -> Target:
    words, search = arguments.target, tuple(arguments.search)
    if words:
        if len(words) > 1 or arguments.configuration or search:
            raise UsageError("name one configuration: a flake host, --configuration or -I")
        return FlakeHost.parse(words[0])
    named = arguments.configuration
    return Configuration(_file(named, "--configuration") if named else None, search)


def _file(word: str, option: str) -> Path:
    path = Path(word).absolute()
    if not os.path.exists(path):  # noqa: PTH110 - Path.exists raises where it may not look
        raise UsageError(f"{option} {word}: there is no such file")
    return path


def _from_derivations(words: list[str], store: LocalStore) -> Rehearsed:
    if len(words) < 2:
        raise UsageError(
            f"{words[0]} alone cannot be compared",
            hint="give BASE.drv NEXT.drv, or a host of a flake (FLAKE#HOST)",
        )
    base, *following = store.derivations(words)
    graph = load_graph([base, *following], store.read)
    runtime = base_runtime(graph, base, store.database)
    keeping = keep(graph, Configurations(base, tuple(following)), runtime)
    return Rehearsed(keeping, runtime, None, {}, (_NO_EVALUATION,))


def _from_configuration(evaluator: Evaluator, edits: list[Path], store: LocalStore) -> Rehearsed:
    known = evaluator.evaluate(edits)
    unchanged = [str(e) for e, drv in zip(edits, known.following, strict=True) if drv == known.base]
    if unchanged:
        raise UsageError(
            f"{', '.join(unchanged)} changes nothing, so it rehearses nothing",
            hint="an edit is a NixOS module that sets another value",
        )
    graph = load_graph([known.base, *known.following, *known.imported], known.store.read)
    runtime = base_runtime(graph, known.base, store.database)
    keeping = _proved(evaluator, edits, known, graph, runtime)
    return Rehearsed(keeping, runtime, known.store.url, known.sizes)


def _proved(
    evaluator: Evaluator,
    edits: list[Path],
    known: Evaluated,
    graph: DerivationGraph,
    runtime: frozenset[str],
) -> Keeping:
    """What to keep, with so many sources that the evaluation works without any download."""
    systems = Configurations(known.base, known.following, known.imported_by_base, known.imported)
    said = ""
    for sources in ((), known.fetched, (*known.fetched, *known.sources)):
        keeping = keep(graph, systems, runtime, sources)
        there = {*runtime, *(kept.path for kept in keeping.paths)}
        said = evaluator.prove(edits, sorted(there & known.sizes.keys()), known)
        if not said:
            return keeping
    raise EvaluationError(
        f"even with all its sources kept the evaluation needs a network: {said}",
        hint="pin what it fetches by a hash (fetchTarball with sha256, flake.lock)",
    )


def _with_sizes(
    keeping: Keeping, known: NixDatabase, found: Rehearsed, cache: str | None
) -> tuple[Keeping, list[str]]:
    """The set with all sizes that can be had, and what stood in the way of others."""
    unknown = [kept.path for kept in keeping.paths if kept.path not in known.nar_sizes]
    others: dict[str, int] = {}
    trouble = []
    try:
        others.update(remembered_sizes(unknown))
        if cache is not None:
            others.update(cache_sizes(cache, [path for path in unknown if path not in others]))
    except UsageError:
        raise
    except HarnessError as error:
        trouble.append(f"some sizes are unknown: {error.message}")
    return measured(keeping, known, found.runtime, found.sizes, others), trouble


def _place(
    arguments: argparse.Namespace, keeping: Keeping, known: NixDatabase, runtime: frozenset[str]
) -> Iterable[str]:
    if arguments.root is not None:
        links = placing.root([kept.path for kept in keeping.paths], Path(arguments.root))
        yield f"{len(links)} GC roots in {arguments.root}"
    if arguments.module_file is not None:
        placing.write_text(Path(arguments.module_file), placing.module(keeping))
        yield f"NixOS module {arguments.module_file}: import it and switch while online"
    if arguments.bundle is not None:
        size = placing.export(added(keeping, known, runtime), Path(arguments.bundle))
        yield (
            f"bundle {arguments.bundle}, {size / 1000:,.0f} kB: `harness restore` imports it on "
            "this machine, or another with the same system"
        )


def _print(keeping: Keeping, notes: list[str], form: str) -> None:
    if form == "json":
        print(json.dumps({**keeping.as_json(), "notes": notes}, indent=2))
        return
    sys.stdout.write("".join(f"{line}\n" for line in lines(keeping)))
    sys.stderr.write("".join(f"{note}\n" for note in notes))
