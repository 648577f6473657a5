"""Archives and hashes whose bytes depend on nothing but names and contents.

Nix pins what it fetches by hash: a plain file by its own SHA-256 (flat), a folder by that of its
NAR serialisation (recursive), both written as SRI strings (Nix manual, "Derivations",
outputHashMode; "Nix Archive (NAR) format").
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Program:
    """The content of an executable file."""

    content: bytes


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


#: A folder in memory: names to files' contents, programs, links and further folders.
Tree = Mapping[str, "Node"]
Node = bytes | Program | Link | Tree


@dataclass(frozen=True)
class Entry:
    """A file for an archive; *name* is its path in there."""

    name: str
    content: bytes
    executable: bool = False


def archive(entries: Iterable[Entry]) -> bytes:
    """A tar file: sorted names, root's, of second 1 like everything in a Nix store."""
    ordered = sorted(entries, key=lambda entry: entry.name)
    folders = sorted({parent for entry in ordered for parent in _parents(entry.name)})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in folders:
            tar.addfile(_header(folder, tarfile.DIRTYPE, 0o755))
        for entry in ordered:
            header = _header(entry.name, tarfile.REGTYPE, 0o755 if entry.executable else 0o644)
            header.size = len(entry.content)
            tar.addfile(header, io.BytesIO(entry.content))
    return buffer.getvalue()


def _parents(name: str) -> Iterator[str]:
    parts = name.split("/")
    for length in range(1, len(parts)):
        yield "/".join(parts[:length])


def _header(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)  # uid and gid are 0
    header.type = kind
    header.mode = mode
    header.mtime = 1
    return header


def sri(content: bytes) -> str:
    """The SRI hash of these bytes: of a file's (outputHashMode flat) or of a NAR's (recursive)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(content).digest()).decode()


def nar(node: Node) -> bytes:
    """The NAR serialisation of a file or folder."""
    return b"".join([*_words("nix-archive-1"), *_node(node)])


def _node(node: Node) -> Iterator[bytes]:
    yield from _words("(")
    match node:
        case bytes():
            yield from _words("type", "regular", "contents", node)
        case Program(content):
            yield from _words("type", "regular", "executable", "", "contents", content)
        case Link(target):
            yield from _words("type", "symlink", "target", target)
        case _:
            yield from _words("type", "directory")
            # Entries are in the order of their names' bytes.
            for name in sorted(node, key=str.encode):
                yield from _words("entry", "(", "name", name, "node")
                yield from _node(node[name])
                yield from _words(")")
    yield from _words(")")


def _words(*words: str | bytes) -> Iterator[bytes]:
    """A NAR's strings: their length in 8 bytes, then the bytes, padded to a multiple of 8."""
    for word in words:
        content = word.encode() if isinstance(word, str) else word
        yield len(content).to_bytes(8, "little") + content + bytes(-len(content) % 8)
