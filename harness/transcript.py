"""The full log of one cell: each command's output, for people who want to see it all."""

from __future__ import annotations

from harness.machines.base import Output

_TAIL_LINES = 40


class Transcript:
    """Collects what a cell's commands printed, in order."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def add(self, title: str, done: Output) -> None:
        """Append a finished command."""
        body = "\n".join(part for part in (done.stderr.rstrip(), done.stdout.rstrip()) if part)
        self.note(f"{title} (status {done.status})", body)

    def note(self, title: str, body: str) -> None:
        """Append a section of text."""
        self._parts.append(f"==> {title}\n{body}\n")

    def text(self) -> str:
        """Everything."""
        return "\n".join(self._parts)

    def tail(self) -> str:
        """The last lines, for reports that show a failure in place."""
        return "\n".join(self.text().splitlines()[-_TAIL_LINES:])
