"""The cache of guest images: one per recipe, built once, never seen half-built."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.errors import SetupError
from harness.guest import build
from harness.systems.pocket import archive, seed

_BUILDING = "building-"


@dataclass(frozen=True)
class Image:
    """A finished guest image: files that machines boot from and only read.

    *digest* is that of the recipe, *versions* what Debian packages really went in, *seed* the
    folder with the pocket system's ``busybox``, ``seed.tar`` and ``seed.json``.
    """

    folder: Path
    digest: str
    versions: Mapping[str, str]

    @property
    def kernel(self) -> Path:
        """Debian's cloud kernel."""
        return self.folder / "kernel"

    @property
    def kernel_release(self) -> str:
        """What ``uname -r`` says in the guest; "unknown" when the packages do not tell."""
        releases = [re.fullmatch(r"linux-image-(\d.*)", package) for package in self.versions]
        return next((found[1] for found in releases if found), "unknown")

    @property
    def initrd(self) -> Path:
        """The initramfs that mounts the first disk as root."""
        return self.folder / "initrd"

    @property
    def rootfs(self) -> Path:
        """A raw ext4 file system, the backing file of each machine's own disk."""
        return self.folder / "rootfs"

    @property
    def relay(self) -> Path:
        """A static busybox, which on the host connects the guest to the simulated internet."""
        return self.folder / "busybox"

    @property
    def seed(self) -> Path:
        """The folder with what the pocket system's first derivations fetch."""
        return self.folder / "seed"


def cache_folder() -> Path:
    """Where the harness keeps what can be made again (XDG base directory specification)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "offline-rebuild-harness"


def recipe_digest() -> str:
    """A digest of everything of ours that decides what an image holds."""
    here = Path(__file__).parent
    recipe = {f"guest/{path.relative_to(here)}": path for path in here.rglob("*") if path.is_file()}
    recipe["seed.py"] = Path(seed.__file__)
    recipe["archive.py"] = Path(archive.__file__)
    digest = hashlib.sha256()
    for name, path in sorted(recipe.items()):
        if "__pycache__" in path.parts:
            continue
        content = path.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:32]


def ensure_image(progress: Callable[[str], None]) -> Image:
    """The image of the present recipe, built now if the cache lacks it.

    *progress* gets a line of text as each part of the work begins.  Raises `SetupError` when it
    cannot be built (no package source, no space, a program missing).
    """
    digest = recipe_digest()
    images = cache_folder() / "images"
    folder = images / digest
    if not folder.exists():
        try:
            images.mkdir(parents=True, exist_ok=True)
            with _only_builder(images, progress):
                if not folder.exists():
                    _build_beside(folder, progress)
        except OSError as error:
            raise SetupError(
                f"the guest image cannot be stored: {error}",
                hint=f"about 1 GiB has to be free and writable below {cache_folder()}",
            ) from error
    return Image(folder, digest, json.loads((folder / "versions.json").read_text()))


@contextlib.contextmanager
def _only_builder(images: Path, progress: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of the image cache; what earlier, dead builders left behind is removed."""
    with (images / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress("waiting for another run to finish building the guest image")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for left in images.glob(f"{_BUILDING}*"):
            shutil.rmtree(left)
        yield


def _build_beside(folder: Path, progress: Callable[[str], None]) -> None:
    """Build in a temporary folder; the finished image appears under its name at once."""
    with tempfile.TemporaryDirectory(prefix=_BUILDING, dir=folder.parent) as temporary:
        new = Path(temporary) / "image"
        new.mkdir()
        versions = build.build_image(new, progress)
        (new / "versions.json").write_text(json.dumps(versions, indent=1))
        new.rename(folder)
