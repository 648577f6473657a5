"""The embedded machine: QEMU with a root shell, checkpoints and a network that can be cut."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness import process
from harness.errors import CommandFailed, MachineError
from harness.guest.image import Image
from harness.machines import command_line
from harness.machines.accelerator import PACKAGE, PROGRAM, Accelerator
from harness.machines.backdoor import Backdoor, LostShellError
from harness.machines.base import Capability, Link, MachineSize, Output
from harness.machines.command_line import (
    ANSWERS_PORT,
    CARD,
    FILES_PORT,
    PLUG,
    Forwards,
    Wiring,
    device,
)
from harness.machines.disks import DISKS, MEMORY, Disks
from harness.machines.layers import Layers
from harness.machines.qmp import Event, Monitor
from harness.machines.transfer import FilesPort

#: Seconds that a boot may take; without KVM on a busy host it takes ten at most.
_BOOT_LIMIT = 180.0
_COMMAND_FILE = "/run/harness.command"
_CONSOLE_TAIL = 25
#: With less than so many MiB for its disks on the host, a machine's troubles come from that.
_FULL = 16


class QemuMachine:
    """Implements `Machine`. Started once; its disks are gone when it ends.

    *folder* gets the disks and the logs, *internet_forward* says what the guest can reach: guest
    address and port to a port on the host's loopback.  One thread uses it; `crash` may come from
    any other and makes the first one's call raise `MachineError`.
    """

    def __init__(
        self,
        image: Image,
        folder: Path,
        size: MachineSize,
        internet_forward: Forwards,
        accelerator: Accelerator,
        name: str = "machine",
    ) -> None:
        self.name = name
        self._image = image
        self._folder = folder
        self._disks = Disks(folder)
        self._size = size
        self._forwards = internet_forward
        self._accelerator = accelerator
        self._qemu: process.Child | None = None
        self._backdoor: Backdoor | None = None
        self._layers: Layers | None = None
        self._monitor: Monitor | None = None
        self._files: FilesPort | None = None
        self._link = Link.UP
        self._checkpoints: set[str] = set()
        self._at = ""  # the checkpoint whose state this is exactly
        self._layered = ""  # the checkpoint over which there is a layer
        self._unfit: set[str] = set()  # checkpoints over which there can be none
        self._version = "not started"
        self._trouble = ""
        self._ending = threading.RLock()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Everything, and KVM where it is in use."""
        able = {Capability.CHECKPOINTS, Capability.CUT_NETWORK, Capability.SECOND_DISK}
        return frozenset(able | ({Capability.KVM} if self._accelerator.name == "kvm" else set()))

    @property
    def facts(self) -> Mapping[str, str]:
        """Provenance of what this machine is made of."""
        return {
            "qemu": self._version,
            "accelerator": self._accelerator.name,
            "accelerator reason": self._accelerator.reason,
            "image": self._image.digest,
            "kernel": self._image.kernel_release,
            "memory": f"{self._size.memory} MiB",
            "cores": str(self._size.cores),
        }

    def start(self) -> None:
        """Boot and wait for the shell."""
        process.which(PROGRAM, package=PACKAGE)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._disks.create(self._image, self._size)
        ours, theirs = zip(*(socket.socketpair() for _ in range(4)), strict=True)
        wiring = Wiring(
            *(theirs[0].fileno(), theirs[1].fileno(), theirs[2].fileno(), theirs[3].fileno()),
            self._console_file,
            self._disks,
        )
        words = command_line.arguments(
            self._image, self._size, self._accelerator, self._forwards, wiring
        )
        with (self._folder / "qemu.log").open("wb") as log:
            self._qemu = process.spawn(
                words, stdout=log, stderr=log, pass_fds=[end.fileno() for end in theirs]
            )
        for end in theirs:
            end.close()
        shell, answers, files, monitor = ours
        self._backdoor = Backdoor(shell, answers, device(ANSWERS_PORT))
        self._layers = Layers(self._backdoor)
        self._files = FilesPort(files, device(FILES_PORT))
        with self._explaining("boot"):
            self._monitor = Monitor(monitor, self._note)
            version = self._monitor.command("query-version")
            assert isinstance(version, dict)
            self._version = "{major}.{minor}.{micro}".format(**version["qemu"])
            self._backdoor.wait_until_open(_BOOT_LIMIT)

    def execute(self, command: str, timeout: float | None = 900) -> Output:
        """Run *command* in a fresh ``bash -c`` as root; status 124 when *timeout* seconds pass."""
        self._at = ""
        if not self._shell().fits(command):
            self._send_text(f"set -euo pipefail; {command}", _COMMAND_FILE)
            command = f"exec bash {_COMMAND_FILE}"
        with self._explaining(command):
            return self._shell().execute(command, timeout)

    def succeed(self, command: str, timeout: float | None = 900) -> str:
        """Standard output of *command*, which must exit 0."""
        done = self.execute(command, timeout)
        if done.status != 0:
            full = "No space left on device" in done.stderr + done.stdout
            hint = "the machine's disk is full: give it a larger one" if full else ""
            hint += ", or more memory, where a branch writes" if full and self._layered else ""
            raise CommandFailed(command, done.status, _both(done), hint=hint)
        return done.stdout

    def fail(self, command: str, timeout: float | None = 900) -> str:
        """Standard output of *command*, which must exit non-zero."""
        done = self.execute(command, timeout)
        if done.status == 0:
            raise CommandFailed(command, 0, _both(done), hint="it was expected to fail")
        return done.stdout

    def wait_until_succeeds(self, command: str, timeout: float = 900) -> str:
        """Repeat *command* every second until it exits 0; its standard output."""
        deadline = time.monotonic() + timeout
        while True:
            done = self.execute(command, max(1.0, deadline - time.monotonic()))
            if done.status == 0:
                return done.stdout
            if time.monotonic() > deadline:
                hint = f"it was repeated for {timeout:g} s"
                raise CommandFailed(command, done.status, _both(done), hint=hint)
            time.sleep(1)

    def copy_from_host(self, source: Path, target: str) -> None:
        """Copy a file or folder from the host to be *target*; a folder joins an existing one."""
        if not source.exists():
            raise MachineError(f"there is nothing to copy into the machine at {source}")
        self._port().send(source, target, self.execute)

    def copy_from_machine(self, source: str, target: Path) -> None:
        """Copy one file or folder of the machine to be *target* on the host."""
        self._port().fetch(source, target, self.execute)

    def set_link(self, state: Link) -> None:
        """Plug or unplug the network card at both ends."""
        self._link = state
        with self._explaining(f"set link {state}"):
            self._apply_link()

    def links(self) -> Mapping[str, Link]:
        """The state that was last set, for each network card."""
        return {CARD: self._link}

    def checkpoint(self, tag: str) -> None:
        """Save memory, devices and disks under *tag* (an existing one is replaced).

        Raises `MachineError` in a `branch`, whose state is not meant to last.
        """
        if self._layered:
            raise MachineError(f"checkpoint {tag}: the machine is in a branch of {self._layered}")
        self.forget(tag)
        with self._explaining(f"checkpoint {tag}"):
            self._qmp().job("snapshot-save", tag=tag, vmstate=MEMORY, devices=list(DISKS))
        self._checkpoints.add(tag)
        self._at = tag

    def restore(self, tag: str) -> None:
        """Go back to *tag*. The link state is that of the last `set_link`, not the checkpoint's.

        The machine stands still from before the load until its link is set, so nothing it sends
        can slip through in between.
        """
        self._check_known(tag)
        monitor = self._qmp()
        with self._explaining(f"restore {tag}"):
            monitor.command("stop")
            monitor.job("snapshot-load", tag=tag, vmstate=MEMORY, devices=list(DISKS))
            self._apply_link()
            monitor.command("cont")
        self._at, self._layered = tag, ""
        self._layering().forget()

    def branch(self, tag: str) -> None:
        """Go to *tag* with read-only disks under a fresh layer, which the next call drops.

        Where something runs that a layer would lack, it is `restore`.
        """
        self._check_known(tag)
        layers = self._layering()
        with self._explaining(f"branch from {tag}"):
            if self._layered == tag:
                layers.leave()
                if layers.enter():
                    return
            if self._at != tag or self._layered:
                self.restore(tag)
            if tag in self._unfit:
                return
            if not layers.freeze():
                self._unfit.add(tag)
                self.restore(tag)
                return
            layers.enter()
        self._at, self._layered = "", tag

    def forget(self, tag: str) -> None:
        """Drop a checkpoint and free its space; one that does not exist is no error."""
        if tag in self._checkpoints:
            self._checkpoints.discard(tag)
            self._unfit.discard(tag)
            self._at = ""
            with self._explaining(f"forget {tag}"):
                self._qmp().job("snapshot-delete", tag=tag, devices=list(DISKS))

    def console(self) -> str:
        """What the serial console printed since the start."""
        if not self._console_file.exists():
            return ""
        return self._console_file.read_text(errors="replace")

    def shutdown(self) -> None:
        """Power off in order and wait for the end."""
        with self._explaining("poweroff"):
            if self._layered:
                self._layering().leave()
            self._shell().tell("poweroff")
        qemu = self._qemu
        assert qemu is not None
        ended = process.wait(qemu, 60)
        self.crash()
        if ended is None:
            raise MachineError("the machine did not power off within 60 s")

    def crash(self) -> None:
        """Pull the plug: end at once, from any state, and free everything on the host."""
        self._trouble = self._trouble or "it was switched off from outside"
        with self._ending:
            if self._qemu is not None:
                process.terminate(self._qemu, patience=0)
            for end in (self._backdoor, self._files, self._monitor):
                if end is not None:
                    end.close()
            self._disks.remove()
            self._checkpoints.clear()

    @property
    def _console_file(self) -> Path:
        return self._folder / "console.log"

    def _check_known(self, tag: str) -> None:
        if tag not in self._checkpoints:
            raise MachineError(f"the machine has no checkpoint {tag!r}")

    def _apply_link(self) -> None:
        for end in (CARD, PLUG):
            self._qmp().command("set_link", name=end, up=self._link is Link.UP)

    def _send_text(self, text: str, target: str) -> None:
        local = self._folder / "command"
        local.write_text(text)
        self.copy_from_host(local, target)

    def _shell(self) -> Backdoor:
        if self._backdoor is None:
            raise MachineError("the machine has not been started")
        return self._backdoor

    def _layering(self) -> Layers:
        if self._layers is None:
            raise MachineError("the machine has not been started")
        return self._layers

    def _qmp(self) -> Monitor:
        if self._monitor is None:
            raise MachineError("the machine has not been started")
        return self._monitor

    def _port(self) -> FilesPort:
        if self._files is None:
            raise MachineError("the machine has not been started")
        return self._files

    def _note(self, event: str, data: Event) -> None:
        """What QEMU says by itself; after some of it no command will ever be answered."""
        if event == "BLOCK_IO_ERROR":
            full = "the host's disk is full" if data.get("nospace") else str(data.get("reason"))
            what = "written" if data.get("operation") == "write" else "read"
            self._trouble = self._trouble or f"its disk cannot be {what}: {full}"
            if self._backdoor is not None:
                self._backdoor.abort()

    @contextlib.contextmanager
    def _explaining(self, doing: str) -> Iterator[None]:
        """Turn the symptoms of a dead or hanging machine into an error that names the cause."""
        try:
            yield
        except (LostShellError, MachineError, OSError) as error:
            raise self._explained(doing, str(error)) from error

    def _explained(self, doing: str, symptom: str) -> MachineError:
        assert self._qemu is not None
        process.wait(self._qemu, 2)  # its sockets close a moment before QEMU is gone
        free = shutil.disk_usage(self._folder).free >> 20
        if free < _FULL:  # QEMU may call it an input/output error
            symptom = f"the host's disk is full: {symptom}"
        reason = self._trouble or _cause_of_death(self._qemu.poll(), self.console()) or symptom
        tail = "\n".join(self.console().strip().splitlines()[-_CONSOLE_TAIL:])
        log = (self._folder / "qemu.log").read_text(errors="replace").strip()
        summary = doing.splitlines()[0][:100]
        return MachineError(
            f"machine {self.name}, while it ran `{summary}`: {reason}"
            + (f"\n--- QEMU said:\n{log}" if log else "")
            + (f"\n--- end of its console:\n{tail}" if tail else ""),
            hint=f"only {free} MiB are free on the host for its disks" if free < 1024 else "",
        )


def _both(output: Output) -> str:
    return "\n".join(part.rstrip() for part in (output.stdout, output.stderr) if part.strip())


_LAST_WORDS = re.compile(r"^.*(?:Kernel panic|Out of memory|reboot: Power down).*$", re.MULTILINE)


def _cause_of_death(status: int | None, console: str) -> str:
    """Why QEMU ended, as far as can be told; "" while it lives."""
    if status is None:
        return ""
    said = _LAST_WORDS.findall(console)
    if said:
        return f"it ended: {said[-1].strip()}"
    if status < 0:
        return f"QEMU was killed by {signal.Signals(-status).name}"
    return f"QEMU ended with status {status}"
