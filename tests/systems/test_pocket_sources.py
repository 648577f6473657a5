"""What the pocket tree and the scenarios pin is what the source mirror serves."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.systems.pocket import sources
from harness.systems.pocket.archive import sri

ROOT = Path(__file__).parents[2]
FETCH = re.compile(r'(fetchurl|fetchzip) \{\s*url = "(.*?)";\s*hash = "(.*?)";')
VERSION = re.compile(r'version = "(.*?)";')


def pins() -> list[tuple[str, str, str, str]]:
    """(file, fetcher, NAME-VERSION, hash) of each source in the tree and in the scenarios."""
    found = []
    folders = [sources.UPSTREAM.parent / "tree", *ROOT.glob("scenarios/*")]
    for file in sorted(file for folder in folders for file in folder.rglob("*.nix")):
        text = file.read_text()
        for fetcher, url, pinned in FETCH.findall(text):
            if not url.startswith("http://mirror.internet/"):
                continue
            version = VERSION.search(text)
            assert version
            release = url.removeprefix("http://mirror.internet/").removesuffix(".tar")
            release = release.replace("${version}", version[1])
            found.append((str(file.relative_to(ROOT)), fetcher, release, pinned))
    return found


@pytest.mark.parametrize(("file", "fetcher", "release", "pinned"), pins())
def test_pinned_hash(file: str, fetcher: str, release: str, pinned: str) -> None:
    made = {"fetchurl": sources.hashes, "fetchzip": sources.unpacked_hashes}[fetcher]()
    assert pinned == made[release], f"{file} pins something else than {release} is"


def test_every_release_is_used() -> None:
    assert {release for _, _, release, _ in pins()} == set(sources.hashes())


def test_both_fetchers_are_used() -> None:
    assert {fetcher for _, fetcher, _, _ in pins()} == {"fetchurl", "fetchzip"}


def test_pack_writes_what_is_hashed(tmp_path: Path) -> None:
    written = sources.pack(tmp_path)
    assert {path.name.removesuffix(".tar"): sri(path.read_bytes()) for path in written} == (
        sources.hashes()
    )


def test_times_and_modes_do_not_matter(tmp_path: Path) -> None:
    release = tmp_path / "upstream" / "thing-1"
    release.mkdir(parents=True)
    source = release / "thing.c"
    source.write_text("int main;\n")
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    [first] = sources.pack(tmp_path / "one", tmp_path / "upstream")
    source.unlink()
    source.write_text("int main;\n")
    source.chmod(0o600)
    [second] = sources.pack(tmp_path / "two", tmp_path / "upstream")
    assert first.read_bytes() == second.read_bytes()
