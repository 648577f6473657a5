from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.errors import Problem
from harness.scenario import document
from harness.scenario.document import Sheet, read_document


def read(path: Path, content: bytes | str) -> tuple[yaml.Node | None, list[Problem]]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    sheet = Sheet("f.yaml")
    return read_document(path, sheet), sheet.problems


@pytest.mark.parametrize(
    ("content", "line", "column", "says"),
    [
        ("", 1, 1, "empty"),
        ("# nothing but a comment\n", 1, 1, "empty"),
        (b"\xef\xbb\xbfa: 1\n", 1, 1, "byte order mark"),
        (b"a: 1\nb: \xc3\xa4\xff\n", 2, 5, "not UTF-8: the byte 0xff"),
        ("a: 1\nb:\t2\n", 2, 3, "a tab"),
        ("a: 1\n\tb: 2\n", 2, 1, "a tab"),
        ("a: x\x00y\n", 1, 5, "U+0000"),
        ("a: x\x1b[31m\n", 1, 5, "U+001B"),
        ("a: x\u2028y\n", 1, 5, "U+2028"),
        ("a: x\u0085y\n", 1, 5, "U+0085"),
        ("a: 1\rb: 2\n", 1, 5, "U+000D"),
        ("a: 1\n---\nb: 2\n", 2, 1, "second document"),
        ("%YAML 1.1\n---\na: 1\n", 1, 1, "directives"),
        ("a: 1\nb: !!int 2\n", 2, 4, "tags"),
        ("a: !!python/object/apply:os.system [id]\n", 1, 4, "tags"),
        ("a: ! x\n", 1, 4, "tags"),
        ("a: &x [*x]\n", 1, 4, "contains an alias of itself"),
        ("a: *gone\n", 1, 4, "not valid YAML: found undefined alias"),
        ('a: "\\U00110000"\n', 1, 1, "not valid YAML"),
        ('a: "\\UFFFFFFFF"\n', 1, 1, "not valid YAML"),
        ("a: [1, 2\nb: 3\n", 2, 2, "not valid YAML"),
        ("a: 'open\n", 2, 1, "not valid YAML"),
        ("a: 1\na: 2\n", 2, 1, "duplicate key 'a': first on line 1"),
        ("a: {b: 1, 'b': 2}\n", 1, 11, "duplicate key 'b': first on line 1"),
        ("? [a]\n: 1\n", 1, 3, "a key must be a single word"),
        ("[" * 17 + "]" * 17, 1, 17, "nested more than 16 deep"),
        ("[" * 100_000, 1, 17, "nested more than 16 deep"),
    ],
)
def test_faults_have_places(
    tmp_path: Path, content: bytes | str, line: int, column: int, says: str
) -> None:
    _, problems = read(tmp_path / "f.yaml", content)
    assert [(p.line, p.column) for p in problems] == [(line, column)]
    assert says in problems[0].message


def test_every_duplicate_is_named_and_reading_goes_on(tmp_path: Path) -> None:
    root, problems = read(tmp_path / "f.yaml", "a: 1\na: 2\nb: {c: 1, c: 2}\n")
    assert [p.line for p in problems] == [2, 3]
    assert root is not None


def test_all_strange_characters_are_named(tmp_path: Path) -> None:
    _, problems = read(tmp_path / "f.yaml", "a:\t1\nb: \x07\n")
    assert [(p.line, p.column) for p in problems] == [(1, 3), (2, 4)]


def test_billion_laughs_are_counted_and_not_written_out(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 14)]
    _, problems = read(tmp_path / "f.yaml", "\n".join(rows))
    assert [p.message for p in problems] == ["more than 20000 values, with aliases written out"]


def test_modest_aliases_are_welcome(tmp_path: Path) -> None:
    root, problems = read(tmp_path / "f.yaml", "a: &x [1, 2]\nb: *x\n")
    assert not problems
    assert isinstance(root, yaml.MappingNode)
    assert root.value[0][1] is root.value[1][1]


def test_windows_line_ends_count_as_one_line_each(tmp_path: Path) -> None:
    root, problems = read(tmp_path / "f.yaml", "a: 1\r\nb: 2\r\n")
    assert not problems
    assert isinstance(root, yaml.MappingNode)
    assert root.value[1][0].start_mark.line == 1


def test_what_is_no_regular_file_is_never_opened(tmp_path: Path) -> None:
    folder, pipe = tmp_path / "folder", tmp_path / "pipe"
    folder.mkdir()
    os.mkfifo(pipe)
    for path, says in (
        (folder, "a folder"),
        (pipe, "not a regular file"),
        (tmp_path / "gone", "No such file"),
    ):
        sheet = Sheet("f.yaml")
        assert read_document(path, sheet) is None
        assert says in sheet.problems[0].message


def test_size_is_bounded(tmp_path: Path) -> None:
    _, problems = read(tmp_path / "f.yaml", "#" * (document.MAX_BYTES + 1))
    assert "larger than 256 KiB" in problems[0].message


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.binary(max_size=80), st.text(max_size=80).map(lambda t: t.encode("utf-8"))))
@example(b"\xed\xa0\x80")  # a lone surrogate
@example("a: \ufffe\n".encode())
@example(b'a: "\\ud800"\n')
@example(b"a: &a [*a, *a]\n")
@example(b"- ? \n")
@example(b"<<: *a")
def test_any_content_gives_a_tree_or_problems(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    root, problems = read(path, content)
    assert root is not None or problems
    lines = content.count(b"\n") + 2
    assert all(1 <= p.line <= lines and p.column >= 1 for p in problems)
