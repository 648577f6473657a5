"""The compact matrix that a run ends with: colours on a terminal, plain text anywhere else."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console
from rich.text import Text

from harness.reports.cells import LEGEND, explain, had_to_fail, mark
from harness.reports.frontier import frontiers
from harness.reports.matrix import Matrix, Row, control_matrices, matrices
from harness.reports.text import count, human_seconds, kilobytes, one_line
from harness.results import CellResult, Outcome, RunResult, worst_first

_MOST_TROUBLES = 10
_WIDTH = 100
_OUTCOME_STYLES = {
    Outcome.PASSED: "green",
    Outcome.FAILED: "bold red",
    Outcome.ERROR: "bold magenta",
    Outcome.SKIPPED: "yellow",
}
_Line = list[tuple[str, str]]  # pieces of text, each with its style


def render_terminal(run: RunResult, stream: TextIO) -> str:
    """The summary of *run* for *stream*: in colours when that is a terminal.

    rich heeds NO_COLOR and TERM=dumb.
    """
    if not stream.isatty():
        return "".join(f"{line.rstrip()}\n" for line in map(_plain, _lines(run)))
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, highlight=False)
    for line in _lines(run):
        console.print(Text.assemble(*line), soft_wrap=True)
    return text.getvalue()


def _plain(line: _Line) -> str:
    return "".join(text for text, _ in line)


def _lines(run: RunResult) -> Iterator[_Line]:
    for matrix in matrices(run):
        yield from _matrix(matrix)
    if run.cells:
        yield [(LEGEND, "dim")]
        yield []
    for frontier in frontiers(run):
        place = f"{frontier.scenario}, {frontier.system}, {frontier.provision}: "
        yield from _wrapped(place + frontier.sentence().replace("`", ""))
    yield from _controls(run)
    yield from _troubles(run)
    yield from _totals(run)


def _matrix(matrix: Matrix) -> Iterator[_Line]:
    wide = max(len(row.label) for row in matrix.rows) + 2
    numbers = range(1, len(matrix.columns) + 1)
    heading = "".join(f"{number:>2} " for number in numbers)
    costs = any(row.branch for row in matrix.rows)
    yield [(one_line(matrix.title), "bold")]
    yield [(" " * wide + heading, "dim"), (_COST_HEADING if costs else "", "dim")]
    for row in matrix.rows:
        marks = (_piece(row.cells.get(column)) for column in matrix.columns)
        yield [(f"{one_line(row.label):<{wide}}", ""), *marks, (_costs(row) if costs else "", "")]
    names = (f"{n} {one_line(name)}" for n, name in zip(numbers, matrix.columns, strict=True))
    yield from _wrapped("  ".join(names), "dim")
    yield []


_COST_HEADING = f"{'kept kB':>13}{'bundle kB':>11}{'prepare':>13}{'rebuild':>13}"


def _costs(row: Row) -> str:
    """Beside the marks: bytes kept in the store and outside it, time to prepare and to rebuild."""
    rebuild = row.rebuild_seconds
    took = "-" if rebuild is None else human_seconds(rebuild)
    if row.branch is None:
        return f"{'-':>13}{'-':>11}{'-':>13}{took:>13}"
    bundle = kilobytes(row.branch.bundle) if row.branch.bundle else "-"
    prepare = human_seconds(row.branch.protect_seconds + row.branch.restore_seconds)
    return f"{kilobytes(row.branch.store_after):>13}{bundle:>11}{prepare:>13}{took:>13}"


def _piece(cell: CellResult | None) -> tuple[str, str]:
    if cell is None:
        return "   ", ""
    style = "dim" if had_to_fail(cell) else _OUTCOME_STYLES[cell.outcome]
    return f" {mark(cell):<2}", style


def _controls(run: RunResult) -> Iterator[_Line]:
    cells = [cell for matrix in control_matrices(run) for cell in matrix.cells]
    held = sum(1 for cell in cells if cell.outcome is Outcome.PASSED)
    if cells:
        style = "green" if held == len(cells) else "bold red"
        yield [(f"controls: {held} of {len(cells)} hold", style)]
    for branch in run.branches:
        for witness in branch.witnesses:
            if not witness.holds:
                where = " / ".join(branch.key)
                text = f"witness {witness.name} of {where} does not hold: {witness.evidence}"
                yield [(one_line(text), "bold magenta")]


def _troubles(run: RunResult) -> Iterator[_Line]:
    wrong = (Outcome.ERROR, Outcome.FAILED)
    cells = [cell for cell in worst_first(run.cells) if cell.outcome in wrong]
    for cell in cells[:_MOST_TROUBLES]:
        yield [
            (f"{cell.outcome.value:<8}", _OUTCOME_STYLES[cell.outcome]),
            (one_line(cell.key.id), ""),
        ]
        yield [(f"        {one_line(explain(cell))}", "dim")]
    if len(cells) > _MOST_TROUBLES:
        yield [(f"... and {len(cells) - _MOST_TROUBLES} more", "dim")]


def _totals(run: RunResult) -> Iterator[_Line]:
    counts = ", ".join(f"{run.count(outcome)} {outcome.value}" for outcome in Outcome)
    expected = sum(map(had_to_fail, run.cells))
    text = f"{count(len(run.cells), 'cell')} in {human_seconds(run.seconds)}: {counts}"
    if expected:
        text += f" ({expected} of the passed had to fail, and did)"
    yield [(text, _OUTCOME_STYLES[run.conclusion])]
    if not run.complete:
        left = f"incomplete ({run.ended}): {len(run.cells)} of {run.planned} cells. {run.message}"
        yield [(one_line(left), _OUTCOME_STYLES[Outcome.ERROR])]


def _wrapped(text: str, style: str = "") -> Iterator[_Line]:
    for line in textwrap.wrap(one_line(text, 10_000), _WIDTH, break_on_hyphens=False):
        yield [(line, style)]
