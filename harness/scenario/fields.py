"""Reads typed values from YAML nodes; what does not fit is noted on the sheet, with its place.

Each reader returns None (or an empty tuple) after a complaint, so that reading goes on and all
the faults of a file are found in one go.  Types are those of YAML 1.2's core schema: an unquoted
`yes` is text, an unquoted `5` is a number and no text.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import yaml

from harness.scenario.document import Sheet, is_strange
from harness.scenario.wording import shown, unknown

#: Names become parts of paths, of file names in the machine and of identifiers in reports.
NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
MAX_NAME = 64
MAX_TITLE = 200
MAX_PARAGRAPH = 4000

_NOTHING = re.compile(r"|~|null|Null|NULL")
_TRUTH = re.compile(r"true|True|TRUE|false|False|FALSE")
_NUMBER = re.compile(
    r"[-+]?(0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+"
    r"|[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?|\.[0-9_]+([eE][-+]?[0-9]+)?"
    r"|\.(inf|Inf|INF)|\.(nan|NaN|NAN))"
)


def kind(node: yaml.Node) -> str:
    """The type of a node in words."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if isinstance(node, yaml.ScalarNode) and node.style is None:
        if _NOTHING.fullmatch(node.value):
            return "nothing"
        if _TRUTH.fullmatch(node.value):
            return "true or false"
        if _NUMBER.fullmatch(node.value):
            return "a number"
    return "text"


def _is(expected: str, sheet: Sheet, node: yaml.Node, what: str) -> bool:
    found = kind(node)
    if found == expected:
        return True
    quote = expected == "text" and found in {"a number", "true or false"}
    hint = "; put it in quotes" if quote else ""
    sheet.complain(node, f"{what} must be {expected}, not {found}{hint}")
    return False


def entries(
    sheet: Sheet,
    node: yaml.Node,
    what: str,
    *,
    required: Collection[str] = (),
    optional: Collection[str] = (),
) -> dict[str, yaml.Node]:
    """The values of a mapping with known keys."""
    if not _is("a mapping", sheet, node, what):
        return {}
    known = [*required, *optional]
    found: dict[str, yaml.Node] = {}
    for key, value in _pairs(node):
        if key.value in known:
            found.setdefault(key.value, value)
        else:
            sheet.complain(key, f"{what}: {unknown('key', key.value, known)}")
    for lacking in [key for key in required if key not in found]:
        sheet.complain(node, f"{what} lacks the key {lacking!r}")
    return found


def named_entries(sheet: Sheet, node: yaml.Node, what: str) -> dict[str, tuple[int, yaml.Node]]:
    """The lines and the values of a mapping whose keys are names that the user chose."""
    if not _is("a mapping", sheet, node, what):
        return {}
    found: dict[str, tuple[int, yaml.Node]] = {}
    for key, value in _pairs(node):
        if name(sheet, key, f"a key of {what}") is not None:
            found.setdefault(key.value, (key.start_mark.line + 1, value))
    return found


def _pairs(node: yaml.Node) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    return [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]


def text(sheet: Sheet, node: yaml.Node, what: str, *, lines: bool = False) -> str | None:
    """Text for people: one line, or several where *lines* says so."""
    if not _is("text", sheet, node, what):
        return None
    value: str = node.value
    longest = MAX_PARAGRAPH if lines else MAX_TITLE
    if not value.strip():
        sheet.complain(node, f"{what} is empty")
    elif len(value) > longest:
        sheet.complain(node, f"{what} is longer than {longest} characters")
    elif any(map(is_strange, value)):
        sheet.complain(node, f"{what} contains control characters")
    elif "\n" in value.strip() and not lines:
        sheet.complain(node, f"{what} must be one line")
    else:
        return value.strip()
    return None


def name_fault(word: str) -> str:
    """Why *word* cannot be a name; empty when it can."""
    if NAME.fullmatch(word) and len(word) <= MAX_NAME:
        return ""
    return (
        f"{shown(word)} is not a name: a to z, 0 to 9 and dashes, no dash first, "
        f"{MAX_NAME} characters at most"
    )


def name(sheet: Sheet, node: yaml.Node, what: str) -> str | None:
    """A name that the user chose."""
    if not _is("text", sheet, node, what):
        return None
    if fault := name_fault(node.value):
        sheet.complain(node, fault)
        return None
    value: str = node.value
    return value


def integer(sheet: Sheet, node: yaml.Node, what: str, least: int, most: int) -> int | None:
    """A whole number within bounds, in plain decimal digits."""
    if not _is("a number", sheet, node, what):
        return None
    plain = re.fullmatch(r"0|[1-9][0-9]{0,17}", node.value)
    if not plain or not least <= int(node.value) <= most:
        digits = "" if plain else ", in decimal digits"
        sheet.complain(node, f"{what} must be a whole number from {least} to {most}{digits}")
        return None
    return int(node.value)


def boolean(sheet: Sheet, node: yaml.Node, what: str) -> bool | None:
    """`true` or `false`."""
    if not _is("true or false", sheet, node, what):
        return None
    return bool(node.value.lower() == "true")


def word(sheet: Sheet, node: yaml.Node, what: str, allowed: Collection[str]) -> str | None:
    """One of the *allowed* words."""
    if not _is("text", sheet, node, what):
        return None
    value: str = node.value
    if value not in allowed:
        sheet.complain(node, unknown(what, value, allowed))
        return None
    return value


def items(sheet: Sheet, node: yaml.Node, what: str, *, single: bool = True) -> list[yaml.Node]:
    """The nodes of a list that is not empty; where *single* allows, one text stands for a list."""
    if single and kind(node) == "text":
        return [node]
    if not isinstance(node, yaml.SequenceNode):
        sheet.complain(node, f"{what} must be a list{' or one word' * single}, not {kind(node)}")
        return []
    if not node.value:
        sheet.complain(node, f"{what} is an empty list: nothing would run")
    return list(node.value)


def words(
    sheet: Sheet, node: yaml.Node, what: str, allowed: Collection[str], *, single: bool = True
) -> tuple[str, ...]:
    """Different words out of the *allowed* ones, in the order of the file."""
    found: dict[str, None] = {}
    for item in items(sheet, node, what, single=single):
        value = word(sheet, item, what, allowed)
        if value in found:
            sheet.complain(item, f"{what}: {shown(item.value)} is listed twice")
        elif value is not None:
            found[value] = None
    return tuple(found)
