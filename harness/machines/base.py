"""The `Machine` protocol: what an experiment needs from the place where it runs.

The method names and meanings are those of the NixOS test driver (nixos/lib/test-driver), so that
its own machine object fits behind this seam with a thin adapter.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable


class Capability(enum.StrEnum):
    """What a machine can do beyond running commands; scenarios and stages require them."""

    CHECKPOINTS = "checkpoints"
    CUT_NETWORK = "cut-network"
    SECOND_DISK = "second-disk"
    KVM = "kvm"


class Link(enum.StrEnum):
    """The state of the machine's network cards as seen from outside the machine."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True)
class Output:
    """How a command in the machine ended. The two streams are apart; both are decoded lossily."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class MachineSize:
    """What the machine gets: memory and disks in MiB, cores as a count.

    With *boot_loader* it starts from one on its disk, and not from a kernel that the host gives
    (NixOS only; nixpkgs, virtualisation.useBootLoader).
    """

    memory: int = 1024
    cores: int = 1
    disk: int = 8192
    second_disk: int = 4096
    boot_loader: bool = False


@runtime_checkable
class Machine(Protocol):
    """A virtual machine with a root shell, a network that can be cut, and checkpoints.

    Every method raises `harness.errors.MachineError` when the machine is dead, hangs, or its
    control channel breaks; `succeed` raises `CommandFailed` (a `MachineError`).
    """

    name: str

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this machine can do."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """Provenance for the report: QEMU version, accelerator really used, kernel, image hash."""
        ...

    def start(self) -> None:
        """Boot and wait for the shell."""
        ...

    def execute(self, command: str, timeout: float | None = 900) -> Output:
        """Run *command* in a fresh ``bash -c`` as root; status 124 when *timeout* seconds pass."""
        ...

    def succeed(self, command: str, timeout: float | None = 900) -> str:
        """Standard output of *command*, which must exit 0."""
        ...

    def fail(self, command: str, timeout: float | None = 900) -> str:
        """Standard output of *command*, which must exit non-zero (raises `CommandFailed`)."""
        ...

    def wait_until_succeeds(self, command: str, timeout: float = 900) -> str:
        """Repeat *command* every second until it exits 0; its standard output."""
        ...

    def copy_from_host(self, source: Path, target: str) -> None:
        """Copy a file or folder from the host into the machine."""
        ...

    def copy_from_machine(self, source: str, target: Path) -> None:
        """Copy one file or folder of the machine to *target* on the host (missing: an error)."""
        ...

    def set_link(self, state: Link) -> None:
        """Plug or unplug every network card, from outside; raises when one cannot be set."""
        ...

    def links(self) -> Mapping[str, Link]:
        """The state that was last set, for each network card."""
        ...

    def checkpoint(self, tag: str) -> None:
        """Save memory, devices and disks under *tag* (an existing one is replaced)."""
        ...

    def restore(self, tag: str) -> None:
        """Go back to *tag*. The link state is that of the last `set_link`, not the checkpoint's."""
        ...

    def branch(self, tag: str) -> None:
        """Go back to *tag*, for changes that the next `branch` or `restore` undoes.

        Like `restore`, but cheaper where there are many from one checkpoint; what is done here
        cannot be saved.
        """
        ...

    def forget(self, tag: str) -> None:
        """Drop a checkpoint and free its space."""
        ...

    def console(self) -> str:
        """What the machine's serial console printed since the start (kernel messages, stderr)."""
        ...

    def shutdown(self) -> None:
        """Power off in order and wait for the end."""
        ...

    def crash(self) -> None:
        """Pull the plug: end at once, from any state, and free everything on the host."""
        ...
