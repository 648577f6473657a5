"""`results.json`: a whole run as one document, for other programs and for comparing runs.

Its shape is described by ``harness/reports/results.schema.json`` and changes only together with
`SCHEMA_VERSION`.  Each cell and branch is on a line of its own, so that line tools can be used.
"""

from __future__ import annotations

import datetime
import json
from collections import Counter
from pathlib import Path

from harness.errors import ExitCode, HarnessError, InputError, Problem
from harness.results import SCHEMA_VERSION, CellResult, Ending, RunResult, Verdict
from harness.results.codec import MisfitError, decode, parse, to_json, type_hints

#: What tells our documents from other people's JSON.
FORMAT = "offline-rebuild-results"
_LONGEST_PATH = 1024


class ForeignResultsError(HarnessError):
    """The file is no results file of this harness, or of a version that this one cannot read."""

    exit_code = ExitCode.USAGE


def render(run: RunResult) -> str:
    """The document for *run*."""
    lines = [f'"format":{to_json(FORMAT)}', f'"schema":{SCHEMA_VERSION}']
    for name in type_hints(RunResult):
        value = getattr(run, name)
        if isinstance(value, tuple):
            rows = ",\n  ".join(map(to_json, value))
            lines.append(f"{to_json(name)}:[\n  {rows}\n]" if value else f"{to_json(name)}:[]")
        else:
            lines.append(f"{to_json(name)}:{to_json(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_results(path: Path) -> RunResult:
    """The run that *path* holds.

    Raises `InputError` (with the line, or the place in the document) when it is missing, cut
    short, of wrong types or contradicts itself, `ForeignResultsError` when it is not ours to read.
    """
    document = parse_text(read_text(path), str(path))
    check_version(document, FORMAT, str(path))
    fields = {name: value for name, value in document.items() if name not in ("format", "schema")}
    try:
        run = decode(RunResult, fields)
        check(run)
    except MisfitError as misfit:
        raise InputError([Problem(str(path), 1, 1, str(misfit))]) from None
    return run


def read_text(path: Path) -> str:
    """The text of a results file. Raises `InputError` when it cannot be read as text."""
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise InputError([Problem(str(path), 1, 1, error.strerror or str(error))]) from error
    except UnicodeDecodeError as error:
        raise InputError([Problem(str(path), 1, 1, "this is not UTF-8 text")]) from error


def parse_text(text: str, file: str, line: int = 1) -> dict[str, object]:
    """The JSON object in *text*, which begins at *line* of *file*. Raises `InputError`."""
    try:
        value = parse(text)
    except json.JSONDecodeError as error:
        what = "the file is cut short" if error.pos >= len(text.rstrip()) else "this is not JSON"
        where = Problem(file, line + error.lineno - 1, error.colno, f"{what} ({error.msg})")
        raise InputError([where]) from None
    except ValueError as error:
        raise InputError([Problem(file, line, 1, str(error))]) from None
    if not isinstance(value, dict):
        raise InputError([Problem(file, line, 1, "an object is wanted here")])
    return value


def check_version(document: dict[str, object], wanted: str, file: str) -> None:
    """Raise `ForeignResultsError` unless *document* is a *wanted* of our schema version."""
    if document.get("format") != wanted:
        raise ForeignResultsError(
            f'{file}: no results of this harness (no "format": "{wanted}" in it)',
            hint="give the results.json of a report folder",
        )
    version = document.get("schema")
    if type(version) is not int or version != SCHEMA_VERSION:
        newer = type(version) is int and version > SCHEMA_VERSION
        raise ForeignResultsError(
            f"{file}: schema version {version!r}, and this harness reads {SCHEMA_VERSION}",
            hint="update this harness" if newer else "make the results again with this harness",
        )


def check(run: RunResult) -> None:
    """Raise `MisfitError` where *run* contradicts itself, which no finished harness writes."""
    check_start(run.started)
    for name, keys in (("cells", run.cells), ("branches", run.branches)):
        key, count = next(iter(Counter(item.key for item in keys).most_common(1)), ("", 0))
        if count > 1:
            raise MisfitError(f"the same twice: {key}").within(name)
    if run.complete and (len(run.cells) < run.planned or run.ended is not Ending.FINISHED):
        message = f"true, with {len(run.cells)} of {run.planned} cells and ended {run.ended}"
        raise MisfitError(message).within("complete")
    for index, cell in enumerate(run.cells):
        try:
            check_cell(cell)
        except MisfitError as misfit:
            raise misfit.within(f"cells[{index}]") from None


def check_start(started: str) -> None:
    """Raise `MisfitError` unless *started* is a point in time with its zone."""
    try:
        zone = datetime.datetime.fromisoformat(started).tzinfo
    except ValueError:
        zone = None
    if zone is None:
        raise MisfitError(f"a time with its zone is wanted here, not {started!r}").within("started")


def check_cell(cell: CellResult) -> None:
    """Raise `MisfitError` where *cell* contradicts itself or points out of its folder."""
    if (cell.verdict is Verdict.FAILED) != (cell.cause is not None):
        raise MisfitError(f"{cell.cause} with the verdict {cell.verdict}").within("cause")
    if cell.trouble is not None and cell.verdict is not Verdict.ERROR:
        raise MisfitError(f"{cell.trouble} with the verdict {cell.verdict}").within("trouble")
    if cell.claim.line < 1:
        raise MisfitError("lines are counted from 1").within("claim.line")
    if len(cell.log) > _LONGEST_PATH:
        raise MisfitError("this is too long for a file's name").within("log")
    if cell.log.startswith("/") or ".." in cell.log.split("/"):
        raise MisfitError(f"{cell.log!r} is not inside the report folder").within("log")
