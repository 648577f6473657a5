"""The graph of derivations below one or more roots, read from the ``.drv`` files of a store.

A NixOS system has thousands of derivations and a package set a hundred thousand, so nodes are
integers in lists, and a derivation's text is only *summarised*: outputs, inputs and sources.  Its
arguments and environment are checked for shape and left unread (`harness.nix.derivation` reads all
of it).  A text that the summary's pattern does not match goes to the full parser, which either
understands it or says where it does not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.collector import no_cyclic_collection
from harness.errors import HarnessError
from harness.nix.derivation import (
    ENCODING,
    DerivationError,
    Output,
    OutputKind,
    is_store_path,
    parse_derivation,
)

#: Gives the text of a derivation for its store path; raises KeyError or OSError if there is none.
ReadDerivation = Callable[[str], str]

_BLOCK = 1 << 16
_WITHOUT_PATH = (OutputKind.FLOATING, OutputKind.DEFERRED, OutputKind.IMPURE)


class GraphError(HarnessError):
    """The graph cannot be read whole, or is asked about something that it does not hold."""


@dataclass(frozen=True, slots=True)
class DerivationGraph:
    """Derivations as nodes 0, 1, 2, …, in breadth-first order from the roots.

    An output is known by its *key*: its store path, or ``DRV!NAME`` (Nix's own notation) where only
    a build can tell the path.  Such an output counts as the same only when its recipe is the same.
    """

    #: Node → path of its ``.drv``.
    derivations: Sequence[str]
    #: Node → output name → key.
    outputs: Sequence[Mapping[str, str]]
    #: Node → nodes that it takes outputs from.
    inputs: Sequence[Sequence[int]]
    #: Node → names of the outputs taken, in step with `inputs`.
    selected: Sequence[Sequence[tuple[str, ...]]]
    #: Node → store paths that it uses as they are (input sources).
    sources: Sequence[Sequence[str]]
    #: Nodes with a fixed output: the same whatever the recipe, and fetched rather than made.
    fixed: frozenset[int]
    #: Nodes that Nix builds anew each time, with network (experimental ``impure-derivations``).
    impure: frozenset[int]
    _numbers: Mapping[str, int]

    def node(self, derivation: str) -> int:
        """The node of a ``.drv`` path; raises `GraphError` if it is not in this graph."""
        try:
            return self._numbers[derivation]
        except KeyError:
            raise GraphError(f"{derivation} is not in the derivation graph") from None

    def key(self, node: int, output: str) -> str:
        """The key of one output; raises `GraphError` if the derivation has no such output."""
        try:
            return self.outputs[node][output]
        except KeyError:
            raise GraphError(f"{self.derivations[node]} has no output {output!r}") from None

    def needs_network(self, node: int) -> bool:
        """Whether realising this derivation is a download and not a build."""
        return node in self.fixed or node in self.impure

    def taken(self, node: int) -> Iterator[tuple[int, str, str]]:
        """(input node, output name, key) of every output that a derivation's build uses."""
        for source, names in zip(self.inputs[node], self.selected[node], strict=True):
            keys = self.outputs[source]
            for name in names:
                yield source, name, keys[name] if name in keys else self.key(source, name)

    def reachable(self, roots: Iterable[int]) -> list[int]:
        """The roots and all that they depend on, breadth first."""
        seen = bytearray(len(self.derivations))
        order: list[int] = []
        for root in roots:
            if not seen[root]:
                seen[root] = 1
                order.append(root)
        inputs = self.inputs
        for node in order:
            for source in inputs[node]:
                if not seen[source]:
                    seen[source] = 1
                    order.append(source)
        return order


@dataclass(frozen=True, slots=True)
class _Summary:
    """What the graph keeps of one derivation."""

    outputs: list[tuple[str, str, str, str]]
    inputs: list[tuple[str, str]]
    sources: list[str]


def store_reader(directory: Path) -> ReadDerivation:
    """Reads ``.drv`` files from *directory*, the place where the store's files really are.

    That is ``/nix/store`` itself, or where a machine's store is mounted.
    """
    prefix = f"{directory}/"

    def read(path: str) -> str:
        # A file object would cost as much again as the reading, a hundred thousand times.
        descriptor = os.open(prefix + path.rpartition("/")[2], os.O_RDONLY)
        try:
            blocks = iter(lambda: os.read(descriptor, _BLOCK), b"")
            return b"".join(blocks).decode(*ENCODING)
        finally:
            os.close(descriptor)

    return read


def load_graph(roots: Iterable[str], read: ReadDerivation) -> DerivationGraph:
    """Read the derivations below *roots* (paths of ``.drv`` files), each of them once.

    Raises `GraphError` for a root that is no derivation's path, a derivation that *read* does not
    have, a path of another store, and inputs that only a build will write (dynamic derivations);
    `DerivationError` for a text that is no derivation.
    """
    paths = list(dict.fromkeys(roots))
    for path in paths:
        if not (is_store_path(path) and path.endswith(".drv")):
            raise GraphError(
                f"{path} is not the store path of a derivation",
                hint="give the path of a .drv file, as `nix-instantiate` prints it",
            )
    stores = {path.rpartition("/")[0] for path in paths}
    if len(stores) > 1:
        raise GraphError(f"derivations of several stores: {', '.join(sorted(stores))}")
    with no_cyclic_collection():
        return _Loader(paths, read).load()


class _Numbers(dict[str, int]):
    """Numbers paths as they are first asked for, and lists them in that order."""

    def __init__(self, paths: list[str]) -> None:
        super().__init__((path, number) for number, path in enumerate(paths))
        self.paths = paths

    def __missing__(self, path: str) -> int:
        number = self[path] = len(self.paths)
        self.paths.append(path)
        return number


class _Interned(dict[str, tuple[str, ...]]):
    """``"dev","out"`` → ``("dev", "out")``, one tuple per spelling."""

    def __missing__(self, spelling: str) -> tuple[str, ...]:
        names = self[spelling] = tuple(spelling[1:-1].split('","'))
        return names


class _Loader:
    """The lists of a graph while they grow."""

    def __init__(self, roots: list[str], read: ReadDerivation) -> None:
        self.read = read
        self.store = roots[0].rpartition("/")[0] if roots else ""
        self.whole, self.one_output, self.one_input = _patterns(self.store)
        self.numbers = _Numbers(roots)
        self.selections = _Interned()
        self.interned_sources: dict[str, str] = {}
        self.outputs: list[dict[str, str]] = []
        self.inputs: list[list[int]] = []
        self.selected: list[list[tuple[str, ...]]] = []
        self.sources: list[list[str]] = []
        self.fixed: set[int] = set()
        self.impure: set[int] = set()

    def load(self) -> DerivationGraph:
        for node, path in enumerate(self.numbers.paths):  # grows while we walk it
            self.add(node, path, self.summary(path))
        return DerivationGraph(
            derivations=self.numbers.paths,
            outputs=self.outputs,
            inputs=self.inputs,
            selected=self.selected,
            sources=self.sources,
            fixed=frozenset(self.fixed),
            impure=frozenset(self.impure),
            _numbers=dict(self.numbers),  # a plain one: asking must not add
        )

    def add(self, node: int, path: str, summary: _Summary) -> None:
        outputs = {out[0]: self.output(node, path, *out) for out in summary.outputs}
        if len(outputs) != len(summary.outputs):
            raise DerivationError(f"{path}: an output appears twice")
        self.outputs.append(outputs)
        self.inputs.append([self.numbers[drv] for drv, _names in summary.inputs])
        self.selected.append([self.selections[names] for _drv, names in summary.inputs])
        self.sources.append([self.interned_sources.setdefault(src, src) for src in summary.sources])

    def output(self, node: int, path: str, name: str, out: str, algorithm: str, digest: str) -> str:
        """The key of an output, after noting what kind it is."""
        if out and not algorithm and not digest:
            return out
        try:
            kind = Output(out, algorithm, digest).kind
        except ValueError as error:
            raise DerivationError(f"{path}: output {name!r}: {error}") from error
        if kind is OutputKind.FIXED:
            self.fixed.add(node)
        elif kind is OutputKind.IMPURE:
            self.impure.add(node)
        return f"{path}!{name}" if kind in _WITHOUT_PATH else out

    def summary(self, path: str) -> _Summary:
        text = self.text(path)
        match = self.whole.fullmatch(text)
        if match is None:
            return _full_summary(text, path, self.store)
        sources = match[3]
        return _Summary(
            self.one_output.findall(match[1]),
            self.one_input.findall(match[2]),
            sources[1:-1].split('","') if sources else [],
        )

    def text(self, path: str) -> str:
        try:
            return self.read(path)
        except (KeyError, FileNotFoundError) as error:
            raise GraphError(
                f"the derivation {path} is missing{self.needed_by(path)}",
                hint="evaluate the configuration again (`nix-instantiate`) to have it written",
            ) from error
        except OSError as error:
            raise GraphError(f"cannot read the derivation {path}: {error.strerror}") from error

    def needed_by(self, path: str) -> str:
        """Who asked for a derivation, for an error."""
        number = self.numbers[path]
        users = (user for user, inputs in enumerate(self.inputs) if number in inputs)
        return next((f" ({self.numbers.paths[user]} needs it)" for user in users), "")


def _full_summary(text: str, path: str, store: str) -> _Summary:
    """The summary by way of the full parser: for unusual texts, and for errors with a position."""
    drv = parse_derivation(text, origin=path)
    if drv.is_dynamic:
        raise GraphError(
            f"{path} depends on a derivation that only a build will write (dynamic derivations)",
            hint="such a graph is not known before it is built, so nothing is said about it",
        )
    inputs, sources = sorted(drv.input_derivations.items()), sorted(drv.input_sources)
    for mentioned in (*(drv_path for drv_path, _taken in inputs), *sources):
        if mentioned.rpartition("/")[0] != store:
            raise GraphError(f"{path} mentions {mentioned}, which is not in the store {store}")
    return _Summary(
        [(name, o.path, o.hash_algorithm, o.digest) for name, o in sorted(drv.outputs.items())],
        [(drv_path, '"' + '","'.join(sorted(taken.outputs)) + '"') for drv_path, taken in inputs],
        sources,
    )


def _patterns(store: str) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """For derivations of one store: the whole text, one of its outputs, one of its inputs.

    Every quantifier is possessive, so that a text that does not match fails in linear time.
    """
    name = r'"[0-9A-Za-z+._?=-]++"'
    path = rf'"{re.escape(store)}/[0-9a-df-np-sv-z]{{32}}-[0-9A-Za-z+._?=-]++"'
    string = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
    plain = r'"[^"\\]*+"'

    def items(item: str) -> str:
        return f"(?:{item}(?:,{item})*+)?+"

    output = rf'\({name},(?:""|{path}),{plain},{plain}\)'
    taken = rf"\({path},\[{name}(?:,{name})*+\]\)"
    pair = rf"\({string},{string}\)"
    whole = (
        rf"Derive\(\[({items(output)})\],\[({items(taken)})\],\[({items(path)})\],"
        rf"{string},{string},\[{items(string)}\],\[{items(pair)}\]\)"
    )
    return (
        re.compile(whole, re.DOTALL),
        re.compile(r'\("([^"]*+)","([^"]*+)","([^"]*+)","([^"]*+)"\)'),
        re.compile(r'\("([^"]*+)",\[([^]]*+)\]\)'),
    )
