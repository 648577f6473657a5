"""A machine of the NixOS test driver behind the `Machine` protocol.

The driver's object boots, runs commands and talks to QEMU's monitor (nixpkgs,
nixos/lib/test-driver); this adapter adds what an experiment needs beyond: standard error apart,
all network cards, checkpoints, and errors of one kind.  It runs in the driver's own process.

Where releases differ (24.05 to the unstable of 2026), what is used here is what they all have:

=============================  ==================================================================
what                           how it is dealt with
=============================  ==================================================================
class name                     ``Machine``, then ``QemuMachine`` beside ``NspawnMachine`` (2026):
                               any object with the methods of `DriverMachine`
timeouts                       numbers, later ``timedelta`` with numbers still taken: whole numbers
failure of ``succeed``         ``Exception``, ``RequestedAssertionFailed`` (2025): never called,
                               `execute` returns the status in all of them
``copy_from_host``             by a 9p share, which rules checkpoints out: through the shell
``copy_from_vm``               ``copy_from_machine`` (2026): through the shell
console                        the queue ``last_lines``; ``get_console_log`` (2025)
``block``                      only the card eth1: ``set_link`` for every card by the monitor
``send_monitor_command``       never raises: the text that comes back is read
dead machine                   ``BrokenPipeError``, ``ValueError``, ``RuntimeError`` ...: all become
                               `MachineError`
=============================  ==================================================================
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import math
import re
import shutil
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from queue import Queue
from typing import Protocol

from harness.errors import CommandFailed, MachineError
from harness.machines.backdoor import LostShellError, parse_answer
from harness.machines.base import Capability, Link, Output
from harness.machines.shell import command as shell

#: Longest command that goes in one piece. The driver sends it by a single ``send``, twice quoted,
#: and one argument in the guest is at most 128 KiB.
_LONGEST = 40_000
#: Bytes of a file that go into one command, before base64.
_CHUNK = 24_000
#: Seconds that the guest may take beyond a command's own limit.
_GRACE = 60
#: Statuses of a command that coreutils' ``timeout`` has ended, and has had to kill.
_TIMED_OUT, _KILLED = 124, 137
_COMMAND_FILE = "/run/harness.command"
_STREAM = "/run/harness.stream"
_STDERR = "/run/harness.stderr"
#: What the monitor prints beside answers: the echo of the line editor, with escape sequences.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_CARD = re.compile(r"^\s*(?:\\ )?([^\s:]+): index=\d+,type=(\w+)", re.MULTILINE)


class DriverMachine(Protocol):
    """What is used of the driver's own machine object, in every supported release."""

    name: str
    booted: bool

    def start(self) -> None:
        """Start QEMU; it goes on to boot by itself."""
        ...

    def execute(
        self,
        command: str,
        check_return: bool = ...,
        check_output: bool = ...,
        timeout: int | None = ...,
    ) -> tuple[int, str]:
        """Status and standard output of a command in a fresh bash."""
        ...

    def send_monitor_command(self, command: str) -> str:
        """What the monitor prints, prompt and echo included."""
        ...

    def shutdown(self) -> None:
        """Power off in order and wait."""
        ...

    def crash(self) -> None:
        """Make QEMU quit and wait."""
        ...


class NixosDriverMachine:
    """Implements `Machine` over *driver*'s machine, whose *console* is told by its serial line.

    Checkpoints are QEMU's snapshots in the machine's own disks.  They need disks that are overlays
    (``-snapshot``) and no mounted 9p share, as harness/systems/nixos/nix/guest.nix arranges; a
    machine without is told at its first checkpoint, by what QEMU says.
    """

    def __init__(self, driver: DriverMachine) -> None:
        self.name = driver.name
        self._driver = driver
        self._turn = threading.RLock()
        self._numbers = itertools.count(1)
        self._checkpoints: set[str] = set()
        self._wanted = Link.UP
        self._version = "not started"
        self._accelerator = "not started"

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Everything, and KVM where it is in use."""
        able = {Capability.CHECKPOINTS, Capability.CUT_NETWORK, Capability.SECOND_DISK}
        return frozenset(able | ({Capability.KVM} if self._accelerator == "kvm" else set()))

    @property
    def facts(self) -> Mapping[str, str]:
        """What QEMU says of itself."""
        return {"qemu": self._version, "accelerator": self._accelerator}

    def start(self) -> None:
        """Boot and wait for the shell."""
        with self._explaining("boot"):
            self._driver.start()
        self._checkpoints.clear()
        self._version = self._monitor("info version").strip()
        self._accelerator = "kvm" if "kvm support: enabled" in self._monitor("info kvm") else "tcg"
        self.succeed("true", timeout=600)

    def execute(self, command: str, timeout: float | None = 900) -> Output:
        """Run *command* in a fresh ``bash -c`` as root; status 124 when *timeout* seconds pass."""
        if len(command.encode()) > _LONGEST:
            self._send(f"set -euo pipefail; {command}".encode(), _COMMAND_FILE)
            command = f"exec bash {_COMMAND_FILE}"
        return self._execute(command, timeout)

    def succeed(self, command: str, timeout: float | None = 900) -> str:
        """Standard output of *command*, which must exit 0."""
        done = self.execute(command, timeout)
        if done.status != 0:
            raise CommandFailed(command, done.status, f"{done.stdout}{done.stderr}")
        return done.stdout

    def fail(self, command: str, timeout: float | None = 900) -> str:
        """Standard output of *command*, which must exit non-zero."""
        done = self.execute(command, timeout)
        if done.status == 0:
            output = f"{done.stdout}{done.stderr}"
            raise CommandFailed(command, 0, output, hint="it was expected to fail")
        return done.stdout

    def wait_until_succeeds(self, command: str, timeout: float = 900) -> str:
        """Repeat *command* every second until it exits 0; its standard output."""
        deadline = time.monotonic() + timeout
        while True:
            done = self.execute(command, timeout)
            if done.status == 0:
                return done.stdout
            if time.monotonic() > deadline:
                hint = f"it was repeated for {timeout:g} s"
                output = f"{done.stdout}{done.stderr}"
                raise CommandFailed(command, done.status, output, hint=hint)
            time.sleep(1)

    def copy_from_host(self, source: Path, target: str) -> None:
        """Copy a file or folder to be *target*; a folder joins an existing one.

        Through the shell, in pieces: right for scenarios and bundles of some megabytes.
        """
        if not source.exists():
            raise MachineError(f"there is nothing to copy into the machine at {source}")
        path = PurePosixPath(target)
        with tempfile.TemporaryFile() as spool:
            with tarfile.open(fileobj=spool, mode="w:gz") as archive:
                archive.add(source, arcname=path.name, filter=_owned_by_root)
            spool.seek(0)
            self._send(spool.read(), _STREAM)
        unpack = shell(
            "mkdir -p %s && tar -C %s -xzf %s && rm %s", *[path.parent] * 2, *[_STREAM] * 2
        )
        self.succeed(unpack)

    def copy_from_machine(self, source: str, target: Path) -> None:
        """Copy one file or folder of the machine to be *target* on the host."""
        path = PurePosixPath(source)
        packed = self.succeed(
            shell("tar -C %s -czf - %s | base64 -w 0", path.parent, f"./{path.name}")
        )
        with tempfile.TemporaryFile() as spool, tempfile.TemporaryDirectory() as folder:
            spool.write(base64.b64decode(packed))
            spool.seek(0)
            with tarfile.open(fileobj=spool, mode="r:gz") as archive:
                archive.extractall(folder, filter="tar")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(Path(folder) / path.name, target)

    def set_link(self, state: Link) -> None:
        """Plug or unplug every network card at both ends."""
        self._wanted = state
        self._apply_link()

    def links(self) -> Mapping[str, Link]:
        """The state that was last set, for each network card."""
        return {name: self._wanted for name, kind in self._ends() if kind == "nic"}

    def checkpoint(self, tag: str) -> None:
        """Save memory, devices and disks under *tag* (an existing one is replaced)."""
        self._obey(f"savevm {tag}", hint="no disk may be raw and writable, no 9p share mounted")
        self._checkpoints.add(tag)

    def restore(self, tag: str) -> None:
        """Go back to *tag*. The link state is that of the last `set_link`, not the checkpoint's.

        The machine stands still from before the load until its cards are set: their state is part
        of a snapshot, and nothing may slip through in between.
        """
        if tag not in self._checkpoints:
            raise MachineError(f"the machine has no checkpoint {tag!r}")
        self._obey("stop")
        self._obey(f"loadvm {tag}")
        self._apply_link()
        self._obey("cont")

    def branch(self, tag: str) -> None:
        """`restore`: what a service manager does cannot be held in a layer."""
        self.restore(tag)

    def forget(self, tag: str) -> None:
        """Drop a checkpoint and free its space; one that does not exist is no error."""
        if tag in self._checkpoints:
            self._checkpoints.discard(tag)
            self._obey(f"delvm {tag}")

    def console(self) -> str:
        """What the serial console printed since the start."""
        whole = getattr(self._driver, "get_console_log", None)
        if whole is not None:
            return str(whole())
        lines = getattr(self._driver, "last_lines", None)
        return "\n".join(map(str, list(lines.queue))) if isinstance(lines, Queue) else ""

    def shutdown(self) -> None:
        """Power off in order and wait for the end."""
        with self._explaining("poweroff"):
            self._driver.shutdown()

    def crash(self) -> None:
        """Pull the plug: end at once, from any state. A machine that is off is no error."""
        self._checkpoints.clear()
        if not self._driver.booted:
            return
        with self._explaining("quit"):
            self._driver.crash()

    def _execute(self, command: str, timeout: float | None) -> Output:
        with self._turn:
            number = next(self._numbers)
            line = _framed(command, timeout, number)
            limit = None if timeout is None else math.ceil(timeout) + _GRACE
            began = time.monotonic()
            with self._explaining(command):
                status, answer = self._driver.execute(line, timeout=limit)
                lines = answer.encode().splitlines()
                if status == _TIMED_OUT:
                    raise LostShellError("no answer in time: it hangs")
                if status != 0 or not 2 <= len(lines) <= 3:
                    raise LostShellError(
                        f"an answer that is none: status {status}, {answer[:200]!r}"
                    )
                output = parse_answer([*lines, b""][:3], number)
            late = timeout is not None and time.monotonic() - began >= timeout
            if late and output.status == _KILLED:  # it ignored being asked to end
                return Output(_TIMED_OUT, output.stdout, output.stderr)
            return output

    def _send(self, data: bytes, target: str) -> None:
        self._execute(shell("mkdir -p %s && : > %s", PurePosixPath(target).parent, target), 60)
        for start in range(0, len(data), _CHUNK):
            piece = base64.b64encode(data[start : start + _CHUNK]).decode()
            done = self._execute(shell("printf %%s %s | base64 -d >> %s", piece, target), 60)
            if done.status != 0:
                raise MachineError(f"writing {target} in the machine: {done.stderr.strip()}")

    def _ends(self) -> list[tuple[str, str]]:
        """Every network card and what it is plugged into, by the monitor's names and types."""
        return [(name, kind) for name, kind in _CARD.findall(self._monitor("info network"))]

    def _apply_link(self) -> None:
        ends = self._ends()
        if not any(kind == "nic" for _, kind in ends):
            raise MachineError("the machine has no network card to cut")
        for name, kind in ends:
            # A hub has no link of its own.
            if kind != "hubport":
                self._obey(f"set_link {name} {'on' if self._wanted is Link.UP else 'off'}")

    def _obey(self, command: str, *, hint: str = "") -> None:
        """Give the monitor a command that answers nothing when it works."""
        said = self._monitor(command).strip()
        if said:
            raise MachineError(f"QEMU's monitor, asked to `{command}`: {said}", hint=hint)

    def _monitor(self, command: str) -> str:
        with self._turn, self._explaining(command):
            printed = self._driver.send_monitor_command(command)
        if not printed.rstrip().endswith("(qemu)"):
            raise MachineError(f"QEMU ended under the monitor's command `{command}`")
        # The first line is the echo of what was typed, as the line editor draws it.
        _, _, answer = printed.replace("\r", "").partition("\n")
        return _ESCAPES.sub("", answer).rsplit("(qemu)", 1)[0]

    @contextlib.contextmanager
    def _explaining(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (LostShellError, OSError, ValueError, RuntimeError, AssertionError) as error:
            tail = "\n".join(self.console().splitlines()[-25:])
            summary = doing.splitlines()[0][:100] if doing else ""
            raise MachineError(
                f"machine {self.name}, while it ran `{summary}`: {type(error).__name__}: {error}"
                + (f"\n--- end of its console:\n{tail}" if tail else "")
            ) from error


def _framed(command: str, timeout: float | None, number: int) -> str:
    """*command* such that it answers in three lines: output, its number and status, errors.

    The driver runs it with ``set -euo pipefail``, under which the first failure would take the rest
    of the answer along; and it leaves the console as standard input, on which the protocol is.
    """
    limit = "" if timeout is None else f"timeout --kill-after=5 {timeout:f} "
    run = shell("bash -c %s </dev/null 2>>%s", f"set -euo pipefail; {command}", _STDERR)
    return (
        f"set +eu +o pipefail; : >{_STDERR}; {limit}{run} | base64 -w 0;"
        f' end="{number} ${{PIPESTATUS[0]}}"; echo; echo "$end"; base64 -w 0 {_STDERR}; echo'
    )


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
