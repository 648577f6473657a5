"""The host's end of the NixOS test driver's backdoor: commands through a root shell.

The shell reads its script from a virtio console, so one line is one command (nixpkgs,
nixos/modules/testing/test-instrumentation.nix).  The test driver also reads the answers from
there, but QEMU drops what a console prints faster than its other end reads (hw/char/
virtio-console.c, flush_buf), so here the answers come through a virtio port, which waits.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import socket
import threading
import time
from itertools import count

from harness.machines.base import Output
from harness.machines.shell import command as shell

#: What a guest says once, when its shell begins to read.
GREETING = b"Spawning backdoor root shell..."
#: Seconds beyond a command's own limit that the guest may take to answer.
GRACE = 60.0
#: Longest command that may go on a line; one argument of Linux's execve is at most 128 KiB.
LONGEST_LINE = 100_000

#: The shell's file descriptor of the answers' port.
_ANSWERS = 4
_STDERR = "/run/harness.stderr"
#: After the limit the command is asked to end, and this many seconds later it is killed.
_KILL_AFTER = 5
_STATUS_OF_TIMEOUT = 124
_STATUS_OF_KILL = 137


class LostShellError(Exception):
    """The shell is closed, silent or talks nonsense: nothing more can be said to it."""


class Backdoor:
    """One command at a time through the shell at the other end of *console*.

    *answers* is the host's end of the virtio port that is *device* in the machine.
    """

    def __init__(self, console: socket.socket, answers: socket.socket, device: str) -> None:
        self._console = console
        self._answers = answers
        self._device = device
        self._turn = threading.RLock()
        self._pending = bytearray()
        self._numbers = count(1)
        #: The layer (harness/machines/layers.py) that every answer has to come from; 0: none.
        self.layer = 0

    def wait_until_open(self, timeout: float) -> None:
        """Wait for the guest's greeting, at most *timeout* seconds."""
        deadline = time.monotonic() + timeout
        with self._turn:
            while GREETING not in self._pending:
                self._receive(self._console, deadline)
            self._pending.clear()
            self.tell(shell(f"exec {_ANSWERS}>%s", self._device))

    def fits(self, command: str) -> bool:
        """Whether *command* is short enough for a line."""
        return len(request(command, None, 0).encode()) <= LONGEST_LINE

    def execute(self, command: str, timeout: float | None) -> Output:
        """Run *command* in a fresh bash; status 124 when *timeout* seconds pass.

        Raises `LostShellError` when no proper answer comes.  The caller sees to it that the
        command `fits`.
        """
        with self._turn:
            number = next(self._numbers)
            line = request(command, timeout, number).encode()
            began = time.monotonic()
            deadline = None if timeout is None else began + timeout + GRACE
            self._send(line)
            answer = [self._line(deadline) for _ in range(3)]
            output = parse_answer(answer, number, self.layer)
            late = timeout is not None and time.monotonic() - began >= timeout
            if late and output.status == _STATUS_OF_KILL:  # it ignored being asked to end
                return Output(_STATUS_OF_TIMEOUT, output.stdout, output.stderr)
            return output

    def begin_layer(self, line: str, number: int, timeout: float) -> str:
        """Type *line*, which replaces the shell by one in layer *number*; what that says first.

        Raises `LostShellError` when it does not begin (harness/guest/layer.sh).
        """
        with self._turn:
            # Without a program there is no layer.sh to say so; a layer that is killed has begun.
            self.tell(f"{line} || [ $? -gt 128 ] || echo 'layer {number}: failed' >&{_ANSWERS}")
            deadline = time.monotonic() + timeout + GRACE
            said = []
            while (last := self._line(deadline)) != b"layer %d" % number:
                if last == b"layer %d: failed" % number:
                    raise LostShellError(f"layer {number} did not begin")
                said.append(last.decode(errors="replace"))
            self.layer = number
            return "\n".join(said)

    def tell(self, line: str) -> None:
        """Type a line whose answer nobody waits for (``poweroff``)."""
        with self._turn:
            self._send(line.encode() + b"\n")

    def abort(self) -> None:
        """Wake whoever waits for an answer; from any thread."""
        for connection in (self._console, self._answers):
            with contextlib.suppress(OSError):  # closed already: nobody waits
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the machine; whoever waits for an answer gets `LostShellError`."""
        self.abort()
        with self._turn:
            self._console.close()
            self._answers.close()

    def _send(self, data: bytes) -> None:
        try:
            self._console.settimeout(GRACE)
            self._console.sendall(data)
        except OSError as error:
            raise LostShellError(f"the shell does not read ({error})") from error

    def _line(self, deadline: float | None) -> bytes:
        """The next line. The search starts where the last one ended: answers can be huge."""
        searched = 0
        while (end := self._pending.find(b"\n", searched)) < 0:
            searched = len(self._pending)
            self._receive(self._answers, deadline)
        line = bytes(self._pending[:end])
        del self._pending[: end + 1]
        return line

    def _receive(self, connection: socket.socket, deadline: float | None) -> None:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise LostShellError("no answer in time: it hangs")
        try:
            connection.settimeout(left)
            data = connection.recv(1 << 18)
        except TimeoutError as error:
            raise LostShellError("no answer in time: it hangs") from error
        except OSError as error:
            raise LostShellError(f"the shell broke off ({error})") from error
        if not data:
            raise LostShellError("the shell closed")
        self._pending += data


def request(command: str, timeout: float | None, number: int) -> str:
    """The line that makes the guest run *command* and answer in three lines.

    As the NixOS test driver does it, standard output comes as one line of base64 and the status
    from PIPESTATUS; the command's number, the shell's layer and standard error are added in the
    same round trip.
    Standard input is empty, else a command that reads would swallow the protocol.  Standard error
    is appended to its file: a daemon that keeps it open cannot garble what a later one writes.
    """
    limit = "" if timeout is None else f"timeout --kill-after={_KILL_AFTER} {timeout:f} "
    run = shell("bash -c %s", f"set -euo pipefail; {command}")
    return (
        f"{{ : >{_STDERR}; {limit}{run} </dev/null 2>>{_STDERR} {_ANSWERS}>&- | base64 -w 0;"
        f' end="{number} ${{PIPESTATUS[0]}} ${{HARNESS_LAYER-0}}"; echo; echo "$end";'
        f" [ ! -s {_STDERR} ] || base64 -w 0 {_STDERR}; echo; }} >&{_ANSWERS}\n"
    )


def parse_answer(lines: list[bytes], number: int, layer: int | None = None) -> Output:
    """Read the three lines that answer command *number*; the status may be followed by the layer.

    Raises `LostShellError` when they are not such lines, or from elsewhere than *layer*.
    """
    stdout, end, stderr = lines
    try:
        answered, status, *where = (int(word) for word in end.split())
        if answered != number:
            raise LostShellError(f"out of step: answer {answered} to command {number}")
        if where != ([] if layer is None else [layer]):
            raise LostShellError(f"the answer comes from layer {where}, not from {layer}")
        return Output(status, _decoded(stdout), _decoded(stderr))
    except (ValueError, binascii.Error) as error:
        shown = b" / ".join(lines)[:200]
        raise LostShellError(f"an answer that is none: {shown!r}") from error


def _decoded(line: bytes) -> str:
    return base64.b64decode(line, validate=True).decode(errors="replace")
