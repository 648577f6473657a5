"""The cache of images, with a builder that is quick, slow, or breaks."""

from __future__ import annotations

import errno
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.cache import cache_folder
from harness.errors import SetupError
from harness.guest import build, image
from harness.guest.image import Image, ensure_image, recipe_digest

VERSIONS = {"nix-bin": "2.26.3", "linux-image-6.12.1-cloud-amd64": "6.12.1-1"}
Builder = Callable[[Path, Callable[[str], None]], Mapping[str, str]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "offline-rebuild-harness"


@pytest.fixture
def built_by(monkeypatch: pytest.MonkeyPatch) -> Callable[[Builder], list[Path]]:
    """Replaces the builder; the list it returns shows the folders that were built in."""
    calls: list[Path] = []

    def use(builder: Builder) -> list[Path]:
        def record(folder: Path, progress: Callable[[str], None]) -> Mapping[str, str]:
            calls.append(folder)
            return builder(folder, progress)

        monkeypatch.setattr(build, "build_image", record)
        return calls

    return use


BuiltBy = Callable[[Builder], list[Path]]


def quick(folder: Path, progress: Callable[[str], None]) -> Mapping[str, str]:
    progress("building")
    (folder / "kernel").write_text("kernel")
    return VERSIONS


def silent(_text: str) -> None:
    """Progress that nobody looks at."""


def test_built_once_and_then_found(built_by: BuiltBy, cache: Path) -> None:
    calls = built_by(quick)
    said: list[str] = []
    first = ensure_image(said.append)
    assert said == ["building"]
    assert ensure_image(silent) == first
    assert len(calls) == 1
    assert first.folder == cache / "images" / recipe_digest()
    assert first.versions == VERSIONS
    assert first.kernel.read_text() == "kernel"
    assert first.kernel_release == "6.12.1-cloud-amd64"


def test_kernel_release_that_nobody_knows() -> None:
    assert Image(Path("x"), "d", {"linux-image-cloud-amd64": "6"}).kernel_release == "unknown"


def test_a_build_that_breaks_leaves_nothing(built_by: BuiltBy, cache: Path) -> None:
    def broken(folder: Path, progress: Callable[[str], None]) -> Mapping[str, str]:
        quick(folder, progress)
        raise SetupError("no network")

    built_by(broken)
    with pytest.raises(SetupError, match="no network"):
        ensure_image(silent)
    assert not [path for path in (cache / "images").iterdir() if path.is_dir()]
    built_by(quick)
    assert ensure_image(silent).kernel.exists()


def test_two_builders_take_turns(built_by: BuiltBy) -> None:
    inside = threading.Semaphore(1)
    begun = threading.Event()

    def slow(folder: Path, progress: Callable[[str], None]) -> Mapping[str, str]:
        assert inside.acquire(blocking=False), "two builders at once"
        begun.set()
        time.sleep(0.2)
        inside.release()
        return quick(folder, progress)

    calls = built_by(slow)
    images: list[Image] = []
    said: list[str] = []
    threads = [threading.Thread(target=lambda: images.append(ensure_image(silent)))]
    threads[0].start()
    assert begun.wait(10)
    threads.append(threading.Thread(target=lambda: images.append(ensure_image(said.append))))
    threads[1].start()
    for thread in threads:
        thread.join()
    assert images[0] == images[1]
    assert len(calls) == 1
    assert said == ["waiting for another run to finish building the guest image"]


def test_a_full_or_forbidden_cache_is_explained(built_by: BuiltBy) -> None:
    def full(folder: Path, progress: Callable[[str], None]) -> Mapping[str, str]:
        raise OSError(errno.ENOSPC, "No space left on device")

    built_by(full)
    with pytest.raises(SetupError, match="No space left") as caught:
        ensure_image(silent)
    assert str(cache_folder()) in caught.value.hint


def test_a_cache_that_cannot_be_made_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(SetupError):
        ensure_image(silent)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the recipe that may be changed."""
    copy = tmp_path / "guest"
    shutil.copytree(Path(image.__file__).parent, copy)
    monkeypatch.setattr(image, "__file__", str(copy / "image.py"))
    return copy


def test_every_file_of_the_recipe_counts(recipe: Path) -> None:
    seen = {recipe_digest()}
    for path in sorted(recipe.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            path.write_bytes(path.read_bytes() + b"\n")
            seen.add(recipe_digest())
    files = [p for p in recipe.rglob("*") if p.is_file() and "__pycache__" not in p.parts]
    assert len(files) > 10
    assert len(seen) == len(files) + 1


def test_names_count_and_compiled_files_do_not(recipe: Path) -> None:
    before = recipe_digest()
    (recipe / "__pycache__").mkdir(exist_ok=True)
    (recipe / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert recipe_digest() == before
    (recipe / "init.sh").rename(recipe / "other.sh")
    assert recipe_digest() != before
