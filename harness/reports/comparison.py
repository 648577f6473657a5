"""From one `Comparison` to text, Markdown, JSON and JUnit: what broke comes first."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from junit_xml import TestCase, TestSuite

from harness.compare import CellChange, Change, Comparison, CostChange, Unit
from harness.reports.cells import explain, found
from harness.reports.junit import test_name
from harness.reports.redaction import Redactor
from harness.reports.text import clean, count, human_bytes, human_seconds, one_line
from harness.reports.writing import make_folder, write_atomically
from harness.results import CellResult, Outcome

#: Raised whenever the shape of `compare.json` changes.
SCHEMA_VERSION = 1
FORMAT = "offline-rebuild-comparison"

#: Cells of one kind, and costs, that are told one by one; the others are counted.
_MOST = 50
#: Smaller changes of cost are noise to a reader. They are all in the JSON.
_WORTH_TELLING = 0.01

_HEADLINES: Mapping[Outcome, str] = {
    Outcome.PASSED: "no regression",
    Outcome.FAILED: "REGRESSION",
    Outcome.ERROR: "INCONCLUSIVE",
}


def headline(comparison: Comparison) -> str:
    """The conclusion and the counts, on one line."""
    counts = [f"{len(cells)} {change}" for change in Change if (cells := comparison.of(change))]
    if comparison.too_dear:
        counts.insert(0, f"{count(len(comparison.too_dear), 'cost')} beyond the limit")
    return f"{_HEADLINES[comparison.conclusion]}: {', '.join(counts) or 'nothing was compared'}"


def render_text(comparison: Comparison) -> str:
    """For a terminal or a log."""
    lines = [f"problem: {one_line(problem)}" for problem in comparison.problems]
    for change in Change:
        cells = comparison.of(change)
        if cells and change is not Change.UNCHANGED:
            lines += ["", f"{change} ({len(cells)})"]
            lines += [f"  {line}" for cell in cells[:_MOST] for line in _cell_lines(cell)]
            lines += [f"  and {len(cells) - _MOST} more"] if len(cells) > _MOST else []
    costs = _told_costs(comparison)
    if costs:
        lines += ["", "costs"]
        lines += [f"  {_place(cost)}: {_cost(cost)}" for cost in costs[:_MOST]]
        lines += [f"  and {len(costs) - _MOST} more"] if len(costs) > _MOST else []
    if comparison.facts:
        lines += ["", "provenance that differs"]
        lines += [
            f"  {one_line(name)}: {one_line(base) or '-'} -> {one_line(head) or '-'}"
            for name, (base, head) in comparison.facts.items()
        ]
    return "\n".join([*lines, "", headline(comparison)]).lstrip("\n") + "\n"


def render_markdown(comparison: Comparison) -> str:
    """For a job summary or a comment: what broke stands open, the rest is folded."""
    parts = [f"# Offline rebuild, base against head: {_code(headline(comparison))}\n"]
    parts += [f"> **Problem:** {_code(problem)}\n" for problem in comparison.problems]
    for change in Change:
        cells = comparison.of(change)
        if cells and change is not Change.UNCHANGED:
            rows = [_markdown_row(cell) for cell in cells[:_MOST]]
            more = f"\nand {len(cells) - _MOST} more\n" if len(cells) > _MOST else ""
            table = "\n".join(["| cell | base | head | why |", "| --- | --- | --- | --- |", *rows])
            shown = change is Change.NEWLY_BROKEN or change is Change.UNDECIDED
            parts.append(_section(f"{change} ({len(cells)})", f"{table}\n{more}", folded=not shown))
    costs = _told_costs(comparison)
    if costs:
        rows = [f"| {_code(_place(c))} | {_code(_cost(c))} |" for c in costs[:_MOST]]
        table = "\n".join(["| branch | cost |", "| --- | --- |", *rows])
        parts.append(_section("Costs", f"{table}\n", folded=not comparison.too_dear))
    if comparison.facts:
        rows = [
            f"| {_code(n)} | {_code(b)} | {_code(h)} |" for n, (b, h) in comparison.facts.items()
        ]
        table = "\n".join(["| fact | base | head |", "| --- | --- | --- |", *rows])
        parts.append(_section("Provenance that differs", f"{table}\n", folded=True))
    return "\n".join(parts)


def render_json(comparison: Comparison) -> str:
    """For other programs; ASCII only."""
    document = {
        "format": FORMAT,
        "schema": SCHEMA_VERSION,
        "conclusion": comparison.conclusion,
        "problems": comparison.problems,
        "counts": {change: len(comparison.of(change)) for change in Change},
        "cells": [
            {
                "id": cell.key.id,
                "change": cell.change,
                "base": _side(cell.base),
                "head": _side(cell.head),
            }
            for cell in comparison.cells
        ],
        "costs": [
            {
                "branch": "/".join(cost.branch),
                "what": cost.what,
                "unit": cost.unit,
                "base": cost.base,
                "head": cost.head,
                "limit": cost.limit,
                "exceeds": cost.exceeds,
            }
            for cost in comparison.costs
        ],
        "facts": {name: list(pair) for name, pair in comparison.facts.items()},
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def render_junit(comparison: Comparison) -> str:
    """A failure for each regression; what failed before as well is skipped with that reason."""
    suites: dict[str, list[TestCase]] = {}
    for cell in comparison.cells:
        suites.setdefault(f"base against head: {cell.key.scenario}", []).append(_cell_case(cell))
    for cost in comparison.costs:
        if cost.limit is not None:
            suites.setdefault("base against head: costs", []).append(_cost_case(cost))
    for number, problem in enumerate(comparison.problems, start=1):
        case = TestCase(f"the runs can be compared ({number})", "offline.compare")
        case.add_error_info(one_line(problem), clean(problem), "Incomparable")
        suites.setdefault("base against head: problems", []).append(case)
    return _junit_document(suites, comparison.started)


RENDERERS: Mapping[str, Callable[[Comparison], str]] = {
    "compare.json": render_json,
    "compare.md": render_markdown,
    "compare-junit.xml": render_junit,
    "compare.txt": render_text,
}


def write_comparison(comparison: Comparison, folder: Path) -> None:
    """Write every rendering into *folder*, without what is this host's own.

    Raises `SetupError` when it cannot be written.
    """
    make_folder(folder)
    comparison = Redactor().apply(comparison)
    for name, render in RENDERERS.items():
        write_atomically(folder / name, render(comparison))


def _cell_lines(cell: CellChange) -> Iterator[str]:
    yield f"{one_line(cell.key.id)}  {_brief(cell.base)} -> {_brief(cell.head)}"
    why = _why(cell)
    if why:
        yield f"    {why}"


def _brief(cell: CellResult | None) -> str:
    if cell is None:
        return "absent"
    return found(cell) if cell.outcome is not Outcome.ERROR else "error"


def _why(cell: CellChange) -> str:
    """What the side with the news says: head, or base where the cell is gone."""
    told = cell.head if cell.head is not None else cell.base
    if told is None or (told.outcome is Outcome.PASSED and cell.change is not Change.NEWLY_BROKEN):
        return ""
    return one_line(explain(told))


def _told_costs(comparison: Comparison) -> list[CostChange]:
    """Those beyond the limit, then those that changed noticeably, by how much they grew."""
    told = [c for c in comparison.costs if c.exceeds or abs(c.growth) >= _WORTH_TELLING]
    return sorted(told, key=lambda cost: (not cost.exceeds, -cost.growth))


def _place(cost: CostChange) -> str:
    return one_line("/".join(cost.branch))


def _cost(cost: CostChange) -> str:
    base, head = (_amount(cost.unit, value) for value in (cost.base, cost.head))
    grown = "from nothing" if cost.base == 0 else f"{cost.growth:+.1%}"
    limit = f", the limit is {cost.limit:+.1%}" if cost.exceeds else ""
    return f"{cost.what} {base} -> {head} ({grown}{limit})"


def _amount(unit: Unit, value: float) -> str:
    if unit is Unit.BYTES:
        return human_bytes(int(value))
    return human_seconds(value) if unit is Unit.SECONDS else f"{value:,.0f}"


def _code(text: str) -> str:
    """*text* as code in a table: nothing in it is taken for Markdown, HTML or a mention."""
    shown = one_line(text).replace("`", "'").replace("|", "\\|")
    return f"`{shown}`" if shown else ""


def _markdown_row(cell: CellChange) -> str:
    words = [cell.key.id, _brief(cell.base), _brief(cell.head), _why(cell)]
    return f"| {' | '.join(map(_code, words))} |"


def _section(title: str, body: str, *, folded: bool) -> str:
    if folded:
        return f"<details><summary>{title}</summary>\n\n{body}\n</details>\n"
    return f"## {title}\n\n{body}"


def _side(cell: CellResult | None) -> dict[str, object] | None:
    if cell is None:
        return None
    return {
        "verdict": cell.verdict,
        "cause": cell.cause,
        "outcome": cell.outcome,
        "message": clean(cell.message),
        "missing": cell.missing,
    }


def _cell_case(cell: CellChange) -> TestCase:
    told = cell.head or cell.base
    case = TestCase(
        one_line(test_name(cell.key)),
        one_line(f"offline.{cell.key.strategy}"),
        elapsed_sec=told.seconds if told else 0.0,
        file=one_line(told.claim.file) or None if told else None,
        line=told.claim.line if told and told.claim.file else None,
    )
    happened = f"{cell.change}: {_brief(cell.base)} -> {_brief(cell.head)}"
    message = one_line(f"{happened}. {_why(cell)}", 1000)
    match cell.change:
        case Change.NEWLY_BROKEN:
            detail = clean(cell.head.detail) if cell.head else ""
            case.add_failure_info(message, f"{message}\n\n{detail}".rstrip(), "NewlyBroken")
        case Change.UNDECIDED:
            case.add_error_info(message, message, "Undecided")
        case Change.STILL_FAILING | Change.GONE:
            case.add_skipped_info(message)
    return case


def _cost_case(cost: CostChange) -> TestCase:
    case = TestCase(one_line(f"{_place(cost)}: {cost.what}"), one_line(f"offline.{cost.branch[3]}"))
    if cost.exceeds:
        case.add_failure_info(one_line(_cost(cost)), one_line(_cost(cost)), "OverBudget")
    return case


def _junit_document(suites: Mapping[str, Sequence[TestCase]], started: str) -> str:
    """One document in the dialect of `harness.reports.junit`, whose words on the package hold."""
    root = ET.Element("testsuites", {"name": "offline rebuild, base against head"})
    for name, cases in suites.items():
        suite = TestSuite(one_line(name), cases, hostname="localhost", timestamp=started or None)
        element: ET.Element = suite.build_xml_doc()
        element.attrib.pop("disabled")  # no consumer reads it, and nothing ever is
        for case, child in zip(cases, element.iterfind("testcase"), strict=True):
            child.set("time", f"{case.elapsed_sec or 0.0:.3f}")
        root.append(element)
    for counter in ("tests", "failures", "errors", "skipped"):
        root.set(counter, str(sum(int(suite.get(counter, "0")) for suite in root)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in root):.3f}")
    if started:
        root.set("timestamp", started)
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'
