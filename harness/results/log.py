"""`results.jsonl`: what a run found, line by line as it happens, so that no crash loses a cell.

The first line is the run's beginning, the last its end; between them each cell, branch and fact
is one line, on disk before the next begins.  ``at`` is seconds since the start.  The log of a
run that was killed has no end, and perhaps half a last line: reports can be made from it still.
"""

from __future__ import annotations

import errno
import fcntl
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.errors import InputError, Problem, SetupError
from harness.results import (
    SCHEMA_VERSION,
    BranchResult,
    CellResult,
    Ending,
    RunResult,
    with_branch,
)
from harness.results.codec import MisfitError, decode, to_json
from harness.results.document import (
    check,
    check_cell,
    check_start,
    check_version,
    parse_text,
    read_text,
)

FORMAT = "offline-rebuild-log"


@dataclass(frozen=True)
class _Begin:
    started: str
    planned: int
    facts: Mapping[str, str]
    scenarios: Mapping[str, str]


@dataclass(frozen=True)
class _Facts:
    facts: Mapping[str, str]


@dataclass(frozen=True)
class _End:
    ended: Ending
    complete: bool
    message: str


class ResultsLog:
    """The open log of one run; a context manager. One run at a time writes to a file.

    Raises `SetupError` when it cannot be written, or when another run holds it.
    """

    def __init__(self, path: Path, run: RunResult) -> None:
        """Begin the log of *run*, in place of an earlier one; its cells come later."""
        self._path = path
        self._file = _open_alone(path)
        begin = _Begin(run.started, run.planned, run.facts, run.scenarios)
        self._write({"format": FORMAT, "schema": SCHEMA_VERSION, "begin": begin})

    def __enter__(self) -> ResultsLog:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def cell(self, at: float, result: CellResult) -> None:
        """Put down a finished cell, *at* seconds after the start."""
        self._write({"at": at, "cell": result})

    def branch(self, at: float, result: BranchResult) -> None:
        """Put down a finished branch."""
        self._write({"at": at, "branch": result})

    def facts(self, at: float, facts: Mapping[str, str]) -> None:
        """Put down what became known about the machine."""
        self._write({"at": at, "facts": facts})

    def end(self, run: RunResult) -> None:
        """Put down how the run ended."""
        self._write({"at": run.seconds, "end": _End(run.ended, run.complete, run.message)})

    def _write(self, line: Mapping[str, object]) -> None:
        data = to_json(line).encode() + b"\n"
        try:
            written = self._file.write(data)
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _cannot_write(self._path, error) from error
        if written < len(data):  # how a full disk shows when there was room for a part
            raise _cannot_write(self._path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))


def _open_alone(path: Path) -> io.FileIO:
    """*path*, empty, unbuffered (what fails to be written does not linger), and locked."""
    try:
        file = path.open("ab", buffering=0)
    except OSError as error:
        raise _cannot_write(path, error) from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if file.seek(0, os.SEEK_END):
            file.truncate(0)
    except BlockingIOError as error:
        file.close()
        raise SetupError(
            f"another run is writing {path}", hint="give this run a report folder of its own"
        ) from error
    except OSError as error:
        file.close()
        raise _cannot_write(path, error) from error
    return file


def _cannot_write(path: Path, error: OSError) -> SetupError:
    return SetupError(
        f"cannot write {path}: {error.strerror}",
        hint="make room on the disk, or give another report folder",
    )


@dataclass(frozen=True)
class Logged:
    """A run as its log tells it. *torn* is the half line that a crash left at the end, if any."""

    run: RunResult
    torn: Problem | None = None


@dataclass
class _Reading:
    file: str
    run: RunResult
    cells: list[CellResult] = field(default_factory=list)
    branches: tuple[BranchResult, ...] = ()
    ended: bool = False


def read_log(path: Path) -> Logged:
    """The run whose log *path* is, as far as it went.

    A last line that is cut short is left out and told in the result.  Raises `InputError` with
    the line for anything else that is wrong, `ForeignResultsError` when the file is not such a log.
    """
    lines = read_text(path).split("\n")
    last = lines.pop()  # "" when the file ends with a whole line
    torn = None
    if last and lines:
        try:
            parse_text(last, str(path))
        except InputError:
            message = f"a line of {len(last)} characters is cut short and left out"
            torn = Problem(str(path), len(lines) + 1, 1, message)
    if last and torn is None:
        lines.append(last)
    reading = _begin(path, lines)
    for number, line in enumerate(lines[1:], start=2):
        _take(reading, parse_text(line, reading.file, number), number)
    run = replace(reading.run, cells=tuple(reading.cells), branches=reading.branches)
    try:
        check(run)
    except MisfitError as misfit:
        raise InputError([Problem(reading.file, len(lines), 1, str(misfit))]) from None
    return Logged(run, torn)


def _begin(path: Path, lines: list[str]) -> _Reading:
    if not lines:
        raise InputError([Problem(str(path), 1, 1, "the file is empty")])
    document = parse_text(lines[0], str(path))
    check_version(document, FORMAT, str(path))
    try:
        begin = decode(_Begin, document.get("begin"))
        check_start(begin.started)
    except MisfitError as misfit:
        raise InputError([Problem(str(path), 1, 1, str(misfit))]) from None
    run = RunResult(
        started=begin.started,
        seconds=0.0,
        complete=False,
        ended=Ending.RUNNING,
        planned=begin.planned,
        cells=(),
        facts=begin.facts,
        scenarios=begin.scenarios,
        message="the log has no end: the run was killed, or is still going",
    )
    return _Reading(str(path), run)


def _take(reading: _Reading, line: dict[str, object], number: int) -> None:
    """Add what one *line* after the first says."""
    try:
        _add(reading, line)
    except MisfitError as misfit:
        raise InputError([Problem(reading.file, number, 1, str(misfit))]) from None


def _add(reading: _Reading, line: dict[str, object]) -> None:
    if reading.ended:
        raise MisfitError("nothing may follow the end")
    at = decode(float, line.pop("at", None))
    reading.run = replace(reading.run, seconds=at)
    match line:
        case {"cell": value, **rest} if not rest:
            cell = decode(CellResult, value)
            check_cell(cell)
            reading.cells.append(cell)
        case {"branch": value, **rest} if not rest:
            reading.branches = with_branch(reading.branches, decode(BranchResult, value))
        case {"facts": value, **rest} if not rest:
            facts = decode(_Facts, {"facts": value}).facts
            reading.run = replace(reading.run, facts={**reading.run.facts, **facts})
        case {"end": value, **rest} if not rest:
            end = decode(_End, value)
            reading.ended = True
            reading.run = replace(
                reading.run, ended=end.ended, complete=end.complete, message=end.message
            )
        case _:
            raise MisfitError("just one of cell, branch, facts and end is wanted here")
