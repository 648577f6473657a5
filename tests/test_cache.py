"""The cache of what can be made again: whole or not there, and nothing outdated."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from harness.cache import cache_folder, made_once


def test_cache_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert cache_folder() == Path("/home/somebody/.cache/offline-rebuild-harness")


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    for number in range(2):
        with made_once(tmp_path / "shelf/recipe") as new:
            assert (new is None) == bool(number)
            if new is not None:
                (new / "file").write_text("whole")
                assert not (tmp_path / "shelf/recipe").exists()
    assert (tmp_path / "shelf/recipe/file").read_text() == "whole"


def test_one_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), made_once(tmp_path / "recipe") as new:
        assert new is not None
        (new / "file").touch()
        raise RuntimeError
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_the_remains_of_a_killed_process_are_never_used(tmp_path: Path) -> None:
    left = tmp_path / "recipe.partial"
    left.mkdir()
    (left / "half").touch()
    with made_once(tmp_path / "recipe") as new:
        assert new is not None
        assert not list(new.iterdir())


def test_two_take_turns(tmp_path: Path) -> None:
    begun, waited = threading.Event(), threading.Event()

    def first() -> None:
        with made_once(tmp_path / "recipe") as new:
            assert new is not None
            begun.set()
            assert waited.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(10)
    with made_once(tmp_path / "recipe", waited.set) as new:
        assert new is None
    thread.join()


def test_what_nobody_has_used_for_long_goes(tmp_path: Path) -> None:
    ages = {"old": 15, "used": 15, "young": 13}
    for name in ages:
        with made_once(tmp_path / name):
            pass
    for name, days in ages.items():
        ago = time.time() - days * 24 * 3600
        os.utime(tmp_path / name, (ago, ago))
    with made_once(tmp_path / "used") as new:
        assert new is None
    with made_once(tmp_path / "new"):
        pass
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"used", "young", "new"}
    assert not (tmp_path / "old.lock").exists()
