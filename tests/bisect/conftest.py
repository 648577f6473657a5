"""Git repositories with a history made for each test."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


class History:
    """A repository whose commits each have a fate."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self._count = 0

    def git(self, *words: str) -> str:
        """Run git in it, as nobody in particular."""
        config = ["-c", "user.name=A", "-c", "user.email=a@example.invalid"]
        done = subprocess.run(
            ["git", "-C", str(self.root), *config, *words],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, fate: str, subject: str = "") -> str:
        """One more commit, in which ``pocket/fate`` says *fate*."""
        self._count += 1
        (self.root / "pocket").mkdir(exist_ok=True)
        (self.root / "pocket/fate").write_text(f"{fate} {self._count}\n")
        self.git("add", "-A")
        self.git("commit", "--quiet", "-m", subject or f"{self._count}: {fate}")
        return self.git("rev-parse", "HEAD")

    def commits(self, *fates: str) -> list[str]:
        """Several commits in a row."""
        return [self.commit(fate) for fate in fates]


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "repo")
