"""Results that earlier runs left on disk, as the command line names them."""

from __future__ import annotations

from pathlib import Path

from harness.results import RunResult
from harness.results.document import read_results
from harness.results.log import read_log

RESULTS = "results.json"


def results_file(word: str) -> Path:
    """The file that *word* means: itself, or the results in the report folder of that name."""
    path = Path(word)
    return path / RESULTS if path.is_dir() else path


def read_run(word: str) -> RunResult:
    """The run behind a report folder, a ``results.json`` or a ``results.jsonl``.

    Raises `InputError` or `ForeignResultsError` for a file that is not whole or not ours.
    """
    path = results_file(word)
    return read_log(path).run if path.suffix == ".jsonl" else read_results(path)
