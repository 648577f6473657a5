"""A whole run: prepare, spread the plan over lanes, record every cell, and end in order."""

from __future__ import annotations

import datetime
import os
import platform
import queue
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import NoReturn

from harness import __version__
from harness.errors import DeadlineReached, HarnessError, Interrupted
from harness.lanes import Agenda, Lane
from harness.plan import Plan
from harness.progress import ProgressView
from harness.reports import Redactor, make_folder, write_reports
from harness.results import (
    PROTOCOL_VERSION,
    BranchResult,
    CellResult,
    Ending,
    Outcome,
    RunResult,
    with_branch,
)
from harness.results.log import ResultsLog
from harness.tier import Tier
from harness.transcript import Transcript

#: Seconds between two writings of the derived reports while the run goes on, and how many times
#: longer than the last writing took; the log of results itself is written after every cell.
_REPORT_EVERY = 10.0
_REPORT_SHARE = 50.0
#: More machines than this make each other slow on the disk.
_MOST_JOBS = 4


@dataclass
class Recorder:
    """Puts every result on disk as it comes and keeps the derived reports fresh.

    Lanes call it from their threads; one call at a time gets through.
    """

    folder: Path
    run: RunResult
    log: ResultsLog
    progress: ProgressView
    redact: Redactor
    started: float = field(default_factory=time.monotonic)
    _next_writing: float = field(default_factory=lambda: time.monotonic() + _REPORT_EVERY)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def stage(self, lane: str, text: str) -> None:
        """A lane begins something that takes a while."""
        with self._lock:
            self.progress.stage(lane, text)

    def cell(self, result: CellResult, transcript: Transcript) -> None:
        """Write the cell's log, then its line in the log of results."""
        name = f"logs/{result.key.id}.log"
        text = self.redact(transcript.text())
        file = self.folder / name
        with self._lock:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", errors="replace")
            tail = "" if result.outcome is Outcome.PASSED else self.redact(transcript.tail())
            result = self.redact.apply(replace(result, log=name, log_tail=tail))
            self.log.cell(self._now(), result)
            self.run = replace(self.run, cells=(*self.run.cells, result), seconds=self._now())
            self.progress.cell(result)
            if time.monotonic() >= self._next_writing:
                self.write()

    def branch(self, result: BranchResult) -> None:
        """Note what a branch cost."""
        with self._lock:
            result = self.redact.apply(result)
            self.log.branch(self._now(), result)
            self.run = replace(self.run, branches=with_branch(self.run.branches, result))

    def write(self) -> None:
        """Bring the derived reports up to date."""
        with self._lock:
            started = time.monotonic()
            write_reports(self.run, self.folder, self.redact)
            ended = time.monotonic()
            self._next_writing = ended + max(_REPORT_EVERY, _REPORT_SHARE * (ended - started))

    def end(self, how: Ending, message: str = "") -> RunResult:
        """Close the run: all reports say how it ended."""
        with self._lock:
            done = len(self.run.cells) == self.run.planned
            message = self.redact(message)
            self.run = replace(
                self.run,
                complete=how is Ending.FINISHED and done,
                ended=how,
                message=message,
                seconds=self._now(),
            )
            self.log.end(self.run)
            self.write()
            return self.run

    def _now(self) -> float:
        return time.monotonic() - self.started


@dataclass(frozen=True)
class Limits:
    """How much of the host a run may take: lanes side by side, seconds (None: no deadline)."""

    jobs: int
    deadline: float | None = None


def usual_jobs() -> int:
    """Lanes when nobody says how many: a machine for each core, which emulation keeps busy.

    More end sooner, since a rebuild under a dead network waits for minutes, but they share the
    cores meanwhile, and then the seconds of strategies cannot be compared.
    """
    return min(_MOST_JOBS, len(os.sched_getaffinity(0)))


def begin(plan: Plan, facts: Mapping[str, str] | None = None) -> RunResult:
    """The empty result of a run that begins now, with *facts* beside those of every run."""
    return RunResult(
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        seconds=0.0,
        complete=False,
        ended=Ending.RUNNING,
        planned=len(plan.cells),
        cells=(),
        facts={
            "harness": __version__,
            "protocol": str(PROTOCOL_VERSION),
            "host-kernel": platform.release(),
            **(facts or {}),
        },
        scenarios={scenario.name: scenario.digest for scenario in plan.scenarios},
    )


def ending(error: BaseException | None) -> tuple[Ending, str]:
    """How a run ended that *error* ended early (None: nothing did), and the words for it."""
    match error:
        case None:
            return Ending.FINISHED, ""
        case Interrupted():
            return Ending.INTERRUPTED, error.message
        case DeadlineReached():
            return Ending.DEADLINE, error.message
        case HarnessError():
            return Ending.ERROR, error.message
    return Ending.ERROR, "the harness itself failed"


def run_plan(
    plan: Plan,
    tier: Tier,
    folder: Path,
    limits: Limits,
    progress: ProgressView,
    facts: Mapping[str, str] | None = None,
) -> RunResult:
    """Run every cell of *plan* and write the reports into *folder*; *facts* go into them.

    Raises `Interrupted`, `DeadlineReached` or the error that ended the run early; the reports are
    complete and valid by then.
    """
    started = time.monotonic()
    make_folder(folder)
    run = begin(plan, facts)
    progress.begin(len(plan.cells))
    with signals(), ExitStack() as stack:
        log = stack.enter_context(ResultsLog(folder / "results.jsonl", run))
        recorder = Recorder(folder, run, log, progress, Redactor(), started=started)
        recorder.write()  # in place of what an earlier run left in the folder
        try:
            scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-")))
            _work(plan, tier, scratch, limits, recorder)
        finally:
            progress.end()
            result = recorder.end(*ending(sys.exception()))
    return result


def _work(plan: Plan, tier: Tier, scratch: Path, limits: Limits, recorder: Recorder) -> None:
    until = None if limits.deadline is None else recorder.started + limits.deadline
    prepared = tier.prepare(plan, scratch, recorder.progress.note)
    facts: Mapping[str, str] = {**recorder.run.facts, **prepared.facts}
    recorder.run = replace(recorder.run, facts=facts)
    recorder.log.facts(time.monotonic() - recorder.started, facts)
    agenda = Agenda(plan.groups)
    count = max(1, min(limits.jobs, sum(len(group.branches) for group in plan.groups)))
    lanes = [
        Lane(f"lane-{number + 1}", agenda, prepared.open, prepared.published, recorder)
        for number in range(count)
    ]
    ended: queue.Queue[BaseException | None] = queue.Queue()
    threads = [
        threading.Thread(target=_report_end, args=(lane.run, ended), name=lane.name)
        for lane in lanes
    ]
    for thread in threads:
        thread.start()
    try:
        _wait(len(lanes), ended, until, recorder.progress)
    finally:
        agenda.stop()
        for lane in lanes:
            lane.discard()
        for thread in threads:
            thread.join()


def _report_end(work: Callable[[], None], ended: queue.Queue[BaseException | None]) -> None:
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
        ended.put(error)
    else:
        ended.put(None)


def _wait(
    count: int,
    ended: queue.Queue[BaseException | None],
    until: float | None,
    progress: ProgressView,
) -> None:
    while count:
        try:
            error = ended.get(timeout=1.0)
        except queue.Empty:
            progress.tick()
            if until is not None and time.monotonic() >= until:
                raise DeadlineReached(
                    "the deadline passed before all cells were done",
                    hint="give --deadline more seconds, or select fewer cells",
                ) from None
            continue
        if error is not None:
            raise error
        count -= 1


@contextmanager
def signals() -> Iterator[None]:
    """Turn the first Ctrl-C or SIGTERM into `Interrupted`; later ones wait for the clean-up."""

    def handler(number: int, _frame: FrameType | None) -> NoReturn:
        for other in (signal.SIGINT, signal.SIGTERM):
            signal.signal(other, signal.SIG_IGN)
        name = signal.Signals(number).name
        raise Interrupted(f"interrupted by {name}", hint="what is finished has been written")

    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
