"""`report.html`: one file that needs nothing else, neither the network nor JavaScript."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from harness.reports import plot, text
from harness.reports.cells import explain, found, had_to_fail
from harness.reports.frontier import Frontier, frontiers
from harness.reports.matrix import Matrix, control_matrices, matrices
from harness.results import (
    BranchResult,
    CellKey,
    CellResult,
    Outcome,
    RunResult,
    Verdict,
    worst_first,
)

#: A page of 1,000 cells stays below 2 MiB: what it can do without is cut to this many bytes.
LIMIT = 1_900_000
_LOG_LINES = 60
_LOG_BYTES = 8 * 1024
#: Above so many cells, those that came out as claimed have no section: the matrix leads to their
#: logs, and results.json has the rest. A page with all of them would be slow to make and to open.
_MOST_SECTIONS = 2_000
_OPEN = 5  # of those that need attention, so many are unfolded


@dataclass(frozen=True)
class CellView:
    """What the page shows of one cell. *state* is a class of the style sheet, *sign* a letter."""

    anchor: str
    cell: CellResult
    table: str
    row: str
    column: str
    state: str
    sign: str
    words: str
    explanation: str
    detail: str
    log: str
    link: str  # the log's file, as a URL
    section: bool  # whether the page has a section for it

    @cached_property
    def evidence(self) -> int:
        """The bytes that its explanation and log take in the page."""
        if not self.section:
            return 0
        return len(escape(self.log).encode()) + len(escape(self.detail).encode())

    @property
    def target(self) -> str:
        """Where the matrix leads; nowhere from a cell without a section whose log is not there."""
        return f"#{self.anchor}" if self.section else self.link

    @property
    def small(self) -> tuple[str, ...]:
        """Lines under the sign in the matrix."""
        cell = self.cell
        if cell.verdict is Verdict.REBUILT:
            return text.human_seconds(cell.rebuild_seconds), f"{len(cell.built)} built"
        return (str(cell.cause or ""),)


@dataclass(frozen=True)
class FrontierView:
    """A frontier, its drawing when there is a choice to draw, and its sentence."""

    frontier: Frontier
    plot: plot.Plot | None
    sentence: Markup


def render(run: RunResult) -> str:
    """The page. Logs and explanations are cut as far as its size demands, the good ones first."""
    page, evidence = _render(run, LIMIT)
    over = len(page.encode()) - LIMIT
    return page if over <= 0 else _render(run, max(0, evidence - over))[0]


def _render(run: RunResult, most: int) -> tuple[str, int]:
    """The page with at most so many bytes of logs and explanations, and how many they are."""
    claimed, controls = matrices(run), control_matrices(run)
    views = _views(run, [*claimed, *controls], most)
    wrong = [views[cell.key] for cell in worst_first(run.cells) if _is_wrong(cell)]
    template = _environment().get_template("report.html.j2")
    page = template.render(
        run=run,
        views=views,
        matrices=claimed,
        controls=controls,
        groups=_groups([*claimed, *controls], views),
        wrong=wrong,
        open=_OPEN,
        frontiers=[_frontier_view(frontier) for frontier in frontiers(run)],
        branches=_branches(run),
        rebuilds=_rebuilds(run),
        unproved=[branch for branch in run.branches if not branch.holds],
        had_to_fail=sum(map(had_to_fail, run.cells)),
        unlisted=sum(not view.section for view in views.values()),
        Outcome=Outcome,
        plot_width=plot.WIDTH,
        plot_height=plot.HEIGHT,
    )
    return page, sum(view.evidence for view in views.values())


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=lambda value: text.clean(value) if type(value) is str else value,
    )
    made.filters.update(
        bytes=text.human_bytes, kilobytes=text.kilobytes, seconds=text.human_seconds
    )
    return made


def _is_wrong(cell: CellResult) -> bool:
    return cell.outcome in (Outcome.ERROR, Outcome.FAILED)


def _views(run: RunResult, tables: Sequence[Matrix], left: int) -> Mapping[CellKey, CellView]:
    """By the cell's key. Of *left* bytes of logs and explanations, the worst cells take first."""
    places = {
        cell.key: (table.title, row.label, column)
        for table in tables
        for row in table.rows
        for column, cell in row.cells.items()
    }
    anchors = {cell.key: f"c{number}" for number, cell in enumerate(run.cells, start=1)}
    views: dict[CellKey, CellView] = {}
    few = len(run.cells) <= _MOST_SECTIONS
    for cell in worst_first(run.cells):
        section = few or _is_wrong(cell)
        size = min(_LOG_BYTES, left // 2) if section else 0
        view = _view(cell, anchors[cell.key], places[cell.key], size, section=section)
        left = max(0, left - view.evidence)
        views[cell.key] = view
    return views


def _view(
    cell: CellResult, anchor: str, place: tuple[str, str, str], size: int, *, section: bool
) -> CellView:
    table, row, column = place
    state, sign, words = _sign(cell)
    return CellView(
        anchor=anchor,
        cell=cell,
        table=table,
        row=row,
        column=column,
        state=state,
        sign=sign,
        words=words,
        explanation=explain(cell) if section else "",
        detail=text.tail(cell.detail, lines=_LOG_LINES, size=size) if size else "",
        log=text.tail(cell.log_tail, lines=_LOG_LINES, size=size) if size else "",
        link=quote(cell.log),
        section=section,
    )


def _sign(cell: CellResult) -> tuple[str, str, str]:
    """Its class in the style sheet, a sign that needs no colour, and the same in words."""
    sign = {Verdict.REBUILT: "✓", Verdict.FAILED: "✗"}.get(cell.verdict, "E")
    match cell.outcome:
        case Outcome.ERROR:
            return "error", "E", "error"
        case Outcome.SKIPPED:
            return "skipped", "s", "skipped"
        case Outcome.FAILED:
            return "wrong", f"{sign}!", f"{found(cell)}, not as claimed"
    if had_to_fail(cell):
        return "expected", sign, "failed as claimed"
    return "rebuilt", sign, "rebuilt as claimed"


def _groups(
    tables: Sequence[Matrix], views: Mapping[CellKey, CellView]
) -> list[tuple[str, list[CellView]]]:
    """The cells that are not shown as needing attention, under the titles of their tables."""
    groups = []
    for table in tables:
        good = (views[cell.key] for cell in table.cells if not _is_wrong(cell))
        groups.append((table.title, [view for view in good if view.section]))
    return [(title, cells) for title, cells in groups if cells]


def _frontier_view(frontier: Frontier) -> FrontierView:
    choice = len({point.survived for point in frontier.points}) > 1
    pieces = frontier.sentence().split("`")
    sentence = Markup("").join(
        Markup("<code>{}</code>").format(piece) if number % 2 else escape(piece)
        for number, piece in enumerate(pieces)
    )
    return FrontierView(frontier, plot.plot(frontier) if choice else None, sentence)


def _branches(run: RunResult) -> list[tuple[str, list[BranchResult]]]:
    groups: dict[str, list[BranchResult]] = {}
    for branch in run.branches:
        title = f"{branch.scenario}: {branch.system}, provision {branch.provision}"
        groups.setdefault(title, []).append(branch)
    return list(groups.items())


def _rebuilds(run: RunResult) -> Mapping[tuple[str, ...], float]:
    """The average time of a rebuild that worked, for each branch that has one."""
    times: dict[tuple[str, ...], list[float]] = {}
    for cell in run.cells:
        if cell.verdict is Verdict.REBUILT:
            times.setdefault(cell.key.branch, []).append(cell.rebuild_seconds)
    return {key: sum(values) / len(values) for key, values in times.items()}
