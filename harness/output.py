"""How a command ends: every error as a message and an exit code, whatever becomes of the streams.

A reader that has seen enough (``harness compare | head``) must not turn a verdict into a success,
nor may a full disk behind an error message become a code that `git bisect run` takes for a
judgement: Python would end with 120 when it flushes the streams at its own end.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, cast

from harness.errors import ExitCode, HarnessError, SetupError


class _Patient:
    """A text stream that goes on writing into nothing when its reader has gone away.

    What cannot be written for another reason is a `SetupError`, where it *matters*.
    """

    def __init__(self, stream: IO[str], *, matters: bool) -> None:
        self._stream = stream
        self._matters = matters

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write *text*, or drop it when nobody reads."""
        try:
            return self._stream.write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        """Bring out what was written, or drop it when nobody reads."""
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        # What is still to be written goes nowhere, what Python itself flushes at the end as well.
        number = os.open(os.devnull, os.O_WRONLY)
        os.dup2(number, self._stream.fileno())
        os.close(number)
        if self._matters and not isinstance(error, BrokenPipeError):
            raise SetupError(f"cannot write to standard output: {error.strerror}") from error


@contextmanager
def sturdy_output() -> Iterator[None]:
    """Make both streams patient, able to write any text, and there at all; as before afterwards.

    Of standard error nobody can be told that it cannot be written: the exit code has to do.
    """
    before = sys.stdout, sys.stderr
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - no path of ours
        sys.stdout = cast(IO[str], _Patient(_fit(before[0] or nowhere), matters=True))
        sys.stderr = cast(IO[str], _Patient(_fit(before[1] or nowhere), matters=False))
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


def _fit(stream: IO[str]) -> IO[str]:
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
    return stream


def flush() -> int:
    """Bring out all that was printed. Raises `SetupError` when it cannot be written."""
    sys.stdout.flush()
    sys.stderr.flush()
    return int(ExitCode.OK)


def guarded(work: Callable[[], int]) -> int:
    """The exit code of *work*; an error is told to the user and becomes one of `ExitCode`."""
    try:
        return work()
    except HarnessError as error:
        _complain(str(error))
        return int(error.exit_code)
    except KeyboardInterrupt:
        _complain("interrupted")
        return int(ExitCode.INTERRUPTED)
    except OSError as error:
        if error.filename is None:
            return _bug()
        _complain(f"{os.fsdecode(error.filename)}: {error.strerror}")
        return int(ExitCode.SETUP)
    except Exception:  # noqa: BLE001 - our own bug: show all of it and say so
        return _bug()


def _complain(message: str) -> None:
    from harness.reports.text import clean  # noqa: PLC0415 - `--help` does without the reports

    text = clean(message).replace("\n::", "\n ::")  # no command for a runner that reads along
    sys.stderr.write(f"harness: error: {text}\n")


def _bug() -> int:
    sys.stderr.write(traceback.format_exc())
    _complain("internal error: this is a bug of the harness, please report it")
    return int(ExitCode.INTERNAL)
