"""What a machine has to keep so that edits like the rehearsed ones can be rebuilt offline."""

from __future__ import annotations

import enum
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import ExitCode, HarnessError
from harness.nix.closure import irredundant, minimal_set, runtime_closure, total_size
from harness.nix.database import NixDatabase
from harness.nix.graph import DerivationGraph
from harness.nix.store import name_of


class RehearsalError(HarnessError):
    """The set cannot be told: what was compared does not fit this machine."""

    exit_code = ExitCode.USAGE


class Purpose(enum.StrEnum):
    """What a kept path is needed for."""

    BUILD = "build-input"  # an unchanged input of what the edits change
    IMPORT = "imported"  # the evaluation reads it, and a derivation makes it
    EVALUATION = "evaluation-source"  # the evaluation reads it, and fetched it


@dataclass(frozen=True)
class Kept:
    """One path to keep; *derivation* is ``DRV!OUTPUT``, or "" for a source. *size*: bytes."""

    path: str
    purpose: Purpose
    derivation: str = ""
    size: int | None = None

    @property
    def name(self) -> str:
        """The name of the store path."""
        return name_of(self.path)


@dataclass(frozen=True)
class Keeping:
    """What to keep for the edits from *base* to each of *following*.

    *changed* counts the derivations that the edits rebuild.  *closure* is what *paths* refer to and
    the base system does not, as far as it is in the store (sizes in bytes; *unknown* counts paths
    of which the size is not known).
    """

    base: str
    following: tuple[str, ...]
    changed: int
    paths: tuple[Kept, ...]
    closure_size: int = 0
    closure_unknown: int = 0

    def as_json(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {
            "base": self.base,
            "next": list(self.following),
            "changed": self.changed,
            "keep": [
                {
                    "path": kept.path,
                    "name": kept.name,
                    "purpose": str(kept.purpose),
                    "derivation": kept.derivation or None,
                    "size": kept.size,
                }
                for kept in self.paths
            ],
            "closure_size": {"known": self.closure_size, "unknown": self.closure_unknown},
        }


@dataclass(frozen=True)
class Configurations:
    """The .drv paths of base and of the rehearsed systems, and what evaluating them imports."""

    base: str
    following: tuple[str, ...]
    imported_by_base: tuple[str, ...] = ()
    imported: tuple[str, ...] = ()


def base_runtime(graph: DerivationGraph, base: str, known: NixDatabase) -> frozenset[str]:
    """The runtime closure of the base system, which the machine keeps anyway.

    Raises `RehearsalError` when that system is not in the store.
    """
    keys = list(graph.outputs[graph.node(base)].values())
    absent = [key for key in keys if key not in known.paths]
    if absent:
        raise RehearsalError(
            f"the system before the edits is not in this store: {absent[0]}",
            hint="build it or switch to it first; are BASE and NEXT swapped?",
        )
    return runtime_closure(keys, known.references)


def keep(
    graph: DerivationGraph,
    systems: Configurations,
    runtime: Container[str],
    sources: Sequence[str] = (),
) -> Keeping:
    """The smallest set of paths with which nothing of base has to be rebuilt (`minimal_set`).

    *runtime* is there anyway; *sources* are what the evaluation fetched.  Raises `RehearsalError`
    for an output whose path only a build can tell.
    """
    base = [graph.node(drv) for drv in (systems.base, *systems.imported_by_base)]
    following = [graph.node(drv) for drv in (*systems.following, *systems.imported)]
    found = minimal_set(graph, base, following, runtime)
    imported = {key for drv in systems.imported for key in graph.outputs[graph.node(drv)].values()}
    paths = []
    for root in found.roots:
        if "!" in root.key:
            raise RehearsalError(
                f"{root.key} has no path before it is built (a floating output)",
                hint="content-addressed derivations cannot be rehearsed",
            )
        purpose = Purpose.IMPORT if root.key in imported else Purpose.BUILD
        paths.append(Kept(root.key, purpose, f"{graph.derivations[root.node]}!{root.output}"))
    paths += [Kept(path, Purpose.EVALUATION) for path in sources if path not in runtime]
    tops = {graph.node(drv) for drv in systems.imported}
    changed = sum(1 for node in found.rebuilt if node not in tops)
    return Keeping(systems.base, systems.following, changed, tuple(paths))


def measured(
    keeping: Keeping, known: NixDatabase, runtime: Container[str], *others: Mapping[str, int]
) -> Keeping:
    """The same with the sizes that the database knows, or else one of *others*."""
    sizes = (known.nar_sizes, *others)

    def size(path: str) -> int | None:
        return next((known[path] for known in sizes if path in known), None)

    paths = tuple(
        Kept(kept.path, kept.purpose, kept.derivation, size(kept.path)) for kept in keeping.paths
    )
    total = total_size(added(keeping, known, runtime), *sizes)
    return Keeping(
        keeping.base,
        keeping.following,
        keeping.changed,
        paths,
        total.known,
        len(total.unknown),
    )


def added(keeping: Keeping, known: NixDatabase, runtime: Container[str]) -> list[str]:
    """What keeping these paths adds to the store: their closure without the base system's."""
    roots = [kept.path for kept in keeping.paths]
    closure = runtime_closure(
        roots, lambda path: known.references(path) if path in known.paths else ()
    )
    return sorted(path for path in closure if path not in runtime)


def thinned(keeping: Keeping, known: NixDatabase) -> Keeping:
    """The same without paths that another one refers to; all of them must be valid by now."""
    left = set(irredundant([kept.path for kept in keeping.paths], known.references))
    paths = tuple(kept for kept in keeping.paths if kept.path in left)
    return Keeping(keeping.base, keeping.following, keeping.changed, paths)


def lines(keeping: Keeping) -> Iterable[str]:
    """For people: the set with sizes, then what it comes to."""
    if not keeping.paths:
        yield "nothing has to be kept: these edits need only what the system refers to anyway"
    for kept in sorted(keeping.paths, key=lambda kept: (kept.purpose, kept.name)):
        size = "size unknown" if kept.size is None else f"{kept.size / 1000:,.1f} kB"
        yield f"{size:>14}  {kept.path}  ({kept.purpose})"
    unknown = f" and {keeping.closure_unknown} of unknown size" if keeping.closure_unknown else ""
    yield (
        f"{_count(len(keeping.paths), 'path')} to keep for "
        f"{_count(len(keeping.following), 'edit')}; with all that they refer to and the system "
        f"does not: {keeping.closure_size / 1000:,.1f} kB{unknown}"
    )
    yield f"the edits rebuild {_count(keeping.changed, 'derivation')}, as expected"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
