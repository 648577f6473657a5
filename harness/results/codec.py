"""Between the frozen dataclasses of the results and JSON, strict in both directions.

Reading checks every type and every name, since a results file comes from another host, another
version or another program; the first fault found is reported with its place in the document.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import types
import typing
from collections.abc import Callable, Mapping

from harness.results import CellKey, CellResult

type_hints = functools.cache(typing.get_type_hints)
_Read = Callable[[object], typing.Any]

#: Properties that are written beside the fields for those who read the file with other programs.
#: Reading recomputes and compares them.
_DERIVED: Mapping[type, tuple[str, ...]] = {CellKey: ("id",), CellResult: ("outcome",)}


class MisfitError(Exception):
    """A JSON value is not what its place wants. `place` is like ``cells[3].key.role``.

    Readers of files turn it into an `InputError` that names the file.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.place = ""

    def within(self, step: str) -> MisfitError:
        """The same fault, seen from one level further out."""
        self.place = (
            f"{step}{'' if self.place.startswith('[') or not self.place else '.'}{self.place}"
        )
        return self

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


def to_json(value: object) -> str:
    """One line of JSON, ASCII only, so that no log can tear or spoil it."""
    return json.dumps(value, default=_fields, allow_nan=False, separators=(",", ":"))


def _fields(value: object) -> dict[str, object]:
    if isinstance(value, Mapping):
        return dict(value)
    if not dataclasses.is_dataclass(value):
        raise TypeError(f"no JSON form for {type(value).__name__}")
    # Beside the fields, in their order, it has only what is computed once: the derived properties.
    derived = {name: getattr(value, name) for name in _DERIVED.get(type(value), ())}
    return vars(value) | derived


def parse(text: str) -> object:
    """JSON without the liberties of Python's reader: no NaN, no duplicate keys, no deep nesting.

    Raises `ValueError` (`json.JSONDecodeError` where there is a line to name).
    """
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(constant: str) -> typing.NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return found


T = typing.TypeVar("T")


def decode(kind: type[T], value: object) -> T:
    """*value*, as `parse` gives it, as a *kind*. Raises `MisfitError`."""
    result: T = _reader(typing.cast(typing.Any, kind))(value)
    return result


@functools.cache
def _reader(kind: typing.Any) -> _Read:
    """A function that reads one kind of value; made once for each, for speed."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType:
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        read = _reader(inner)
        return lambda value: None if value is None else read(value)
    if origin is tuple:
        return _list_reader(_reader(arguments[0]))
    if origin is Mapping:
        return _map_reader(_reader(arguments[1]))
    if dataclasses.is_dataclass(kind):
        return _record_reader(typing.cast(type, kind))
    if issubclass(kind, enum.StrEnum):
        return _word_reader(kind)
    return _SCALARS[kind]


#: No store and no run is larger, and sums of what is smaller can be told.
_MOST = 10**18


def _text(value: object) -> str:
    if type(value) is not str:
        raise _wrong("text", value)
    return value


def _truth(value: object) -> bool:
    if type(value) is not bool:
        raise _wrong("true or false", value)
    return value


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value <= _MOST:
        raise _wrong("a whole number from 0, of at most 18 digits,", value)
    return value


def _seconds(value: object) -> float:
    if type(value) not in (int, float) or not 0 <= typing.cast(float, value) <= _MOST:
        raise _wrong("a number from 0, of at most 18 digits,", value)
    return float(typing.cast(float, value))


_SCALARS: Mapping[type, _Read] = {str: _text, bool: _truth, int: _count, float: _seconds}


def _wrong(wanted: str, value: object) -> MisfitError:
    shown = repr(value)
    return MisfitError(
        f"{wanted} is wanted here, not {shown if len(shown) <= 60 else shown[:57] + '...'}"
    )


def _word_reader(kind: type[enum.StrEnum]) -> _Read:
    words: dict[object, enum.StrEnum] = {member.value: member for member in kind}

    def read(value: object) -> enum.StrEnum:
        found = words.get(value) if type(value) is str else None
        if found is None:
            raise _wrong(f"one of {', '.join(map(str, words))}", value)
        return found

    return read


def _list_reader(read: _Read) -> _Read:
    def read_list(value: object) -> tuple[object, ...]:
        if not isinstance(value, list):
            raise _wrong("a list", value)
        items = []
        for index, item in enumerate(value):
            try:
                items.append(read(item))
            except MisfitError as misfit:
                raise misfit.within(f"[{index}]") from None
        return tuple(items)

    return read_list


def _map_reader(read: _Read) -> _Read:
    def read_map(value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise _wrong("an object", value)
        items = {}
        for name, item in value.items():
            try:
                items[name] = read(item)
            except MisfitError as misfit:
                raise misfit.within(name) from None
        return items

    return read_map


def _record_reader(kind: type) -> _Read:
    hints = type_hints(kind)
    derived = _DERIVED.get(kind, ())
    wanted = [field.name for field in dataclasses.fields(kind)]
    names = frozenset(wanted).union(derived)
    # Most fields are texts: they are looked at in place, which saves a call for each.
    texts = [name for name in wanted if hints[name] is str]
    readers = {name: _reader(hints[name]) for name in wanted if hints[name] is not str}

    def read(value: object) -> object:
        if not isinstance(value, dict):
            raise _wrong("an object", value)
        if value.keys() != names:
            raise _keys_differ(names, value.keys())
        arguments = value.copy()
        for name in derived:
            del arguments[name]
        for name in texts:
            if type(arguments[name]) is not str:
                raise _wrong("text", arguments[name]).within(name)
        for name, read_field in readers.items():
            try:
                arguments[name] = read_field(arguments[name])
            except MisfitError as misfit:
                raise misfit.within(name) from None
        # Not by the constructor: that of a frozen dataclass makes a call for each of its fields.
        record: object = object.__new__(kind)
        vars(record).update(zip(wanted, map(arguments.__getitem__, wanted), strict=True))
        for name in derived:
            if getattr(record, name) != value[name]:
                raise _wrong(f"{getattr(record, name)} (from the rest)", value[name]).within(name)
        return record

    return read


def _keys_differ(wanted: typing.AbstractSet[str], found: typing.AbstractSet[str]) -> MisfitError:
    missing, unknown = sorted(wanted - found), sorted(found - wanted)
    parts = [f"missing: {', '.join(missing)}"] if missing else []
    parts += [f"unknown: {', '.join(unknown)[:200]}"] if unknown else []
    return MisfitError("; ".join(parts))
