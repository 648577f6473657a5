"""What can be made again, on the user's disk: one folder for each recipe, never seen half-made."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_PARTIAL = ".partial"
_LOCK = ".lock"
#: After so many seconds without a use a recipe counts as outdated.
_OUTDATED = 14 * 24 * 3600


def cache_folder() -> Path:
    """Where the harness keeps what can be made again (XDG base directory specification)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "offline-rebuild-harness"


@contextlib.contextmanager
def made_once(folder: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[Path | None]:
    """Yield a new folder to fill when *folder* does not exist yet, else None.

    It becomes *folder* when the block ends well; a half-filled one is never used.  Two processes
    take turns, and the second is told by *on_wait*.  What has not been used for two weeks goes.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}{_LOCK}").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            os.utime(folder)
            yield None
            return
        _forget_outdated(folder.parent)
        target = folder.with_name(f"{folder.name}{_PARTIAL}")
        shutil.rmtree(target, ignore_errors=True)  # of a process that was killed
        target.mkdir()
        try:
            yield target
            target.rename(folder)
        finally:
            shutil.rmtree(target, ignore_errors=True)


def _forget_outdated(shelf: Path) -> None:
    """Remove the folders of recipes that nobody has used for long."""
    oldest = time.time() - _OUTDATED
    for folder in shelf.iterdir():
        if folder.is_dir() and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder)
            (shelf / f"{folder.name}{_LOCK}").unlink(missing_ok=True)
