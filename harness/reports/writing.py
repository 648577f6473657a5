"""All reports of a run, into its report folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from harness import process
from harness.errors import ExitCode, HarnessError, SetupError
from harness.reports import html, junit, markdown
from harness.reports.redaction import Redactor
from harness.reports.survivors import with_survivors
from harness.results import RunResult, document

_RESULTS = "results.json"
RENDERERS: Mapping[str, Callable[[RunResult], str]] = {
    _RESULTS: document.render,
    "junit.xml": junit.render,
    "summary.md": markdown.render,
    "report.html": html.render,
}
#: The reports that take as long as the others together.
_PAGES = ("summary.md", "report.html")
#: So many cells are worth a second process.
_MANY = 2000


class ReportsError(HarnessError):
    """One or more reports could not be made; all others are written."""

    exit_code = ExitCode.INTERNAL

    def __init__(self, failures: Mapping[str, Exception]) -> None:
        lines = (f"{name}: {type(error).__name__}: {error}" for name, error in failures.items())
        super().__init__("\n".join(["reports could not be written:", *lines]))
        self.failures = dict(failures)
        if all(isinstance(error, SetupError) for error in failures.values()):
            self.exit_code = ExitCode.SETUP


def write_reports(run: RunResult, folder: Path, redact: Redactor | None = None) -> None:
    """Write every report of *run* into *folder*, each in one step in place of an older one.

    Nothing gets into them that *redact* (by default: that of this host) takes out.  A report
    that fails does not keep the others from being written: `ReportsError` comes last.  Raises
    `SetupError` when the folder cannot be made.
    """
    make_folder(folder)
    run = (redact or Redactor()).apply(run)
    told = with_survivors(run)  # for people; the results themselves stay as they are

    def write(names: Iterable[str]) -> dict[str, Exception]:
        failures: dict[str, Exception] = {}
        for name in names:
            try:
                text = RENDERERS[name](run if name == _RESULTS else told)
                write_atomically(folder / name, text)
            except Exception as error:  # noqa: BLE001 - raised below, when the others are safe
                failures[name] = error
        return failures

    failures = _shared(write, _PAGES) if len(run.cells) >= _MANY else write(RENDERERS)
    if failures:
        raise ReportsError(failures) from next(iter(failures.values()))


def _shared(
    write: Callable[[Iterable[str]], dict[str, Exception]], others: Sequence[str]
) -> dict[str, Exception]:
    """Write all reports, *others* of them in a second process meanwhile."""

    def work() -> None:
        if write(others):
            raise RuntimeError("written once more, by the first process, which can tell why")

    done = process.apart(work)
    try:
        failures = write([name for name in RENDERERS if name not in others])
    finally:
        succeeded = done()
    return failures if succeeded else failures | write(others)


def make_folder(folder: Path) -> None:
    """Make a report folder where there is none.  Raises `SetupError` when it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"cannot make the folder {folder}: {error.strerror}",
            hint="give another report folder",
        ) from error


def write_atomically(path: Path, text: str) -> None:
    """Put *text* at *path* at once: readers see the old file or the new one, never half of it.

    Raises `SetupError` when it cannot be written.
    """
    try:
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with open(number, "w", encoding="utf-8", newline="\n") as file:  # noqa: PTH123
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), 0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SetupError(
            f"cannot write {path}: {error.strerror}",
            hint="make room on the disk, or give another report folder",
        ) from error
