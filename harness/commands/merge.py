"""``harness merge``: one report from the shards of a run."""

from __future__ import annotations

import argparse
import datetime
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.collector import no_cyclic_collection
from harness.commands.inputs import RESULTS, read_run, results_file
from harness.errors import ExitCode, HarnessError, SetupError, UsageError
from harness.merge import Part, merge
from harness.reports import render_terminal, write_reports
from harness.results import CellResult, Ending, RunResult


def main(arguments: argparse.Namespace) -> ExitCode:
    """Join the results, bring the logs along, write all reports; the code is that of the run."""
    folder = Path(arguments.report_dir)
    own = os.path.realpath(folder)
    if any(os.path.realpath(results_file(word).parent) == own for word in arguments.results):
        raise UsageError(
            f"{folder} is one of the shards, and would be overwritten",
            hint="give --report-dir a folder of its own",
        )
    with no_cyclic_collection():
        run = _merged(arguments.results, folder)
        write_reports(run, folder)
        told = render_terminal(run, sys.stdout)
    sys.stdout.write(told)
    if not run.complete:
        sys.stderr.write(f"harness: error: the merged run is incomplete: {run.message}\n")
        return ExitCode.SETUP
    return run.exit_code


def _merged(words: Sequence[str], folder: Path) -> RunResult:
    """The joined run, with its logs in *folder*.

    Raises `HarnessError` where there is none, after a report that says why.
    """
    try:
        merged = merge([Part(word, read_run(word)) for word in words])
    except HarnessError as error:
        earlier = folder / RESULTS
        if os.path.lexists(earlier):  # of a merge that worked: it is not lost, nor taken for this
            earlier.replace(folder / f"{RESULTS}.earlier")
        write_reports(_nothing(error), folder)
        raise
    sources = [os.path.realpath(results_file(word).parent) for word in words]
    logs = _Logs(folder)
    cells = (logs.bring(cell, sources[merged.origin[cell.key]]) for cell in merged.run.cells)
    return replace(merged.run, cells=tuple(cells))


class _Logs:
    """The logs of cells, copied into *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: set[str] = set()  # folders, once each: there are many logs

    def bring(self, cell: CellResult, source: str) -> CellResult:
        """The cell, its log copied from *source*; without one where the shard did not bring it."""
        if not cell.log:
            return cell
        log = os.path.realpath(f"{source}/{cell.log}")
        # A stranger's link could lead anywhere on this host.
        if not log.startswith(f"{source}/") or not os.path.isfile(log):  # noqa: PTH113 - see below
            return replace(cell, log="")  # Path.is_file raises where it may not look
        target = self._folder / cell.log
        try:
            self._make(target.parent)
            shutil.copyfile(log, target)
        except OSError as error:
            raise SetupError(f"cannot write {target}: {error.strerror}") from error
        return cell

    def _make(self, folder: Path) -> None:
        if str(folder) not in self._made:
            folder.mkdir(parents=True, exist_ok=True)
            self._made.add(str(folder))


def _nothing(error: HarnessError) -> RunResult:
    return RunResult(
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        seconds=0.0,
        complete=False,
        ended=Ending.ERROR,
        planned=0,
        cells=(),
        message=f"the results could not be merged: {error.message}",
    )
