"""The cache of guest images: one per recipe, built once, never seen half-built."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.cache import cache_folder, made_once
from harness.errors import SetupError
from harness.guest import build
from harness.systems.pocket import archive, seed

_WAITING = "waiting for another run to finish building the guest image"


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
    folder = cache_folder() / "images" / digest
    try:
        with made_once(folder, lambda: progress(_WAITING)) as new:
            if new is not None:
                versions = build.build_image(new, progress)
                (new / "versions.json").write_text(json.dumps(versions, indent=1))
    except OSError as error:
        raise SetupError(
            f"the guest image cannot be stored: {error}",
            hint=f"about 1 GiB has to be free and writable below {cache_folder()}",
        ) from error
    return Image(folder, digest, json.loads((folder / "versions.json").read_text()))
