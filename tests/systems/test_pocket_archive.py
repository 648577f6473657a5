"""The archives and hashes that Nix pins: read back by other readers than the writers."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.process import run
from harness.systems.pocket.archive import Entry, Link, Node, Program, archive, nar

names = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))
nodes: st.SearchStrategy[Node] = st.recursive(
    st.one_of(
        st.binary(max_size=40),
        st.builds(Program, st.binary(max_size=40)),
        st.builds(Link, names),
    ),
    lambda inner: st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)


class NarReader:
    """Reads a NAR as the Nix manual's grammar has it; anything else is a failed assertion."""

    def __init__(self, content: bytes) -> None:
        self._stream = io.BytesIO(content)

    def word(self) -> bytes:
        length = int.from_bytes(self._stream.read(8), "little")
        content = self._stream.read(length)
        assert len(content) == length
        assert self._stream.read(-length % 8) == bytes(-length % 8)
        return content

    def expect(self, *words: str) -> None:
        for word in words:
            assert self.word() == word.encode()

    def whole(self) -> Node:
        self.expect("nix-archive-1")
        node = self.node()
        assert self._stream.read() == b""
        return node

    def node(self) -> Node:
        self.expect("(", "type")
        kind = self.word()
        if kind == b"directory":
            return self.folder()
        if kind == b"symlink":
            self.expect("target")
            node: Node = Link(self.word().decode())
        else:
            assert kind == b"regular"
            following = self.word()
            if following == b"executable":
                self.expect("", "contents")
                node = Program(self.word())
            else:
                assert following == b"contents"
                node = self.word()
        self.expect(")")
        return node

    def folder(self) -> Node:
        entries: dict[str, Node] = {}
        last = b""
        while (word := self.word()) == b"entry":
            self.expect("(", "name")
            name = self.word()
            assert name > last
            last = name
            self.expect("node")
            entries[name.decode()] = self.node()
            self.expect(")")
        assert word == b")"
        return entries


@given(nodes)
def test_nar_reads_back(node: Node) -> None:
    assert NarReader(nar(node)).whole() == node


def write(node: Node, path: Path) -> None:
    match node:
        case bytes():
            path.write_bytes(node)
        case Program(content):
            path.write_bytes(content)
            path.chmod(0o755)
        case Link(target):
            path.symlink_to(target)
        case _:
            path.mkdir()
            for name, inner in node.items():
                write(inner, path / name)


@pytest.mark.skipif(shutil.which("nix-hash") is None, reason="Nix is not installed on this host")
def test_nar_hash_is_that_of_nix(tmp_path: Path) -> None:
    tree: Mapping[str, Node] = {
        "bin": {"run": Program(b"#!/bin/sh\n"), "sh": Link("run")},
        "empty": {},
        "a-b": b"",
        "a": b"exactly8",
        "ä": b"after ASCII",
    }
    write(tree, tmp_path / "tree")
    printed = run(["nix-hash", "--type", "sha256", tmp_path / "tree"]).stdout.strip()
    assert hashlib.sha256(nar(tree)).hexdigest() == printed


paths = st.lists(
    st.text("abcdefghij0123456789.-", min_size=1, max_size=12).filter(lambda part: part.strip(".")),
    min_size=1,
    max_size=3,
).map("/".join)


@st.composite
def entry_lists(draw: st.DrawFn) -> list[Entry]:
    chosen = draw(st.lists(paths, unique=True, max_size=6))
    folders = {"/".join(p.split("/")[:n]) for p in chosen for n in range(1, p.count("/") + 1)}
    return [
        Entry(p, draw(st.binary(max_size=30)), draw(st.booleans()))
        for p in chosen
        if p not in folders
    ]


@given(entry_lists(), st.randoms())
def test_archive_does_not_depend_on_the_order(entries: list[Entry], random: object) -> None:
    shuffled = sorted(entries, key=lambda _: random.random())  # type: ignore[attr-defined]
    assert archive(shuffled) == archive(entries)


@given(entry_lists())
def test_archive_reads_back(entries: list[Entry]) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive(entries))) as tar:
        members = tar.getmembers()
        files = {
            member.name: Entry(member.name, _content(tar, member), member.mode == 0o755)
            for member in members
            if member.isfile()
        }
    assert files == {entry.name: entry for entry in entries}
    assert all((member.uid, member.gid, member.mtime) == (0, 0, 1) for member in members)
    # A folder comes before what lies in it, for readers that make none themselves.
    seen: set[str] = set()
    for member in members:
        parent = member.name.rpartition("/")[0]
        assert not parent or parent in seen
        seen.add(member.name)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    assert stream is not None
    return stream.read()
