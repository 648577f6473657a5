"""The upstream sources of the pocket system, as its source mirror serves them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.systems.pocket.archive import Entry, archive, nar, sri

#: One folder NAME-VERSION for each release.
UPSTREAM = Path(__file__).parent / "upstream"


def pack(destination: Path, upstream: Path = UPSTREAM) -> list[Path]:
    """Write NAME-VERSION.tar for every release to the folder *destination*; the files written.

    *upstream* holds the releases (those of another revision, when one is under test).  The same
    sources give the same bytes, which the pocket tree pins.
    """
    written = []
    for release in _releases(upstream):
        path = destination / f"{release.name}.tar"
        path.write_bytes(_packed(release))
        written.append(path)
    return written


def hashes() -> dict[str, str]:
    """The SRI hash of each release's archive, by NAME-VERSION: what `fetchurl` pins."""
    return {release.name: sri(_packed(release)) for release in _releases()}


def unpacked_hashes() -> dict[str, str]:
    """The SRI hash of each release's unpacked folder, by NAME-VERSION: what `fetchzip` pins."""
    return {
        release.name: sri(nar({path.name: path.read_bytes() for path in _files(release)}))
        for release in _releases()
    }


def _releases(upstream: Path = UPSTREAM) -> Iterator[Path]:
    yield from sorted(path for path in upstream.iterdir() if path.is_dir())


def _files(release: Path) -> Iterator[Path]:
    """A release is one folder without folders in it."""
    yield from sorted(path for path in release.iterdir() if path.is_file())


def _packed(release: Path) -> bytes:
    return archive(
        Entry(f"{release.name}/{path.name}", path.read_bytes()) for path in _files(release)
    )
