"""Derivations as Nix writes them to the store: ATerm text in, typed data out, and back.

The format is that of Nix's ``src/libstore/derivation/aterm.cc`` (``derivations.cc`` before 2.35);
the manual describes it in "Store Derivation and Deriving Path".  Reading the ``.drv`` text spares
us the JSON of ``nix derivation show``, whose shape changes between Nix versions.

Text is decoded as UTF-8 with ``surrogateescape``: attribute values may hold any byte, and writing
gives the same bytes back.
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from harness.errors import HarnessError

#: How bytes of a ``.drv`` become text and text becomes bytes: ``text.encode(*ENCODING)``.
ENCODING = ("utf-8", "surrogateescape")

#: Attribute under which Nix stores structured attributes ("Advanced Attributes" in the manual).
STRUCTURED_ATTRS = "__json"

_BASE = r"[0-9a-df-np-sv-z]{32}-[0-9A-Za-z+._?=-]+"
_STORE_PATH = re.compile(rf"/(?:[^/]+/)*{_BASE}")
_OUTPUT_NAME = re.compile(r"[0-9A-Za-z+._?=-]+")
_STRING = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = re.compile(r'["\\\n\r\t]')
_UNESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_ESCAPED = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
_HASH_ALGORITHM = re.compile(r"(r:|text:|git:)?(md5|sha1|sha256|sha512|blake3)")
_METHODS = {None: "flat", "r:": "nar", "text:": "text", "git:": "git"}
_DIGEST_BYTES = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64, "blake3": 32}

_T = TypeVar("_T")


class DerivationError(HarnessError):
    """A text is not a derivation, is cut short, or has a form that this harness does not know."""


class OutputKind(enum.Enum):
    """How an output gets its store path ("Derivation Outputs" in the Nix manual)."""

    INPUT_ADDRESSED = "input-addressed"
    FIXED = "fixed"
    FLOATING = "floating"
    DEFERRED = "deferred"
    IMPURE = "impure"


@dataclass(frozen=True, slots=True)
class Output:
    """One output, in the three fields of the ATerm form.

    *path* is empty where only a build can tell it (floating, deferred, impure).  *hash_algorithm*
    carries the ingestion method as a prefix (``r:sha256``), *digest* is in any of Nix's encodings.
    Raises `ValueError` where the three do not fit together.
    """

    path: str
    hash_algorithm: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        if self.path and not is_store_path(self.path):
            raise ValueError(f"{self.path!r} is not a store path")
        if not self.hash_algorithm:
            if self.digest:
                raise ValueError("a hash without a hash algorithm")
            return
        match = _HASH_ALGORITHM.fullmatch(self.hash_algorithm)
        if match is None:
            raise ValueError(f"hash algorithm {self.hash_algorithm!r} is unknown")
        if self.kind is OutputKind.FIXED:
            if not self.path:
                raise ValueError("a fixed output without its path")
            if not _is_digest(self.digest, _DIGEST_BYTES[match[2]]):
                raise ValueError(f"{self.digest!r} is not a {match[2]} hash")
        elif self.path:
            raise ValueError(f"an output that is {self.kind.value} cannot have a path yet")

    @property
    def kind(self) -> OutputKind:
        """How this output gets its path."""
        if not self.hash_algorithm:
            return OutputKind.INPUT_ADDRESSED if self.path else OutputKind.DEFERRED
        if self.digest == "impure":
            return OutputKind.IMPURE
        return OutputKind.FIXED if self.digest else OutputKind.FLOATING

    @property
    def method(self) -> str | None:
        """What is hashed: ``flat``, ``nar`` (recursive), ``text`` or ``git``; None: not content."""
        match = _HASH_ALGORITHM.fullmatch(self.hash_algorithm)
        return _METHODS[match[1]] if match else None


@dataclass(frozen=True, slots=True)
class Selection:
    """What one derivation takes from another: *outputs* by name.

    *dynamic* maps an output that is itself a derivation to what is taken from that one
    (experimental ``dynamic-derivations``, the form ``DrvWithVersion("xp-dyn-drv", …)``).
    """

    outputs: frozenset[str]
    dynamic: Mapping[str, Selection] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Derivation:
    """One build step.  Equality is that of meaning: the order of sets and maps does not count."""

    outputs: Mapping[str, Output]
    input_derivations: Mapping[str, Selection]
    input_sources: frozenset[str]
    platform: str
    builder: str
    args: tuple[str, ...]
    env: Mapping[str, str]

    @property
    def structured_attrs(self) -> Any:
        """The value of ``__structuredAttrs``, or None; raises `DerivationError` if not JSON."""
        text = self.env.get(STRUCTURED_ATTRS)
        if text is None:
            return None
        try:
            return json.loads(text)
        except ValueError as error:
            raise DerivationError(f"structured attributes are not JSON: {error}") from error

    @property
    def is_dynamic(self) -> bool:
        """Whether an input is an output of a derivation that is only written during a build."""
        return any(taken.dynamic for taken in self.input_derivations.values())


def is_store_path(text: str) -> bool:
    """Whether *text* is a whole store path in canonical form, whatever the store directory."""
    return _STORE_PATH.fullmatch(text) is not None


def parse_derivation(text: str, *, origin: str = "derivation") -> Derivation:
    """Read the text of a ``.drv`` file; *origin* names it in errors.

    Raises `DerivationError` with the position (characters, from 1) of whatever is not understood:
    nothing is guessed, because a graph with a part left out gives a false verdict.
    """
    reader = _Reader(text, origin)
    try:
        return reader.derivation()
    except RecursionError as error:
        raise reader.error("nested too deeply", reader.at) from error


def write_derivation(derivation: Derivation) -> str:
    """The text that Nix writes for *derivation*: sets and maps in the order of their bytes."""
    versioned = 'DrvWithVersion("xp-dyn-drv",' if derivation.is_dynamic else "Derive("
    return (
        versioned
        + ",".join(
            (
                _list(
                    f"({_quote(name)},{_quote(out.path)},"
                    f"{_quote(out.hash_algorithm)},{_quote(out.digest)})"
                    for name, out in _sorted(derivation.outputs)
                ),
                _list(
                    f"({_quote(path)},{_selection(taken)})"
                    for path, taken in _sorted(derivation.input_derivations)
                ),
                _strings(derivation.input_sources),
                _quote(derivation.platform),
                _quote(derivation.builder),
                _list(map(_quote, derivation.args)),
                _list(f"({_quote(key)},{_quote(val)})" for key, val in _sorted(derivation.env)),
            )
        )
        + ")"
    )


def _is_digest(text: str, size: int) -> bool:
    """Whether *text* is *size* bytes in base 16, Nix's base 32 or base 64."""
    alphabets = (
        (2 * size, r"[0-9a-fA-F]+"),
        ((8 * size + 4) // 5, r"[0-9a-df-np-sv-z]+"),
        (4 * ((size + 2) // 3), r"[0-9A-Za-z+/]+={0,2}"),
    )
    return any(len(text) == length and re.fullmatch(form, text) for length, form in alphabets)


def _bytes(text: str) -> bytes:
    return text.encode(*ENCODING)


def _sorted(mapping: Mapping[str, _T]) -> list[tuple[str, _T]]:
    return sorted(mapping.items(), key=lambda item: _bytes(item[0]))


def _quote(text: str) -> str:
    return '"' + _SPECIAL.sub(lambda match: _ESCAPED[match[0]], text) + '"'


def _list(items: Iterable[str]) -> str:
    return "[" + ",".join(items) + "]"


def _strings(texts: Iterable[str]) -> str:
    return _list(_quote(text) for text in sorted(texts, key=_bytes))


def _selection(taken: Selection) -> str:
    if not taken.dynamic:
        return _strings(taken.outputs)
    inner = (f"({_quote(name)},{_selection(node)})" for name, node in _sorted(taken.dynamic))
    return f"({_strings(taken.outputs)},{_list(inner)})"


class _Reader:
    """A recursive-descent reader over one text; *at* is the offset of what comes next."""

    def __init__(self, text: str, origin: str) -> None:
        self.text = text
        self.origin = origin
        self.at = 0

    def derivation(self) -> Derivation:
        dynamic = self.version()
        outputs = self.read_map(lambda: (self.output_name(), self.output()))
        self.expect(",")
        inputs = self.read_map(lambda: (self.store_path(), self.selection_after_comma(dynamic)))
        self.expect(",")
        sources = self.read_set(self.store_path)
        self.expect(",")
        platform = self.string()
        self.expect(",")
        builder = self.string()
        self.expect(",")
        args = tuple(self.read_list(self.string))
        self.expect(",")
        env = self.read_map(lambda: (self.string(), self.string_after_comma()))
        self.expect(")")
        if self.at != len(self.text):
            raise self.error("text after the end of the derivation")
        return Derivation(outputs, inputs, sources, platform, builder, args, env)

    def version(self) -> bool:
        """The opening; whether it is the form for dynamic derivations."""
        if self.accept("Derive("):
            return False
        if not self.accept("DrvWithVersion("):
            raise self.error("it does not start with 'Derive(' or 'DrvWithVersion('")
        start = self.at
        version = self.string()
        if version != "xp-dyn-drv":
            raise self.error(f"version {version!r} of the derivation format is unknown", start)
        self.expect(",")
        return True

    def output(self) -> Output:
        start = self.at
        fields = [self.string_after_comma() for _ in range(3)]
        try:
            return Output(*fields)
        except ValueError as error:
            raise self.error(str(error), start + 1) from error

    def selection_after_comma(self, dynamic: bool) -> Selection:
        self.expect(",")
        return self.selection(dynamic)

    def selection(self, dynamic: bool) -> Selection:
        start = self.at
        if dynamic and self.accept("("):
            outputs = self.read_set(self.output_name)
            self.expect(",")
            inner = self.read_map(lambda: (self.output_name(), self.selection_after_comma(dynamic)))
            self.expect(")")
            taken = Selection(outputs, inner)
        else:
            taken = Selection(self.read_set(self.output_name))
        if not taken.outputs and not taken.dynamic:
            raise self.error("an input derivation of which no output is taken", start)
        return taken

    def read_map(self, entry: Callable[[], tuple[str, _T]]) -> dict[str, _T]:
        result: dict[str, _T] = {}
        for start, (key, value) in self.items(lambda: self.parenthesised(entry)):
            if key in result:
                raise self.error(f"{key!r} appears twice", start)
            result[key] = value
        return result

    def read_set(self, item: Callable[[], str]) -> frozenset[str]:
        result: set[str] = set()
        for start, value in self.items(item):
            if value in result:
                raise self.error(f"{value!r} appears twice", start)
            result.add(value)
        return frozenset(result)

    def read_list(self, item: Callable[[], str]) -> list[str]:
        return [value for _start, value in self.items(item)]

    def items(self, item: Callable[[], _T]) -> Iterator[tuple[int, _T]]:
        """The items of a bracketed list, each with its offset."""
        self.expect("[")
        if self.accept("]"):
            return
        while True:
            start = self.at
            yield start, item()
            if self.accept("]"):
                return
            self.expect(",")

    def parenthesised(self, entry: Callable[[], _T]) -> _T:
        self.expect("(")
        value = entry()
        self.expect(")")
        return value

    def store_path(self) -> str:
        start = self.at
        path = self.string()
        if not is_store_path(path):
            raise self.error(f"{path!r} is not a store path", start)
        return path

    def output_name(self) -> str:
        start = self.at
        name = self.string()
        if not _OUTPUT_NAME.fullmatch(name):
            raise self.error(f"{name!r} is not an output name", start)
        return name

    def string_after_comma(self) -> str:
        self.expect(",")
        return self.string()

    def string(self) -> str:
        match = _STRING.match(self.text, self.at)
        if match is None:
            opened = self.text.startswith('"', self.at)
            raise self.error("a string without its end" if opened else "expected a string")
        self.at = match.end()
        raw = match[1]
        if "\\" not in raw:
            return raw
        return _ESCAPE.sub(lambda escape: _UNESCAPED.get(escape[1], escape[1]), raw)

    def accept(self, literal: str) -> bool:
        if not self.text.startswith(literal, self.at):
            return False
        self.at += len(literal)
        return True

    def expect(self, literal: str) -> None:
        if not self.accept(literal):
            raise self.error(f"expected {literal!r}")

    def error(self, what: str, at: int | None = None) -> DerivationError:
        position = self.at if at is None else at
        rest = self.text[position : position + 40]
        here = f"before {rest!r}" if rest else "where the text ends"
        return DerivationError(
            f"{self.origin}: not a derivation that this harness can read: "
            f"{what}, at character {position + 1}, {here}",
            hint="a damaged file (`nix-store --verify --check-contents` tells), "
            "or one written by a newer Nix than this harness knows",
        )
