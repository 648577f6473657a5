"""The errors that a user may see, each with what to do next and the exit code it leads to."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class ExitCode(enum.IntEnum):
    """What the process tells its caller (documented in the README)."""

    OK = 0
    CLAIM_FAILED = 1
    USAGE = 2
    DEADLINE = 3
    SETUP = 4
    NOTHING_RAN = 5
    INTERNAL = 6
    INTERRUPTED = 130


class HarnessError(Exception):
    """Something went wrong that a user can understand and mend.

    *message* says what happened, *hint* what to do next.  The class decides the exit code.
    """

    exit_code = ExitCode.SETUP

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class UsageError(HarnessError):
    """The command line asks for something that does not exist or does not fit together."""

    exit_code = ExitCode.USAGE


class SetupError(HarnessError):
    """This host lacks something: a program, disk space, permission, the guest image."""


class MachineError(HarnessError):
    """The machine (not the experiment) broke: no boot, dead, hung, disk full."""


class CommandFailed(MachineError):
    """A command that has to work inside the machine did not; carries what it printed."""

    def __init__(self, command: str, status: int, output: str, *, hint: str = "") -> None:
        super().__init__(
            f"command in the machine ended with status {status}: {command}\n{output}", hint=hint
        )
        self.command = command
        self.status = status
        self.output = output


class DeadlineReached(HarnessError):
    """The run's own deadline (``--deadline``) passed; what is finished has been written."""

    exit_code = ExitCode.DEADLINE


class Interrupted(HarnessError):
    """Ctrl-C or SIGTERM arrived; what is finished has been written."""

    exit_code = ExitCode.INTERRUPTED


@dataclass(frozen=True)
class Problem:
    """One fault in a file that the user wrote. Lines and columns start at 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class InputError(HarnessError):
    """All the faults found in the user's files, never just the first."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)
