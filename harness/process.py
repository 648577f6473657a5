"""The only module that starts processes on the host.

Children get an explicit, small environment and their own process group, so that a Ctrl-C at the
terminal reaches the harness alone, which then ends its children in order.  Whatever is still
alive when the interpreter exits is killed, so that no child outlives a run.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.errors import SetupError

Words = Sequence[str | os.PathLike[str]]

#: What a child inherits: enough to find programs and places, nothing secret (tokens of CI runners).
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME")

#: Lets the kernel kill a child when the thread that started it ends, even by SIGKILL (prctl(2)),
#: so that no machine outlives a crashed run.
_DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")

_children: set[subprocess.Popen[bytes]] = set()
#: The "parent" whose death ends a child is the thread that started it (prctl(2)), so one that
#: lives as long as the interpreter starts them all.
_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starter")


#: A program that `spawn` started.
Child = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Completed:
    """How a finished process ended: its exit status and what it printed (decoded, lossy)."""

    args: tuple[str, ...]
    status: int
    stdout: str
    stderr: str


class ProcessError(SetupError):
    """A program on the host failed; carries its status and the end of its standard error."""

    def __init__(self, completed: Completed, *, hint: str = "") -> None:
        tail = "\n".join(completed.stderr.strip().splitlines()[-20:])
        name = Path(completed.args[0]).name
        super().__init__(f"{name} {_describe(completed.status)}\n{tail}".rstrip(), hint=hint)
        self.completed = completed


def _describe(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"


def which(program: str, *, package: str = "") -> Path:
    """The full path of *program*; a clear error naming the Debian *package* when it is missing."""
    found = shutil.which(program)
    if found is None:
        raise SetupError(
            f"{program} is not installed",
            hint=f"install the Debian package {package or program}, or run `make setup`",
        )
    return Path(found)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The small environment that children get, with *extra* on top."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**inherited, **(extra or {})}


def run(
    args: Words,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: str | None = None,
    timeout: float | None = None,
    check: bool = True,
    hint: str = "",
) -> Completed:
    """Run a program to its end and return what it printed.

    *timeout* is in seconds.  Raises `ProcessError` on a non-zero status (unless *check* is false)
    and on a timeout, `SetupError` when the program does not exist.
    """
    words = tuple(os.fspath(arg) for arg in args)
    try:
        done = subprocess.run(
            words,
            env=environment(env),
            cwd=cwd,
            input=None if stdin is None else stdin.encode(),
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=timeout,
            check=False,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise SetupError(f"{words[0]} is not installed", hint=hint) from error
    except subprocess.TimeoutExpired as error:
        late = (error.stderr or b"").decode(errors="replace")
        message = f"{late}\nstill running after {timeout:g} s"
        raise ProcessError(Completed(words, -signal.SIGKILL, "", message), hint=hint) from error
    completed = Completed(
        words,
        done.returncode,
        done.stdout.decode(errors="replace"),
        done.stderr.decode(errors="replace"),
    )
    if check and completed.status != 0:
        raise ProcessError(completed, hint=hint)
    return completed


def spawn(
    args: Words,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stdin: int | None = subprocess.DEVNULL,
    stdout: IO[bytes] | int | None = subprocess.DEVNULL,
    stderr: IO[bytes] | int | None = subprocess.DEVNULL,
    pass_fds: Sequence[int] = (),
) -> Child:
    """Start a long-running program; the caller ends it with `terminate`.

    The child inherits the open files *pass_fds* under the same numbers.  Raises `SetupError` when
    the program does not exist.
    """
    program, *rest = [os.fspath(arg) for arg in args]
    words = [*_DIE_WITH_PARENT, str(which(program)), *rest]
    try:
        child = _starter.submit(
            subprocess.Popen[bytes],
            words,
            env=environment(env),
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            pass_fds=pass_fds,
        ).result()
    except FileNotFoundError as error:
        raise SetupError(f"{words[0]} is not installed", hint="it is in util-linux") from error
    _children.add(child)
    return child


def apart(work: Callable[[], None]) -> Callable[[], bool]:
    """Do *work* in a copy of this process; what is returned waits for it and says if it is done.

    A copy lacks the other threads and could wait for their locks for ever: where there are any,
    or no process can be had, the work is not begun and the answer is no, as it is when the work
    raises or its end cannot be known.  Do it here then.
    """
    if threading.active_count() > 1:
        return lambda: False
    try:
        number = os.fork()
    except OSError:  # the limit of processes or of memory
        return lambda: False
    if number == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)  # the caller's work is not for the copy to finish

    def done() -> bool:
        try:
            return os.waitpid(number, 0)[1] == 0
        except ChildProcessError:  # our own caller ignores SIGCHLD, which is inherited (wait(2))
            return False

    return done


def wait(child: Child, seconds: float) -> int | None:
    """Wait for *child* to end by itself: its status, or None when it is still running."""
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def terminate(child: Child, *, patience: float = 5.0) -> int:
    """End *child* and its process group: ask, wait *patience* seconds, then kill. Its status."""
    if child.poll() is None:
        _signal_group(child, signal.SIGTERM)
        try:
            child.wait(patience)
        except subprocess.TimeoutExpired:
            _signal_group(child, signal.SIGKILL)
            child.wait()
    _children.discard(child)
    return child.returncode


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return  # it ended between the look and the signal: nothing is left to end


@atexit.register
def _end_children() -> None:
    for child in list(_children):
        terminate(child, patience=1.0)
