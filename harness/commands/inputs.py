"""Results that earlier runs left on disk, as the command line names them."""

from __future__ import annotations

import os
from pathlib import Path

from harness.results import Ending, RunResult
from harness.results.document import read_results
from harness.results.log import read_log

RESULTS, LOG = "results.json", "results.jsonl"


def results_file(word: str) -> Path:
    """The file that *word* means: itself, or the results in the report folder of that name."""
    path = Path(word)
    if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where it may not look
        return path
    only_log = not os.path.lexists(path / RESULTS) and os.path.lexists(path / LOG)
    return path / LOG if only_log else path / RESULTS


def read_run(word: str) -> RunResult:
    """The run behind a report folder, a ``results.json`` or a ``results.jsonl``.

    Where the results of a folder tell of a run that still goes on, its log knows more: so it is
    when the run was killed.  Raises `InputError` or `ForeignResultsError` for a file that is not
    whole or not ours.
    """
    path = results_file(word)
    if path.suffix == ".jsonl":
        return read_log(path).run
    run = read_results(path)
    log = path.parent / LOG
    if run.ended is Ending.RUNNING and os.path.isdir(word) and os.path.lexists(log):  # noqa: PTH112
        return read_log(log).run
    return run
