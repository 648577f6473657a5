"""What a person sees while a run goes on: a live view on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TextIO

from harness.reports.text import clean
from harness.results import CellResult, Outcome

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

#: Seconds without a line after which a plain log says what is going on.
_HEARTBEAT = 30.0

_MARKS = {
    Outcome.PASSED: "ok",
    Outcome.FAILED: "FAILED",
    Outcome.ERROR: "ERROR",
    Outcome.SKIPPED: "skipped",
}


class ProgressView(Protocol):
    """Where progress goes. Calls come from one thread at a time."""

    def begin(self, planned: int) -> None:
        """The number of cells is known."""
        ...

    def note(self, text: str) -> None:
        """Something worth a line of its own."""
        ...

    def stage(self, lane: str, text: str) -> None:
        """What a lane does now."""
        ...

    def cell(self, result: CellResult) -> None:
        """A cell is finished."""
        ...

    def tick(self) -> None:
        """Called about every second."""
        ...

    def end(self) -> None:
        """No more to come."""
        ...


def describe(result: CellResult) -> str:
    """One line for a finished cell: how it counts, what it is, how long it took, and why."""
    verdict = str(result.cause or result.verdict)
    line = f"{_MARKS[result.outcome]:7} {result.key.id}  {verdict}  {result.seconds:.1f} s"
    if result.outcome in (Outcome.FAILED, Outcome.ERROR):
        why = result.message or next(
            (f"{w.name}: {w.evidence}" for w in result.witnesses if not w.holds), ""
        )
        line += f"\n        claimed {result.claim}; {why}"
    return clean(line)


class PlainProgress:
    """A line per cell, and a heartbeat when nothing has finished for a while."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._last = clock()
        self._planned = self._done = 0
        self._stages: dict[str, str] = {}

    def begin(self, planned: int) -> None:
        """Say how much there is to do."""
        self._planned = planned
        self._line(f"{planned} cells planned")

    def note(self, text: str) -> None:
        """Print *text*."""
        self._line(text)

    def stage(self, lane: str, text: str) -> None:
        """Remember it for the heartbeat."""
        self._stages[lane] = text

    def cell(self, result: CellResult) -> None:
        """Print the cell's line."""
        self._done += 1
        self._line(f"[{self._done}/{self._planned}] {describe(result)}")

    def tick(self) -> None:
        """Print a heartbeat when the last line is too long ago."""
        if self._clock() - self._last >= _HEARTBEAT:
            doing = "; ".join(self._stages.values()) or "preparing"
            self._line(f"[{self._done}/{self._planned}] still at work: {doing}")

    def end(self) -> None:
        """Nothing to clean up."""

    def _line(self, text: str) -> None:
        self._last = self._clock()
        print(text, file=self._stream, flush=True)


class LiveProgress:
    """A bar for the run and a line per lane; failures scroll by above them."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console  # noqa: PLC0415 - slow to import, not for --help
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self._progress: Progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(file=stream),
        )
        self._total: TaskID = self._progress.add_task("preparing", total=None)
        self._lanes: dict[str, TaskID] = {}
        self._progress.start()

    def begin(self, planned: int) -> None:
        """Show the bar."""
        self._progress.update(self._total, description="cells", total=planned)

    def note(self, text: str) -> None:
        """Print above the bar."""
        self._progress.console.print(text, markup=False, highlight=False)

    def stage(self, lane: str, text: str) -> None:
        """Show it in the lane's line."""
        if lane not in self._lanes:
            self._lanes[lane] = self._progress.add_task(text, total=None)
        self._progress.update(self._lanes[lane], description=text)

    def cell(self, result: CellResult) -> None:
        """Advance; only what went wrong gets a line."""
        self._progress.advance(self._total)
        if result.outcome in (Outcome.FAILED, Outcome.ERROR):
            self.note(describe(result))

    def tick(self) -> None:
        """The display refreshes itself."""

    def end(self) -> None:
        """Leave the terminal as it was."""
        self._progress.stop()


def make_progress(stream: TextIO = sys.stderr) -> ProgressView:
    """A live view when *stream* is a terminal, else plain lines."""
    return LiveProgress(stream) if stream.isatty() else PlainProgress(stream)
