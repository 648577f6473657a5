"""What a bisection found, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from harness.bisect.drive import Commit, Finding
from harness.bisect.steps import State, Steps
from harness.reports.cells import explain
from harness.reports.redaction import Redactor
from harness.reports.text import clean, count, one_line
from harness.reports.writing import make_folder, write_atomically
from harness.results import CellResult, RunResult

FORMAT, SCHEMA_VERSION = "offline-rebuild-bisection", 1
#: Of a code block in Markdown. No text in a block has a tilde left with which it could close it.
_FENCE = "~" * 8


def render_text(finding: Finding) -> str:
    """The commit, and the explanation of each watched cell before and after it."""
    return "\n".join([*_conclusion(finding), "", *_steps(finding), "", *_explanations(finding), ""])


def render_markdown(finding: Finding) -> str:
    """The same for a job summary; what came from commits and machines stands in code blocks."""
    parts = [("Conclusion", _conclusion), ("Steps", _steps), ("Before and after", _explanations)]
    lines = ["# Offline rebuild: bisection"]
    for title, render in parts:
        body = [line.replace("~", "-") for line in render(finding)]
        lines += ["", f"## {title}", "", _FENCE, *body, _FENCE]
    return "\n".join([*lines, ""])


def render_json(finding: Finding) -> str:
    """For other programs; ASCII only."""
    first = finding.first_bad
    document = {
        "format": FORMAT,
        "schema": SCHEMA_VERSION,
        "good": finding.state.good,
        "bad": finding.state.bad,
        "tree": finding.state.question.tree,
        "first-bad": _json_commit(first) if first else None,
        "candidates": [_json_commit(commit) for commit in finding.candidates],
        "cells": {cell: str(signature) for cell, signature in finding.sought.cells.items()},
        "steps": [
            {**_json_commit(commit), "judgement": d.judgement.name.lower(), "reason": d.reason}
            for commit, d in finding.steps
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def write_finding(finding: Finding, folder: Path) -> None:
    """Write ``bisect.txt``, ``bisect.md`` and ``bisect.json`` into *folder*."""
    renderers = {"txt": render_text, "md": render_markdown, "json": render_json}
    for ending, render in renderers.items():
        write_atomically(folder / f"bisect.{ending}", Redactor()(render(finding)))


def write_failure(state: State, steps: Steps, message: str) -> None:
    """The same files for a bisection that came to nothing: why, and what was judged so far.

    The report of another bisection that lives in the folder is left alone.
    """
    if not steps.adopts(state):
        return
    judged = [f"  {d.judgement.name.lower():4} {c[:12]}" for c, d in steps.all().items()]
    text = "\n".join(["no commit was found:", clean(message), "", *judged, ""])
    document = {
        "format": FORMAT,
        "schema": SCHEMA_VERSION,
        "good": state.good,
        "bad": state.bad,
        "tree": state.question.tree,
        "first-bad": None,
        "candidates": [],
        "error": clean(message),
        "steps": [
            {"commit": commit, "judgement": d.judgement.name.lower(), "reason": d.reason}
            for commit, d in steps.all().items()
        ],
    }
    make_folder(steps.folder)
    redact = Redactor()
    write_atomically(steps.folder / "bisect.txt", redact(text))
    fenced = "\n".join([_FENCE, *redact(text).replace("~", "-").splitlines(), _FENCE])
    write_atomically(steps.folder / "bisect.md", f"# Offline rebuild: bisection\n\n{fenced}\n")
    write_atomically(steps.folder / "bisect.json", redact(json.dumps(document, indent=1)) + "\n")


def _conclusion(finding: Finding) -> Iterator[str]:
    first = finding.first_bad
    if first is None:
        yield "the first bad commit is one of these; the others could not be tested:"
        yield from (f"  {_name(commit)}" for commit in finding.candidates)
        return
    yield f"first bad commit: {first.id}"
    yield f"  {one_line(first.subject)}"
    if first.merge:
        yield "  a merge: its parents work, and joined they do not"
    yield f"last good commit: {_name(finding.before[0])}"


def _steps(finding: Finding) -> Iterator[str]:
    yield count(len(finding.steps), "step")
    for commit, decision in finding.steps:
        yield f"  {decision.judgement.name.lower():4} {_name(commit)}"
        yield f"       {one_line(decision.reason)}"


def _explanations(finding: Finding) -> Iterator[str]:
    for cell in finding.sought.cells:
        yield one_line(cell)
        for word, (commit, run) in (("before", finding.before), ("after", finding.after)):
            yield f"  {word}, {commit.id[:12]}:"
            yield from (f"    {line}" for line in _told(_find(run, cell)))


def _told(cell: CellResult | None) -> list[str]:
    if cell is None:
        return ["was not run"]
    return [one_line(explain(cell)), *clean(cell.detail).rstrip().splitlines()]


def _find(run: RunResult, cell: str) -> CellResult | None:
    return next((found for found in run.cells if found.key.id == cell), None)


def _name(commit: Commit) -> str:
    return f"{commit.id[:12]} {one_line(commit.subject)}"


def _json_commit(commit: Commit) -> dict[str, object]:
    return {"commit": commit.id, "subject": clean(commit.subject), "merge": commit.merge}
