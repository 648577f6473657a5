"""The initramfs archive, read back by an independent reader."""

from __future__ import annotations

import stat

from hypothesis import given
from hypothesis import strategies as st

from harness.guest import cpio

names = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=50
)
entries = st.one_of(
    st.builds(cpio.folder, names),
    st.builds(cpio.file, names, st.binary(max_size=100), st.integers(0, 0o777)),
    st.builds(cpio.symlink, names, names),
)


def read(data: bytes) -> list[tuple[str, int, bytes]]:
    """Every record but the trailer (Linux, buffer-format.rst): name, mode, content."""
    found: list[tuple[str, int, bytes]] = []
    at = 0
    while True:
        assert data[at : at + 6] == b"070701"
        fields = [int(data[at + 6 + 8 * i : at + 14 + 8 * i], 16) for i in range(13)]
        mode, size, length = fields[1], fields[6], fields[11]
        name = data[at + 110 : at + 110 + length]
        assert name.endswith(b"\0")
        begin = -(-(at + 110 + length) // 4) * 4
        at = -(-(begin + size) // 4) * 4
        if name == b"TRAILER!!!\0":
            assert at == len(data)
            return found
        found.append((name[:-1].decode(), mode, data[begin : begin + size]))


@given(st.lists(entries, max_size=8))
def test_archive_holds_what_was_put_in(given_entries: list[cpio.Entry]) -> None:
    expected = [(entry.name, entry.mode, entry.content) for entry in given_entries]
    assert read(cpio.archive(given_entries)) == expected


def test_kinds_of_entries() -> None:
    [folder, file, link] = read(
        cpio.archive([cpio.folder("a"), cpio.file("a/b", b"x", 0o755), cpio.symlink("c", "a/b")])
    )
    assert stat.S_ISDIR(folder[1])
    assert stat.S_ISREG(file[1])
    assert file[1] & 0o777 == 0o755
    assert stat.S_ISLNK(link[1])
    assert link[2] == b"a/b"
