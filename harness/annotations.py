"""Workflow commands: annotations of what went wrong, and a log that folds only what went well.

GitHub shows ten annotations of a kind for a step and drops the others without a word, so at most
nine are made, the worst first, and a tenth that counts the rest.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from harness.progress import describe
from harness.reports.cells import explain
from harness.reports.text import clean, count, one_line
from harness.results import CellResult, Outcome, RunResult, worst_first

MOST = 9
_WRONG = (Outcome.ERROR, Outcome.FAILED)
#: Failed cells whose logs are shown in full; the others' are in the report.
_MOST_LOGS = 20


@dataclass(frozen=True)
class Annotation:
    """An error to be shown beside a line of a file (from 1), or at the job when *file* is empty."""

    title: str
    message: str
    file: str = ""
    line: int = 0

    def __str__(self) -> str:
        where = {"file": self.file, "line": str(self.line)} if self.file else {}
        return command("error", self.message, **where, title=self.title)


def command(name: str, message: str = "", **properties: str) -> str:
    """One workflow command, with all that its syntax reserves escaped."""
    words = ",".join(f"{key}={_escape_property(value)}" for key, value in properties.items())
    return f"::{name}{' ' if words else ''}{words}::{_escape_data(message)}"


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")


def annotate(run: RunResult, most: int = MOST) -> list[Annotation]:
    """What went wrong in *run*, the worst first: at most *most*, and one that counts the rest."""
    found = [*_of_run(run), *map(_of_cell, _wrong(run))]
    rest = len(found) - most
    if rest > 0 and most > 0:
        more = f"and {rest} more: see the job summary or the report"
        return [*found[:most], Annotation("offline rebuild", more)]
    return found[: max(0, most)]


def _of_run(run: RunResult) -> Iterator[Annotation]:
    if not run.complete:
        done = f"{len(run.cells)} of {count(run.planned, 'cell')} finished"
        message = one_line(f"the run is incomplete ({run.ended}): {done}. {run.message}", 1000)
        yield Annotation("incomplete run", message)
    for branch in run.branches:
        broken = [f"{w.name}: {w.evidence}" for w in branch.witnesses if not w.holds]
        if broken:
            message = one_line(f"{'/'.join(branch.key)}: {'; '.join(broken)}", 1000)
            yield Annotation("a witness does not hold", message)


def _of_cell(cell: CellResult) -> Annotation:
    message = one_line(f"{cell.key.id}: {explain(cell)}", 1000)
    title = "rebuild error" if cell.outcome is Outcome.ERROR else "claim failed"
    path = PurePosixPath(one_line(cell.claim.file))
    inside = bool(cell.claim.file) and not path.is_absolute() and ".." not in path.parts
    return Annotation(title, message, str(path) if inside else "", cell.claim.line)


def _wrong(run: RunResult) -> list[CellResult]:
    return [cell for cell in worst_first(run.cells) if cell.outcome in _WRONG]


def grouped_log(run: RunResult) -> Iterator[str]:
    """The log of *run*, line by line: failures open, with the end of their logs; the rest folded.

    What a machine printed could look like a workflow command, so the runner is told not to listen
    where it stands.
    """
    wrong = _wrong(run)
    for number, cell in enumerate(wrong):
        tail = cell.log_tail if number < _MOST_LOGS else ""
        yield from deaf([describe(cell), *clean(tail).rstrip("\n").split("\n")])
    quiet = [cell for cell in run.cells if cell.outcome not in _WRONG]
    if quiet:
        yield command("group", f"{count(len(quiet), 'cell')} as claimed, or skipped")
        yield from deaf(map(describe, quiet))
        yield command("endgroup")


def deaf(lines: Iterable[str]) -> Iterator[str]:
    """*lines* between commands that make the runner ignore commands in them."""
    token = secrets.token_hex(16)
    yield command("stop-commands", token)
    for line in lines:
        yield from line.split("\n")
    yield f"::{token}::"
