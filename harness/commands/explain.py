"""``harness explain``: why a rebuild of NEXT after BASE works or fails without a network."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping

from harness.errors import ExitCode, HarnessError, UsageError
from harness.nix.explanation import Explanation, Known, explain, explain_import
from harness.nix.graph import DerivationGraph, load_graph
from harness.nix.local import LocalStore
from harness.nix.sizes import cache_sizes, remembered_sizes


def main(arguments: argparse.Namespace) -> ExitCode:
    """Print what is missing and why; nothing is written, and Nix is not needed."""
    store = LocalStore.at(arguments.store, arguments.state)
    base, following = store.derivations([arguments.base, arguments.next])
    graph = load_graph([base, following], store.read)
    if not arguments.imported:
        check_order(graph, base, following, store.available)
    found = _explained(graph, (base, following), store, arguments)
    if arguments.format == "json":
        shown = {"base": base, "next": following, **found.as_json()}
        print(json.dumps(shown, indent=2))
    else:
        sys.stdout.write("".join(f"{line}\n" for line in found.lines()))
    return ExitCode.OK


def check_order(
    graph: DerivationGraph, base: str, following: str, available: Iterable[str]
) -> None:
    """Raise `UsageError` when the system after the edit is there and the one before is not."""

    def is_there(drv: str) -> bool:
        outputs = graph.outputs[graph.node(drv)].values()
        return all(key in available for key in outputs)

    if is_there(following) and not is_there(base):
        raise UsageError(
            f"{following} is in the store already, and {base} is not: they look swapped",
            hint="BASE is the system as it is, NEXT the edited one",
        )


def _explained(
    graph: DerivationGraph,
    pair: tuple[str, str],
    store: LocalStore,
    arguments: argparse.Namespace,
) -> Explanation:
    base, following = (graph.node(drv) for drv in pair)
    notes = _remarks(graph, base, following, store)

    def told(sizes: Mapping[str, int], remarks: Iterable[str]) -> Explanation:
        known = Known(
            available=store.available,
            sizes=sizes,
            derivers=store.database.derivers,
            built_here=store.database.built_here,
            damaged=store.damaged,
        )
        if arguments.imported:
            return explain_import(graph, [base], following, known)
        return explain(graph, [base], [following], known, remarks)

    paths = [item.path for item in told({}, ()).missing]
    sizes, trouble = _sizes(paths, arguments.cache) if paths else ({}, [])
    return told(sizes, [*notes, *trouble])


def _remarks(graph: DerivationGraph, base: int, following: int, store: LocalStore) -> list[str]:
    keys = graph.outputs[following].values()
    if not all(key in store.available for key in graph.outputs[base].values()):
        return ["BASE itself is not in this store: was it ever built or switched to here?"]
    if set(keys) <= set(graph.outputs[base].values()):
        return ["both derivations give the same output: the edit changes nothing"]
    if all(key in store.available for key in keys):
        return ["the edited system is in the store already"]
    return []


def _sizes(paths: list[str], cache: str | None) -> tuple[dict[str, int], list[str]]:
    """The sizes that can be had, and what stood in the way of others: no reason to say nothing."""
    found: dict[str, int] = {}
    trouble = []
    try:
        found.update(remembered_sizes(paths))
        if cache is not None:
            found.update(cache_sizes(cache, [path for path in paths if path not in found]))
    except UsageError:
        raise
    except HarnessError as error:
        trouble.append(f"some sizes are unknown: {error.message}")
    return found, trouble
