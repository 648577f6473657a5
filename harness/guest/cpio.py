"""Writes the kernel's initramfs: a cpio archive in the "newc" format.

Format: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass

_TRAILER = "TRAILER!!!"


@dataclass(frozen=True)
class Entry:
    """A file, folder or symbolic link (whose *content* is its target); all belong to root."""

    name: str
    mode: int
    content: bytes = b""


def folder(name: str) -> Entry:
    """A folder that everyone may enter."""
    return Entry(name, stat.S_IFDIR | 0o755)


def file(name: str, content: bytes, mode: int = 0o644) -> Entry:
    """A regular file."""
    return Entry(name, stat.S_IFREG | mode, content)


def symlink(name: str, target: str) -> Entry:
    """A symbolic link to *target*."""
    return Entry(name, stat.S_IFLNK | 0o777, target.encode())


def archive(entries: Iterable[Entry]) -> bytes:
    """The archive; equal entries give equal bytes (no times, no owners)."""
    parts = [_record(number, entry) for number, entry in enumerate(entries, start=1)]
    return b"".join((*parts, _record(0, Entry(_TRAILER, 0))))


def _record(inode: int, entry: Entry) -> bytes:
    name = entry.name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    # inode, mode, uid, gid, links, mtime, size, device, special device, name's size, check
    fields = (inode, entry.mode, 0, 0, links, 0, len(entry.content), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name) + _padded(entry.content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
