"""Why a rebuild cannot be had offline, in a few lines: what is missing, why, and by which chain.

Nix lists derivations down to the bootstrap sources; this names the outputs nearest to the edit
(https://github.com/NixOS/nixpkgs/pull/153724 shows what finding the cause takes without).
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from harness.nix.closure import Missing, offline_rebuild
from harness.nix.graph import DerivationGraph
from harness.nix.store import name_of

#: How many missing paths a text names before it only counts the rest.
_SHOWN = 8


class Gone(enum.StrEnum):
    """Why a needed path is not there."""

    SUBSTITUTED = "never here: what needs it came from a cache"
    COLLECTED_SOURCE = "a source, collected"
    COLLECTED_BUILD_INPUT = "only needed to build, collected"
    NEW = "new: the edit is the first to need it"
    ABSENT = "not in the store"


@dataclass(frozen=True)
class MissingPath:
    """One thing that a rebuild lacks. *chain* leads from the edit to it, by names; *size* bytes."""

    path: str
    name: str
    output: str
    why: Gone
    chain: tuple[str, ...]
    size: int | None = None


@dataclass(frozen=True)
class Explanation:
    """What a rebuild would take offline: nothing but the edit when *missing* is empty.

    *edit* are the derivations that the edit changes, *again* unchanged ones that would have to be
    built again, both by name.
    """

    missing: tuple[MissingPath, ...]
    edit: tuple[str, ...]
    again: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """For people: the missing set first, then what is expected."""
        expected = f"the edit itself rebuilds {_count(self.edit, 'derivation')}"
        names = ", ".join(self.edit[:4]) + (", ..." if len(self.edit) > 4 else "")
        expected += f" ({names}), as expected" if self.edit else ""
        if not self.missing:
            return ["nothing is missing", expected]
        found = [f"{_count(self.missing, 'path')} missing, nearest to the edit first:"]
        for item in self.missing[:_SHOWN]:
            size = "" if item.size is None else f", {item.size / 1000:,.0f} kB"
            output = "" if item.output in ("", "out") else f" (output {item.output})"
            found.append(f"  {item.name}{output}: {item.why}{size}")
            found.append(f"    needed by {' <- '.join(reversed(item.chain))}")
        if len(self.missing) > _SHOWN:
            found.append(f"  and {len(self.missing) - _SHOWN} more")
        return [*found, expected]


@dataclass(frozen=True)
class Known:
    """What is known of a store: *available* now, *earlier* (None: nobody looked), NAR sizes."""

    available: Collection[str]
    earlier: Collection[str] | None = None
    sizes: Mapping[str, int] | None = None


def explain(
    graph: DerivationGraph, base: Iterable[int], following: Iterable[int], known: Known
) -> Explanation:
    """Why *following* can or cannot be rebuilt offline, given what the store has.

    *base* and *following* are nodes of *graph*: the toplevels before and after the edit.
    """
    roots = list(base)
    rebuild = offline_rebuild(graph, roots, following, known.available)
    of_base = {key for node in graph.reachable(roots) for key in graph.outputs[node].values()}
    of_base.update(source for node in graph.reachable(roots) for source in graph.sources[node])
    return Explanation(
        missing=tuple(_missing(graph, item, known, of_base) for item in rebuild.missing),
        edit=tuple(_name(graph, node) for node in rebuild.edit),
        again=tuple(_name(graph, node) for node in rebuild.again),
    )


def _missing(
    graph: DerivationGraph, item: Missing, known: Known, of_base: Collection[str]
) -> MissingPath:
    sizes = known.sizes or {}
    links = item.chain if item.node is None else item.chain[:-1]
    return MissingPath(
        path=item.key,
        name=name_of(item.key.split("!")[0]).removesuffix(".drv"),
        output=item.output or "",
        why=_why(item, known, of_base),
        chain=tuple(_name(graph, node) for node in links),
        size=sizes.get(item.key),
    )


def _why(item: Missing, known: Known, of_base: Collection[str]) -> Gone:
    if item.key not in of_base:
        return Gone.NEW
    if known.earlier is None:
        return Gone.ABSENT
    if item.key not in known.earlier:
        return Gone.SUBSTITUTED
    return Gone.COLLECTED_SOURCE if item.fixed else Gone.COLLECTED_BUILD_INPUT


def _name(graph: DerivationGraph, node: int) -> str:
    return name_of(graph.derivations[node]).removesuffix(".drv")


def _count(items: Collection[object], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"
