"""Why a rebuild cannot be had offline, in a few lines: what is missing, why, and by which chain.

Nix lists derivations down to the bootstrap sources; this names the outputs nearest to the edit
(https://github.com/NixOS/nixpkgs/pull/153724 shows what finding the cause takes without).  The
JSON form is described by ``explanation.schema.json`` beside this module.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from harness.nix.closure import Missing, offline_rebuild
from harness.nix.graph import DerivationGraph
from harness.nix.store import name_of

#: Raised whenever the meaning or the shape of the JSON form changes.
SCHEMA_VERSION = 1
_NOTHING_MISSING = (
    "nothing is missing; if the rebuild failed all the same, asking an unreachable cache did: "
    "use `--option substitute false`"
)
#: How many missing paths a text names before it only counts the rest.
_SHOWN = 8


class Phase(enum.StrEnum):
    """Where a rebuild stops without a network."""

    EVALUATION = "evaluation-fetch"
    BUILD = "build-miss"
    NOTHING = "nothing-missing"


class Gone(enum.StrEnum):
    """Why a needed path is not there."""

    NEVER_HERE = "never-here"
    COLLECTED_SOURCE = "collected-source"
    COLLECTED_BUILD_INPUT = "collected-build-input"
    DERIVER_MISMATCH = "deriver-mismatch"
    IMPORTED = "imported"
    NEW = "new"
    DAMAGED = "damaged"
    ABSENT = "absent"

    @property
    def words(self) -> str:
        """For people."""
        return _WORDS[self]


_WORDS = {
    Gone.NEVER_HERE: "never here: what it was needed for came from a cache",
    Gone.COLLECTED_SOURCE: "a source, collected",
    Gone.COLLECTED_BUILD_INPUT: "only needed to build, collected",
    Gone.DERIVER_MISMATCH: (
        "not kept: the database names another .drv for what it was needed for (NixOS/nix#2712)"
    ),
    Gone.IMPORTED: "made for the evaluation (import from derivation), in no closure, collected",
    Gone.NEW: "new: the edit is the first to need it",
    Gone.DAMAGED: "registered as valid but not on the disk (`nix-store --verify --repair`)",
    Gone.ABSENT: "not in the store",
}


@dataclass(frozen=True)
class MissingPath:
    """One thing that a rebuild lacks. *chain* leads from the edit to it, by names; *size* bytes."""

    path: str
    name: str
    output: str
    why: Gone
    chain: tuple[str, ...]
    size: int | None = None

    def lines(self) -> list[str]:
        """What it is and why it is gone; then who needs it, the nearest first."""
        size = "" if self.size is None else f", {self.size / 1000:,.1f} kB"
        output = "" if self.output in ("", "out") else f" (output {self.output})"
        found = [f"  {self.name}{output}: {self.why.words}{size}"]
        if self.chain:
            found.append(f"    needed by {' <- '.join(reversed(self.chain))}")
        return found


@dataclass(frozen=True)
class Explanation:
    """What a rebuild would take offline: nothing but the edit when *missing* is empty.

    *edit* are the derivations that the edit changes, *again* unchanged ones that would have to be
    built again, both by name.  *notes* are remarks on what was compared.
    """

    missing: tuple[MissingPath, ...]
    edit: tuple[str, ...]
    again: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    of_evaluation: bool = False

    @property
    def phase(self) -> Phase:
        """Where the rebuild stops."""
        if not self.missing:
            return Phase.NOTHING
        return Phase.EVALUATION if self.of_evaluation else Phase.BUILD

    def lines(self) -> list[str]:
        """For people: the missing set first, then what is expected."""
        return [*self._found(), *self._expected(), *self.notes]

    def _found(self) -> list[str]:
        if not self.missing:
            return [_NOTHING_MISSING]
        what = _count(self.missing, "path")
        verb = "is" if len(self.missing) == 1 else "are"
        if self.of_evaluation:
            found = [
                f"the evaluation stops, since it imports from a derivation: {what} {verb} missing:"
            ]
        else:
            found = [f"the build stops: {what} {verb} missing, nearest to the edit first:"]
        for item in self.missing[:_SHOWN]:
            found += item.lines()
        if len(self.missing) > _SHOWN:
            found.append(f"  and {len(self.missing) - _SHOWN} more")
        return found

    def _expected(self) -> list[str]:
        found = []
        if self.edit:
            of_edit = f"the edit itself rebuilds {_count(self.edit, 'derivation')}"
            found.append(f"{of_edit} ({_some(self.edit)}), as expected")
        elif not self.missing:
            found.append("no derivation has to be built")
        if self.again:
            found.append(
                f"{_count(self.again, 'unchanged derivation')} would be built again from what is "
                f"there ({_some(self.again)})"
            )
        return found

    def as_json(self) -> dict[str, object]:
        """Plain data for JSON, as ``explanation.schema.json`` describes it."""
        sizes = [item.size for item in self.missing]
        return {
            "version": SCHEMA_VERSION,
            "phase": str(self.phase),
            "missing": [
                {
                    "path": item.path,
                    "name": item.name,
                    "output": item.output or None,
                    "why": str(item.why),
                    "explanation": item.why.words,
                    "chain": list(item.chain),
                    "size": item.size,
                }
                for item in self.missing
            ],
            "missing_size": {
                "known": sum(size for size in sizes if size is not None),
                "unknown": sizes.count(None),
            },
            "edit": list(self.edit),
            "again": list(self.again),
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Known:
    """What is known of a store and its past.

    *available*: the paths that are there.  *earlier*: those that were there before the collection
    (None: nobody looked).  *sizes*: NAR sizes in bytes.  *derivers* and *built_here*: as the
    database has them; *damaged*: registered, but not on the disk.
    """

    available: Collection[str]
    earlier: Collection[str] | None = None
    sizes: Mapping[str, int] = field(default_factory=dict)
    derivers: Mapping[str, str] = field(default_factory=dict)
    built_here: Collection[str] = frozenset()
    damaged: Collection[str] = frozenset()


def explain(
    graph: DerivationGraph,
    base: Iterable[int],
    following: Iterable[int],
    known: Known,
    notes: Iterable[str] = (),
) -> Explanation:
    """Why *following* can or cannot be rebuilt offline, given what the store has.

    *base* and *following* are nodes of *graph*: the toplevels before and after the edit.
    """
    roots = list(base)
    rebuild = offline_rebuild(graph, roots, following, known.available)
    past = _Past(graph, roots, known)
    return Explanation(
        missing=tuple(_missing(graph, item, known, past) for item in rebuild.missing),
        edit=tuple(_name(graph, node) for node in rebuild.edit),
        again=tuple(_name(graph, node) for node in rebuild.again),
        notes=tuple(notes),
    )


def explain_import(
    graph: DerivationGraph, base: Iterable[int], imported: int, known: Known
) -> Explanation:
    """Why an evaluation stops which reads the outputs of *imported* (import from derivation).

    The outputs themselves are missing if they were here once; those that an edit changes have to
    be built, and lack what that takes.
    """
    outputs = graph.outputs[imported].values()
    if known.earlier is not None and not any(key in known.earlier for key in outputs):
        return replace(explain(graph, base, [imported], known), of_evaluation=True)
    missing = tuple(
        MissingPath(
            path=key,
            name=_name(graph, imported),
            output=output,
            why=Gone.IMPORTED,
            chain=("the evaluation of the configuration",),
            size=known.sizes.get(key),
        )
        for output, key in graph.outputs[imported].items()
        if key not in known.available
    )
    return Explanation(missing=missing, edit=(), of_evaluation=True)


def _missing(graph: DerivationGraph, item: Missing, known: Known, past: _Past) -> MissingPath:
    links = item.chain if item.node is None else item.chain[:-1]
    return MissingPath(
        path=item.key,
        name=name_of(item.key.split("!")[0]).removesuffix(".drv"),
        output=item.output or "",
        why=past.why(item),
        chain=tuple(_name(graph, node) for node in links),
        size=known.sizes.get(item.key),
    )


class _Past:
    """What can be told of a missing path from base's graph, an earlier look and the database."""

    def __init__(self, graph: DerivationGraph, base: list[int], known: Known) -> None:
        self.graph = graph
        self.base = base
        self.known = known
        nodes = graph.reachable(base)
        self.of_base = {key for node in nodes for key in graph.outputs[node].values()}
        self.of_base.update(source for node in nodes for source in graph.sources[node])
        #: What uses a key, within base; made when first asked for, since most graphs are large.
        self._users: dict[str, list[int]] | None = None

    def why(self, item: Missing) -> Gone:
        """The best reason that is known."""
        if item.key in self.known.damaged:
            return Gone.DAMAGED
        if item.key not in self.of_base:
            return Gone.NEW
        users = self.valid_users(item.key)
        collected = Gone.COLLECTED_BUILD_INPUT
        if item.fixed or item.node is None:
            collected = Gone.COLLECTED_SOURCE
        if self.known.earlier is not None:
            if item.key not in self.known.earlier:
                return Gone.NEVER_HERE
            return Gone.DERIVER_MISMATCH if any(map(self.strange, users)) else collected
        if any(self.made_here(user) for user in users):
            return collected
        if any(map(self.strange, users)):
            return Gone.DERIVER_MISMATCH
        return Gone.NEVER_HERE if users else Gone.ABSENT

    def valid_users(self, key: str) -> list[int]:
        """The nearest derivations above *key* which still have an output: what it was here for."""
        if self._users is None:
            self._users = _users(self.graph, self.base)
        seen: dict[int, None] = dict.fromkeys(self._users.get(key, ()))
        found = []
        queue = list(seen)
        for node in queue:
            if self.valid_outputs(node):
                found.append(node)
                continue
            for above in self.graph.outputs[node].values():
                for user in self._users.get(above, ()):
                    if user not in seen:
                        seen[user] = None
                        queue.append(user)
        return found

    def valid_outputs(self, node: int) -> list[str]:
        keys = self.graph.outputs[node].values()
        return [key for key in keys if key in self.known.available]

    def made_here(self, node: int) -> bool:
        """Whether an output that is there was built on this machine, so its inputs were here."""
        return any(key in self.known.built_here for key in self.valid_outputs(node))

    def strange(self, node: int) -> bool:
        """Whether the database records another derivation than this for what is there.

        keep-derivations keeps the recorded one, so keep-outputs keeps nothing of this one's
        (https://github.com/NixOS/nix/issues/2712).  A fixed output has many rightful derivers.
        """
        if node in self.graph.fixed:
            return False
        derivers = [self.known.derivers.get(key) for key in self.valid_outputs(node)]
        return any(drv is not None and drv != self.graph.derivations[node] for drv in derivers)


def _users(graph: DerivationGraph, base: list[int]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for user in graph.reachable(base):
        for _node, _output, key in graph.taken(user):
            found.setdefault(key, []).append(user)
        for source in graph.sources[user]:
            found.setdefault(source, []).append(user)
    return found


def _name(graph: DerivationGraph, node: int) -> str:
    return name_of(graph.derivations[node]).removesuffix(".drv")


def _some(names: Collection[str]) -> str:
    return ", ".join(list(names)[:4]) + (", ..." if len(names) > 4 else "")


def _count(items: Collection[object], noun: str) -> str:
    return f"{len(items):,} {noun}{'' if len(items) == 1 else 's'}"
