"""Rehearse edits on a machine, online: what they change, and what evaluating them imports."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from harness.machines.base import Machine
from harness.nix.graph import load_graph
from harness.nix.store import Store
from harness.strategies.base import Rehearsal
from harness.systems import base as systems


def rehearse(
    machine: Machine, tree: str, base: Sequence[str], edited: Sequence[Sequence[str]]
) -> Rehearsal:
    """Evaluate the *base* configuration and each *edited* one (lists of modules).

    The machine is used up: all that the base system does not refer to is collected first, .drv
    files too, so that whatever is there afterwards was put there by the evaluations.  Outputs
    among that were imported (import from derivation), or made so that others could be.
    """
    store = Store(machine)
    store.collect_garbage("--option", "keep-derivations", "false")
    before = store.registrations().keys()
    (first,) = systems.evaluated(machine, tree, [base])
    imported_by_base = _imported(store, before)
    following = systems.evaluated(machine, tree, edited)
    return Rehearsal(
        configurations=(*map(tuple, edited), tuple(base)),
        base=first,
        following=tuple(following),
        imported_by_base=imported_by_base,
        imported=_imported(store, before),
        recipes=store.all_derivations(),
    )


def _imported(store: Store, before: Collection[str]) -> tuple[str, ...]:
    """The derivations with an output that is new since *before*, but for inputs of other such."""
    recipes: Mapping[str, str] = store.all_derivations()
    graph = load_graph(recipes, recipes.__getitem__)
    new = store.registrations().keys() - set(before)
    realised = {
        node
        for node, outputs in enumerate(graph.outputs)
        if any(key in new for key in outputs.values())
    }
    inputs = {below for node in realised for below in graph.reachable(graph.inputs[node])}
    return tuple(graph.derivations[node] for node in sorted(realised - inputs))
