"""Questions about closures: what is kept, what an edit changes, what is missing, and why.

Outputs count one by one: a derivation that builds against a library's ``dev`` output needs ``dev``
and nothing else of it.  An output is named by its key, as in `harness.nix.graph`.

A fixed output is a boundary: it is the same whatever its recipe says, so a changed recipe behind
an unchanged fixed output is no change (https://github.com/NixOS/nix/issues/10376), and it is
fetched, so it cannot be had offline (nor can an impure derivation's output be relied on).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass

from harness.nix.graph import DerivationGraph, GraphError

#: Gives the store paths that a store path refers to; raises `HarnessError` if it does not know it.
References = Callable[[str], Iterable[str]]


@dataclass(frozen=True, slots=True)
class BuildClosure:
    """All that building something from nothing would touch: nodes, outputs (keys), sources."""

    derivations: tuple[int, ...]
    outputs: frozenset[str]
    sources: frozenset[str]


@dataclass(frozen=True, slots=True)
class Root:
    """An output that has to be kept so that a rebuild works."""

    node: int
    output: str
    key: str


@dataclass(frozen=True, slots=True)
class MinimalSet:
    """What suffices to rebuild *next* offline without rebuilding anything of *base*.

    *sources* are the input sources of what is rebuilt: evaluation adds them again while the
    expressions are on disk, so they need keeping only where those are not.
    """

    roots: tuple[Root, ...]
    rebuilt: tuple[int, ...]
    sources: frozenset[str]


@dataclass(frozen=True, slots=True)
class Missing:
    """A store path that a rebuild needs, that is absent and cannot be had offline.

    *chain* is the shortest way to it: nodes from a root of *next* down to the derivation that
    makes it or, for an input source (*node* and *output* are None), to one that uses it.  Each
    link but the last has to be built.
    """

    key: str
    node: int | None
    output: str | None
    fixed: bool
    of_edit: bool
    chain: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OfflineRebuild:
    """What a rebuild without network comes to; it works exactly if *missing* is empty.

    *missing* is nearest first.  *edit* are the changed derivations that have to be built, which
    is expected; *again* the unchanged ones whose outputs are gone but can be built again.
    """

    missing: tuple[Missing, ...]
    edit: tuple[int, ...]
    again: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """Sum of NAR sizes in bytes, and the paths whose size nobody knows."""

    known: int
    unknown: tuple[str, ...]


def runtime_closure(paths: Iterable[str], references: References) -> frozenset[str]:
    """*paths* and all that they refer to (``nix-store -qR``)."""
    seen = dict.fromkeys(paths)
    queue = list(seen)
    for path in queue:
        for reference in references(path):
            if reference not in seen:
                seen[reference] = None
                queue.append(reference)
    return frozenset(seen)


def build_closure(graph: DerivationGraph, roots: Iterable[int]) -> BuildClosure:
    """Derivations, outputs and input sources below *roots* (``nix-store -qR DRV``)."""
    nodes = graph.reachable(roots)
    return BuildClosure(
        derivations=tuple(nodes),
        outputs=frozenset(key for node in nodes for key in graph.outputs[node].values()),
        sources=frozenset(source for node in nodes for source in graph.sources[node]),
    )


def changed_derivations(
    graph: DerivationGraph, base: Iterable[int], following: Iterable[int]
) -> tuple[int, ...]:
    """The derivations that going from *base* to *following* adds, nearest to *following* first.

    One counts if its outputs are none of base's, and if the way to it leads through such
    derivations only: what sits behind an output that base has as well does not matter.
    """
    known = _outputs(graph, base)
    return tuple(_walk(graph, following, lambda _node, key: key not in known).entered)


def minimal_set(
    graph: DerivationGraph,
    base: Iterable[int],
    following: Iterable[int],
    runtime: Container[str],
) -> MinimalSet:
    """The outputs to keep so that *following* can be rebuilt after *base*, and none too many.

    *base* and *following* are the toplevel derivations, and those that evaluating each of them
    imports (import from derivation).  *runtime* is the runtime closure of base, which is there
    anyway.  Walking from *following*: an output in *runtime* needs nothing; one that base's build
    closure knows, or that is fixed, is a root; anything else is rebuilt, so the walk goes on into
    it.  Realised, roots may refer to each other: `irredundant` drops those.
    """
    known = _outputs(graph, base)

    def is_rebuilt(node: int, key: str) -> bool:
        return not (key in runtime or key in known or graph.needs_network(node))

    walk = _walk(graph, following, is_rebuilt)
    return MinimalSet(
        roots=tuple(
            Root(need.node, need.output, key)
            for key, need in walk.stopped.items()
            if key not in runtime
        ),
        rebuilt=tuple(walk.entered),
        sources=frozenset(source for node in walk.entered for source in graph.sources[node]),
    )


def irredundant(paths: Iterable[str], references: References) -> tuple[str, ...]:
    """Those of *paths* that no other of them refers to, directly or not, in the same order."""
    wanted = tuple(dict.fromkeys(paths))
    beneath = {ref for path in wanted for ref in references(path) if ref != path}
    kept_anyway = runtime_closure(beneath, references)
    return tuple(path for path in wanted if path not in kept_anyway)


def offline_rebuild(
    graph: DerivationGraph,
    base: Iterable[int],
    following: Iterable[int],
    available: Container[str],
) -> OfflineRebuild:
    """What rebuilding *following* without network needs, when base's derivations are no news.

    *available* holds the store paths that are valid once *following* has been evaluated (which adds
    its input sources), and any that a substituter within reach has.  An available output needs
    nothing.  A changed derivation has to be built.  An unchanged one that is absent may be built
    again only if all that it needs can be had offline; else its output is missing, and what lies
    behind it is not looked at: it is the outputs nearest to the edit that somebody has to keep.
    """
    edit = frozenset(changed_derivations(graph, base, following))
    offline = _Offline(graph, available)

    def is_rebuilt(node: int, key: str) -> bool:
        if key in available or graph.needs_network(node):
            return False
        return node in edit or offline.can_build(node)

    walk = _walk(graph, following, is_rebuilt)
    outputs = [
        Missing(
            key=key,
            node=need.node,
            output=need.output,
            fixed=need.node in graph.fixed,
            of_edit=need.node in edit,
            chain=(*walk.chain(need.user), need.node),
        )
        for key, need in walk.stopped.items()
        if key not in available
    ]
    sources: dict[str, Missing] = {}
    for user in walk.entered:
        for source in graph.sources[user]:
            if source not in available and source not in sources:
                sources[source] = Missing(source, None, None, False, user in edit, walk.chain(user))
    return OfflineRebuild(
        missing=tuple(sorted([*outputs, *sources.values()], key=lambda one: len(one.chain))),
        edit=tuple(node for node in walk.entered if node in edit),
        again=tuple(node for node in walk.entered if node not in edit),
    )


def total_size(paths: Iterable[str], *nar_sizes: Mapping[str, int]) -> Size:
    """The size of *paths* (each counted once), asking *nar_sizes* in their order (bytes)."""
    known = 0
    unknown = []
    for path in dict.fromkeys(paths):
        size = next((sizes[path] for sizes in nar_sizes if path in sizes), None)
        if size is None:
            unknown.append(path)
        else:
            known += size
    return Size(known, tuple(unknown))


@dataclass(frozen=True, slots=True)
class _Need:
    """An output that is needed, and the node that needs it first (None: it is asked for itself)."""

    node: int
    output: str
    user: int | None


@dataclass(frozen=True, slots=True)
class _Walk:
    """A breadth-first walk from what is asked for into what has to be built.

    *entered*: the nodes to build, each with its first user; all their outputs come out of the
    build.  *stopped*: the outputs that are not built, by key.
    """

    entered: Mapping[int, int | None]
    stopped: Mapping[str, _Need]

    def chain(self, node: int | None) -> tuple[int, ...]:
        """The shortest way from what is asked for to *node*, both included."""
        links: list[int] = []
        while node is not None:
            links.append(node)
            node = self.entered[node]
        return tuple(reversed(links))


def _walk(
    graph: DerivationGraph, roots: Iterable[int], is_built: Callable[[int, str], bool]
) -> _Walk:
    """Walk the outputs needed for all outputs of *roots*; *is_built* judges (node, key)."""
    entered: dict[int, int | None] = {}
    stopped: dict[str, _Need] = {}
    queue: list[int] = []

    def need(node: int, output: str, key: str, user: int | None) -> None:
        if node in entered or key in stopped:
            return
        if is_built(node, key):
            entered[node] = user
            queue.append(node)
        else:
            stopped[key] = _Need(node, output, user)

    for root in roots:
        for output, key in graph.outputs[root].items():
            need(root, output, key, None)
    for user in queue:
        for node, output, key in graph.taken(user):
            need(node, output, key, user)
    return _Walk(entered, stopped)


def _outputs(graph: DerivationGraph, roots: Iterable[int]) -> frozenset[str]:
    return build_closure(graph, roots).outputs


class _Offline:
    """Remembers which absent derivations could be built again from what is available."""

    def __init__(self, graph: DerivationGraph, available: Container[str]) -> None:
        self.graph = graph
        self.available = available
        self.verdicts: dict[int, bool] = {}
        #: Node → the inputs of which an output that it takes is absent.
        self.absent: dict[int, tuple[int, ...]] = {}

    def can_build(self, node: int) -> bool:
        """Whether all that *node* needs, to any depth, is available or can be built."""
        stack = [node]
        while stack:
            current = stack[-1]
            if current in self.verdicts:
                stack.pop()
                continue
            visited = current in self.absent
            verdict, undecided = self.judge(current)
            if verdict is not None:
                self.verdicts[current] = verdict
            elif visited:  # all that it waits for was above it on the stack
                raise GraphError(f"{self.graph.derivations[current]} depends on itself")
            else:
                stack.extend(undecided)
        return self.verdicts[node]

    def judge(self, node: int) -> tuple[bool | None, list[int]]:
        """The verdict on one derivation, or None and the derivations that it hangs on."""
        if self.graph.needs_network(node):
            return False, []
        if not all(source in self.available for source in self.graph.sources[node]):
            return False, []
        if node not in self.absent:
            taken = self.graph.taken(node)
            absent = {source: None for source, _output, key in taken if key not in self.available}
            self.absent[node] = tuple(absent)
        undecided = []
        for source in self.absent[node]:
            verdict = self.verdicts.get(source)
            if verdict is False:
                return False, []
            if verdict is None:
                undecided.append(source)
        return (None, undecided) if undecided else (True, [])
