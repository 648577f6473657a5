"""The git checkout under test: its revisions, and a worktree aside, so that it is never touched."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UsageError
from harness.process import Completed, run

#: The user's hooks are for the user's work, not for a worktree that jumps through history.
GIT = ("git", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
_LOG_LINE = re.compile(r"git bisect (good|bad|skip) '?([0-9a-f]{40,64})'?")
_FIRST_BAD = re.compile(r"# first bad commit: \[([0-9a-f]{40,64})\]")
_POSSIBLE = re.compile(r"# possible first bad commit: \[([0-9a-f]{40,64})\]")


@dataclass(frozen=True)
class BisectLog:
    """What `git bisect log` tells: each judged commit, the first bad one, or the candidates."""

    judged: tuple[tuple[str, str], ...]  # good, bad or skip, and the commit
    first_bad: str | None
    candidates: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> BisectLog:
        """Read the log."""
        judged = tuple(
            (found[1], found[2]) for line in text.splitlines() if (found := _LOG_LINE.match(line))
        )
        first = _FIRST_BAD.findall(text)
        return cls(judged, first[-1] if first else None, tuple(_POSSIBLE.findall(text)))


@dataclass(frozen=True)
class Checkout:
    """A work tree of a git repository; *root* is its top folder."""

    root: Path

    @classmethod
    def at(cls, folder: Path) -> Checkout:
        """The checkout that *folder* lies in.  Raises `UsageError` when it lies in none."""
        if not folder.is_dir():
            raise UsageError(f"{folder} is no folder", hint="name a git checkout with --repo")
        done = run([*GIT, "-C", folder, "rev-parse", "--show-toplevel"], check=False)
        if done.status != 0:
            raise UsageError(
                f"{folder} is no git checkout: {done.stderr.strip()}",
                hint="name a git checkout with --repo",
            )
        return cls(Path(done.stdout.rstrip("\n")))

    def resolve(self, revision: str) -> str:
        """The commit that *revision* means.  Raises `UsageError` when it means none."""
        words = ["rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
        done = self._ask(*words) if not revision.startswith("-") else None
        if done is None or done.status != 0:
            hint = "the clone is shallow: fetch more of its history" if self._shallow() else ""
            raise UsageError(f"{revision!r} is no commit of {self.root.name}", hint=hint)
        return done.stdout.strip()

    def head(self) -> str:
        """The commit that is checked out."""
        return self.resolve("HEAD")

    def subject(self, commit: str) -> str:
        """The first line of its message."""
        return self._tell("log", "-1", "--format=%s", commit)

    def parents(self, commit: str) -> list[str]:
        """Its parents: two or more for a merge."""
        return self._tell("rev-list", "--parents", "-1", commit).split()[1:]

    def merge_base(self, one: str, other: str) -> str:
        """The best common ancestor of two commits that have one."""
        return self._tell("merge-base", one, other)

    def changes(self, tree: str) -> list[str]:
        """Uncommitted changes below *tree*, untracked files included."""
        return self._tell("status", "--porcelain", "--", tree).splitlines()

    def check_range(self, good: str, bad: str, tree: str) -> None:
        """Raise `UsageError` unless a first bad commit can be looked for between the two."""
        if good == bad:
            raise UsageError("the good and the bad revision are the same commit")
        if self._ask("merge-base", "--is-ancestor", bad, good).status == 0:
            raise UsageError(
                f"the revisions are in the wrong order: {bad[:12]} comes before {good[:12]}",
                hint="--good is the older one that works; to look for a mend, swap the claims",
            )
        cut_off = set(self._tell("rev-list", bad, f"^{good}").split()) & self._shallow()
        if cut_off or self._ask("merge-base", good, bad).status != 0:
            raise UsageError(
                f"the history between {good[:12]} and {bad[:12]} is not all here",
                hint="the clone is shallow: git fetch --unshallow" if self._shallow() else "",
            )
        if self._ask("diff", "--quiet", good, bad, "--", tree).status == 0:
            raise UsageError(
                f"nothing below {tree} differs between {good[:12]} and {bad[:12]}",
                hint="name the folder that is under test with --tree",
            )

    @contextlib.contextmanager
    def worktree(self, folder: Path, commit: str) -> Iterator[Checkout]:
        """A worktree at *commit* in *folder*, which is gone afterwards, even a stale one."""
        self._forget(folder)
        self._tell("worktree", "add", "--quiet", "--detach", str(folder), commit)
        try:
            yield Checkout(folder)
        finally:
            self._forget(folder)

    def switch(self, commit: str) -> None:
        """Check out *commit*, whatever lies about."""
        self._tell("checkout", "--quiet", "--force", "--detach", commit)

    def bisect_log(self) -> BisectLog:
        """How far the bisection in this worktree is."""
        return BisectLog.parse(self._tell("bisect", "log"))

    def start_bisect(self, good: str, bad: str, tree: str) -> str:
        """Begin a bisection over the commits that touch *tree*. What git says."""
        return self._tell("bisect", "start", bad, good, "--", tree)

    def _forget(self, folder: Path) -> None:
        self._ask("worktree", "remove", "--force", "--force", str(folder))
        shutil.rmtree(folder, ignore_errors=True)
        self._tell("worktree", "prune")

    def _shallow(self) -> set[str]:
        """The commits at which the history of a shallow clone is cut off."""
        path = self.root / self._tell("rev-parse", "--git-path", "shallow")
        return set(path.read_text().split()) if path.exists() else set()

    def _ask(self, *words: str) -> Completed:
        return run([*GIT, "-C", self.root, *words], check=False)

    def _tell(self, *words: str) -> str:
        return run([*GIT, "-C", self.root, *words]).stdout.rstrip("\n")
