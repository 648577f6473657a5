"""A YAML file as nodes that know their line: a strict part of YAML 1.2.

PyYAML's `safe_load` keeps the last of duplicate keys, turns `no` into False and forgets lines, so
the tree of nodes is composed and read here instead.  Tags, directives, tabs, control characters
and several documents in a file are refused; anchors and aliases are welcome within bounds.
"""

from __future__ import annotations

import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import yaml

from harness.errors import Problem

#: The shipped scenarios have less than 10 KiB; this only keeps accidents out of the parser.
MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
#: Nodes with every alias written out, against "billion laughs" files.
MAX_NODES = 20_000


class _Mark(Protocol):
    """A place in the text, of either of PyYAML's two implementations."""

    line: int
    column: int


class Sheet:
    """One file that is being read, and all the faults found in it so far."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def complain(self, node: yaml.Node, message: str) -> None:
        """Note a fault at the place of *node*."""
        self.complain_at(*_line_and_column(node.start_mark), message)

    def complain_at(self, line: int, column: int, message: str) -> None:
        """Note a fault; lines and columns start at 1."""
        self.problems.append(Problem(self.file, line, column, message))


#: What PyYAML itself raises for numbers that are none (an escape beyond Unicode, a version).
_IMPOSSIBLE = (ValueError, OverflowError)


def read_document(path: Path, sheet: Sheet) -> yaml.Node | None:
    """The root node of the file, or None when *sheet* holds the reasons why there is none.

    Of a duplicate key, which is a fault, the tree holds all occurrences.
    """
    text = _read_text(path, sheet)
    if text is None or not _is_plain_text(text, sheet) or not _has_plain_structure(text, sheet):
        return None
    try:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, *_IMPOSSIBLE) as error:
        _complain_of_yaml(error, sheet)
        return None
    if root is None:
        sheet.complain_at(1, 1, "the file is empty")
        return None
    if not _is_bounded(root, sheet):
        return None
    _check_keys(root, sheet)
    return root


def _read_text(path: Path, sheet: Sheet) -> str | None:
    """The text of a regular file of bounded size in UTF-8; a pipe or a device is never opened."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            sheet.complain_at(1, 1, f"this is {what}; a YAML file is expected here")
            return None
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        sheet.complain_at(1, 1, f"the file cannot be read: {error.strerror}")
        return None
    if len(content) > MAX_BYTES:
        sheet.complain_at(1, 1, f"the file is larger than {MAX_BYTES // 1024} KiB")
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8")
        line, column = _place(before, len(before))
        sheet.complain_at(line, column, f"not UTF-8: the byte 0x{content[error.start]:02x}")
        return None


def _place(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _is_plain_text(text: str, sheet: Sheet) -> bool:
    """Whether all characters are harmless, with as many lines for PyYAML as for an editor."""
    faults = list(_strange_characters(text))
    for index, message in faults:
        sheet.complain_at(*_place(text, index), message)
    return not faults


def _strange_characters(text: str) -> Iterator[tuple[int, str]]:
    for index, character in enumerate(text):
        if character == "\t":
            yield index, "a tab: use spaces"
        elif character == "\ufeff":
            yield index, "a byte order mark: save the file as UTF-8 without one"
        elif is_strange(character) and not text.startswith("\r\n", index):
            yield index, f"the control character U+{ord(character):04X}"


def is_strange(character: str) -> bool:
    """Whether a character other than a line feed has no place in text (controls, separators)."""
    return character != "\n" and unicodedata.category(character) in {"Cc", "Cs", "Cn", "Zl", "Zp"}


def _complain_of_yaml(error: Exception, sheet: Sheet) -> None:
    if not isinstance(error, yaml.MarkedYAMLError):
        sheet.complain_at(1, 1, f"not valid YAML: {error}")
        return
    place = _line_and_column(error.problem_mark or error.context_mark)
    context = f" ({error.context})" if error.context else ""
    sheet.complain_at(*place, f"not valid YAML: {error.problem}{context}")


def _line_and_column(mark: _Mark | None) -> tuple[int, int]:
    """Counted from 1, unlike PyYAML's; an error without a mark is at the start of the file."""
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


class _Structure:
    """Follows the events of the parser; PyYAML composes by recursion, so depth is bounded first."""

    def __init__(self) -> None:
        self.depth = 0
        self.documents = 0

    def fault(self, event: yaml.Event) -> str:
        """What is wrong with this event, if anything."""
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if event.version or event.tags:
                return "directives (%YAML, %TAG) are not allowed"
        if isinstance(event, yaml.CollectionStartEvent):
            self.depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            self.depth -= 1
        if self.documents > 1:
            return "a second document: one file holds one scenario"
        if self.depth > MAX_DEPTH:
            return f"nested more than {MAX_DEPTH} deep"
        if isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent) and event.tag:
            return "tags (!) are not allowed"
        return ""


def _has_plain_structure(text: str, sheet: Sheet) -> bool:
    """Whether there is one document at most, of bounded depth, without tags and directives."""
    structure = _Structure()
    try:
        for event in yaml.parse(text, Loader=yaml.BaseLoader):
            if fault := structure.fault(event):
                sheet.complain_at(*_line_and_column(event.start_mark), fault)
                return False
    except (yaml.YAMLError, *_IMPOSSIBLE) as error:
        _complain_of_yaml(error, sheet)
        return False
    return True


def children(node: yaml.Node) -> list[yaml.Node]:
    """The nodes directly below: items of a list, keys and values of a mapping."""
    if isinstance(node, yaml.SequenceNode):
        return list(node.value)
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return []


def _is_bounded(root: yaml.Node, sheet: Sheet) -> bool:
    """No alias inside its own anchor, no explosion: nodes are counted as if written out."""
    sizes: dict[int, int] = {}
    above: set[int] = set()

    def size(node: yaml.Node) -> int:
        if id(node) in above:
            sheet.complain(node, "this anchor contains an alias of itself")
            return MAX_NODES
        if id(node) not in sizes:
            above.add(id(node))
            sizes[id(node)] = min(1 + sum(map(size, children(node))), MAX_NODES + 1)
            above.remove(id(node))
        return sizes[id(node)]

    found = len(sheet.problems)
    if size(root) > MAX_NODES and len(sheet.problems) == found:
        sheet.complain(root, f"more than {MAX_NODES} values, with aliases written out")
    return len(sheet.problems) == found


def _check_keys(root: yaml.Node, sheet: Sheet) -> None:
    """Every key of every mapping is a scalar and appears once."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        waiting.extend(children(node))
        if isinstance(node, yaml.MappingNode):
            _complain_of_keys(node, sheet)


def _complain_of_keys(node: yaml.MappingNode, sheet: Sheet) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            sheet.complain(key, "a key must be a single word, not a list or a mapping")
        elif key.value in lines:
            sheet.complain(key, f"duplicate key {key.value!r}: first on line {lines[key.value]}")
        else:
            lines[key.value] = key.start_mark.line + 1
