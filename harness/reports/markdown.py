"""`summary.md`, for the job summary of GitHub, Gitea and Forgejo.

GitHub refuses a step's summary of more than 1,024 KiB as a whole, so this one is made to a
budget: what needs attention comes first, the rest is folded, and what does not fit is counted.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from harness.reports.cells import explain, found, had_to_fail, mark
from harness.reports.frontier import frontiers
from harness.reports.matrix import Matrix, Row, control_matrices, matrices
from harness.reports.text import clean, count, human_bytes, human_seconds, one_line, tail
from harness.results import CellResult, Outcome, RunResult, worst_first

#: In bytes, with room for what other programs append to the same summary.
LIMIT = 1_000_000
_LOG_LINES = 100
_LOG_BYTES = 16 * 1024
#: What failed may fill this part of the budget before its logs are left out.
_ATTENTION_SHARE = 0.6
_NOTE_BYTES = 600

_HEADLINES = {
    Outcome.PASSED: "✅ every claim holds",
    Outcome.FAILED: "❌ claims do not hold",
    Outcome.ERROR: "💥 errors",
    Outcome.SKIPPED: "⏭️ everything was skipped",
}
_LEGEND = (
    "`P` rebuilt · `.` failed · `s` skipped, each as the scenario claims; "
    "❌ not as claimed · 💥 the experiment broke"
)
_PUNCTUATION = re.compile(r"([\\`*_{}\[\]<>#|~!@$])")


class _Page:
    """Text that never outgrows its budget; pieces go in whole or not at all."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._pieces: list[str] = []
        self.left_out = 0

    def add(self, *choices: str, within: float = 0) -> bool:
        """Add the first of *choices* that fits and leaves *within* bytes of the budget."""
        for piece in choices:
            size = len(piece.encode())
            if size + within <= self._left:
                self._pieces.append(piece)
                self._left -= size
                return True
        self.left_out += 1
        return False

    def __str__(self) -> str:
        return "".join(self._pieces)


def render(run: RunResult, limit: int = LIMIT) -> str:
    """The summary of *run* in at most *limit* bytes of UTF-8."""
    page = _Page(limit - _NOTE_BYTES)
    page.add(_head(run))
    reserved = limit * (1 - _ATTENTION_SHARE)
    for piece in _unproved(run):
        page.add(piece, within=reserved)
    for number, cell in enumerate(_wrong(run)):
        heading = "" if number else "\n## What needs attention\n\n"
        page.add(heading + _full(cell), heading + _brief(cell), within=reserved)
    page.add(_advice(run))
    for title, tables in (("Matrix", matrices(run)), ("Controls", control_matrices(run))):
        for number, matrix in enumerate(tables):
            page.add(("" if number else f"\n## {title}\n\n{_LEGEND}\n\n") + _table(matrix))
    page.add(_provenance(run))
    note = "The whole report is `report.html` in the report folder or artefact of this run."
    if page.left_out:
        note = f"{count(page.left_out, 'part')} of this summary did not fit. {note}"
    return f"{page}\n---\n{note}\n"


def _head(run: RunResult) -> str:
    counts = ", ".join(f"{run.count(outcome)} {outcome.value}" for outcome in Outcome)
    lines = [
        f"# Offline rebuild: {_HEADLINES[run.conclusion]}",
        "",
        (
            f"{count(len(run.cells), 'cell')} in {human_seconds(run.seconds)}: {counts} "
            f"({sum(map(had_to_fail, run.cells))} of the passed had to fail, and did)."
        ),
        "",
    ]
    if not run.complete:
        state = f"{len(run.cells)} of {run.planned} cells are finished. {one_line(run.message)}"
        lines += [f"> **Incomplete ({run.ended}):** {_escape(state)}", ""]
    return "\n".join(lines)


def _unproved(run: RunResult) -> Iterator[str]:
    """Branches whose collection or cut is not proved."""
    for branch in run.branches:
        for witness in branch.witnesses:
            if not witness.holds:
                where = _escape(one_line(" / ".join(branch.key)))
                evidence = _escape(one_line(f"{witness.name}: {witness.evidence}"))
                yield f"- 💥 **{where}**: a witness does not hold, {evidence}\n"


def _wrong(run: RunResult) -> list[CellResult]:
    wrong = (Outcome.ERROR, Outcome.FAILED)
    return [cell for cell in worst_first(run.cells) if cell.outcome in wrong]


def _sign(cell: CellResult) -> str:
    return {Outcome.ERROR: "💥", Outcome.FAILED: "❌"}.get(cell.outcome, "")


def _brief(cell: CellResult) -> str:
    return f"- {_sign(cell)} **{_escape(cell.key.id)}**: {_escape(one_line(explain(cell)))}\n"


def _full(cell: CellResult) -> str:
    lines = [
        (
            f"<details><summary>{_sign(cell)} <b>{html.escape(one_line(cell.key.id))}</b>: "
            f"{html.escape(one_line(explain(cell)))}</summary>"
        ),
        "",
    ]
    claim = f"`{cell.claim}` in {_escape(one_line(cell.claim.file))}:{cell.claim.line}"
    lines.append(f"- claimed: {claim} {_escape(one_line(cell.claim.why))}".rstrip())
    lines.append(f"- found: `{found(cell)}` after {human_seconds(cell.seconds)}")
    if cell.missing:
        lines.append(f"- missing: {_escape(one_line(', '.join(cell.missing), 2000))}")
    if cell.log:
        lines.append(f"- log: {_escape(one_line(cell.log))}")
    lines.append("")
    lines += _fenced(clean(cell.detail[:_LOG_BYTES]).rstrip())
    lines += _fenced(tail(cell.log_tail, lines=_LOG_LINES, size=_LOG_BYTES))
    return "\n".join([*lines, "</details>", "", ""])


def _fenced(text: str) -> list[str]:
    """*text* as it is; its fence is longer than any in it."""
    if not text:
        return []
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", text, fence, ""]


def _advice(run: RunResult) -> str:
    lines = [
        f"- **{_escape(f'{f.scenario}, {f.system}, {f.provision}')}**: {f.sentence()}"
        for f in frontiers(run)
    ]
    return "\n".join(["\n## Which strategy?", "", *lines, ""]) if lines else ""


def _table(matrix: Matrix) -> str:
    costs = any(row.branch for row in matrix.rows)
    headings = ["", *matrix.columns, *(_COSTS if costs else ())]
    lines = [
        f"<details><summary>{html.escape(one_line(matrix.title))}</summary>",
        "",
        _table_row(_escape(one_line(heading)) for heading in headings),
        _table_row(["---"] + ["---:" if h in _COSTS else ":-:" for h in headings[1:]]),
    ]
    for row in matrix.rows:
        cells = (_cell(row.cells.get(column)) for column in matrix.columns)
        label = _escape(one_line(row.label))
        lines.append(_table_row([label, *cells, *(_cost_cells(row) if costs else ())]))
    return "\n".join([*lines, "", "</details>", "", ""])


_COSTS = ("kept", "bundle", "prepare", "rebuild")


def _cost_cells(row: Row) -> list[str]:
    rebuild = "" if row.rebuild_seconds is None else human_seconds(row.rebuild_seconds)
    if row.branch is None:
        return ["", "", "", rebuild]
    bundle = human_bytes(row.branch.bundle) if row.branch.bundle else ""
    prepare = human_seconds(row.branch.protect_seconds + row.branch.restore_seconds)
    return [human_bytes(row.branch.store_after), bundle, prepare, rebuild]


def _cell(cell: CellResult | None) -> str:
    if cell is None:
        return ""
    return f"{_sign(cell)} `{mark(cell).rstrip('!')}`".strip()


def _table_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _provenance(run: RunResult) -> str:
    facts = {"started": run.started, **run.facts}
    facts |= {f"scenario {name}": digest for name, digest in run.scenarios.items()}
    lines = [f"| {_escape(one_line(k))} | {_escape(one_line(v))} |" for k, v in facts.items()]
    head = ["", "## Provenance", "", "<details><summary>what ran, and on what</summary>", ""]
    return "\n".join([*head, "| | |", "| --- | --- |", *lines, "", "</details>", ""])


def _escape(text: str) -> str:
    """*text* so that Markdown shows it as it is."""
    return _PUNCTUATION.sub(r"\\\1", clean(text))
