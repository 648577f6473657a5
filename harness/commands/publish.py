"""``harness publish``: hand a finished (or broken) run to the forge that runs this job.

Prints a folded log and annotations, adds to the job's summary page, sets the step's outputs, and
ends with the code that ``--fail-on`` wants.  It works from what is on disk, so that a run that was
killed is told as well.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from harness.annotations import Annotation, annotate, deaf, grouped_log
from harness.commands.inputs import RESULTS, read_run
from harness.compare import Comparison, compare
from harness.errors import ExitCode, HarnessError, UsageError
from harness.forge import Forge, ForgeFileError
from harness.reports import markdown, write_reports
from harness.reports.comparison import (
    headline,
    render_markdown,
    render_text,
    write_comparison,
)
from harness.results import Ending, Outcome, RunResult

_CODES = {
    Outcome.PASSED: ExitCode.OK,
    Outcome.FAILED: ExitCode.CLAIM_FAILED,
    Outcome.ERROR: ExitCode.SETUP,
    Outcome.SKIPPED: ExitCode.NOTHING_RAN,
}
#: Bytes below which a summary says nothing useful.
_SMALLEST_SUMMARY = 16 * 1024


def main(arguments: argparse.Namespace) -> ExitCode:
    """Publish everything, whatever fails on the way; then the verdict as an exit code."""
    if arguments.fail_on == "regressions" and arguments.base_dir is None:
        raise UsageError(
            "--fail-on regressions needs --base-dir", hint="name the base run's folder"
        )
    folder = Path(arguments.report_dir)
    run = _read(folder)
    comparison = None
    if arguments.base_dir is not None:
        base = _read(Path(arguments.base_dir), mend=False)
        comparison = _compare(base, run, folder)
    forge = Forge.of(os.environ)
    _print_log(forge, run, comparison, arguments.annotations)
    problems = [] if arguments.no_job_summary else [*_summarise(forge, run, comparison)]
    problems += _set_outputs(forge, run, comparison, folder)
    for problem in problems:
        sys.stderr.write(f"harness: warning: {problem}\n")
    return _verdict(arguments.fail_on, run, comparison)


def _read(folder: Path, *, mend: bool = True) -> RunResult:
    """The run of *folder*: its results, or what its log has when it was killed, or why not.

    In the last two cases the reports are written anew with *mend*, so that there always are some.
    """
    results = folder / RESULTS
    try:
        run = read_run(str(folder))
        if run.ended is not Ending.RUNNING and os.path.lexists(results):
            return run
    except HarnessError as error:
        # Not ours, or damaged: somebody may want to look at it.
        if mend and os.path.lexists(results):
            results.replace(folder / f"{RESULTS}.unreadable")
        run = RunResult(
            started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            seconds=0.0,
            complete=False,
            ended=Ending.ERROR,
            planned=0,
            cells=(),
            message=f"there are no results: {error.message}",
        )
    if mend:
        write_reports(run, folder)
    return run


def _compare(base: RunResult, head: RunResult, folder: Path) -> Comparison:
    try:
        comparison = compare(base, head)
    except HarnessError as error:
        comparison = Comparison(problems=(error.message,))
    write_comparison(comparison, folder)
    return comparison


def _print_log(forge: Forge, run: RunResult, comparison: Comparison | None, most: int) -> None:
    text = [render_text(comparison)] if comparison is not None else []
    if not forge.active:
        _print(text)
        return
    _print(grouped_log(run))
    _print(deaf(text))
    _print(map(str, annotate(run, most)))
    if comparison is not None and comparison.conclusion is not Outcome.PASSED and most:
        _print([str(Annotation("base against head", headline(comparison)))])


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")


def _summarise(forge: Forge, run: RunResult, comparison: Comparison | None) -> Iterable[str]:
    """Add to the summary page what fits; yield what went wrong with that."""
    text = f"{render_markdown(comparison)}\n" if comparison is not None else ""
    left = forge.summary_budget() - len(text.encode())
    if forge.summary is None:
        yield "no job summary: GITHUB_STEP_SUMMARY is not set"
        return
    if left < _SMALLEST_SUMMARY:
        yield "the job summary is full, so this run is not on it"
        return
    try:
        forge.add_summary(text + markdown.render(run, min(left, markdown.LIMIT)))
    except ForgeFileError as error:
        yield str(error)


def _set_outputs(
    forge: Forge, run: RunResult, comparison: Comparison | None, folder: Path
) -> Iterable[str]:
    if forge.output is None and not forge.active:
        return
    values = {
        "conclusion": str(run.conclusion),
        "passed": str(run.count(Outcome.PASSED)),
        "failed": str(run.count(Outcome.FAILED)),
        "errors": str(run.count(Outcome.ERROR)),
        "skipped": str(run.count(Outcome.SKIPPED)),
        "time": f"{run.seconds:.1f}",
        "comparison": str(comparison.conclusion) if comparison is not None else "",
        "junit-path": str(folder / "junit.xml"),
        "json-path": str(folder / "results.json"),
        "summary-path": str(folder / "summary.md"),
    }
    try:
        for name, value in values.items():
            forge.set_output(name, value)
    except ForgeFileError as error:
        yield str(error)


def _verdict(fail_on: str, run: RunResult, comparison: Comparison | None) -> ExitCode:
    own = _CODES[run.conclusion]
    compared = comparison.exit_code if comparison is not None else ExitCode.OK
    match fail_on:
        case "nothing":
            return ExitCode.OK
        case "regressions":
            return compared
        case "errors":
            codes = [code for code in (own, compared) if code is not ExitCode.CLAIM_FAILED]
            return next((code for code in codes if code), ExitCode.OK)
    return own or compared
