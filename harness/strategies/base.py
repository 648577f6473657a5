"""The `Strategy` seam: protect (online, before the collection), restore (offline, after it)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.machines.base import Machine
from harness.machines.shell import command
from harness.nix.store import Store
from harness.results import Witness
from harness.systems import base as systems

#: The second disk, where what is kept outside the store goes: a stick that one carries along.
STICK = "/media/stick"
_STICK_DEVICE = "/dev/stick"


@dataclass(frozen=True)
class Rehearsal:
    """What evaluating the base and the rehearsed configurations online told.

    *configurations* are the lists of modules, base's last.  *imported* are the derivations whose
    outputs an evaluation read (IFD): base's, and all.
    """

    configurations: tuple[tuple[str, ...], ...]
    base: str
    following: tuple[str, ...]
    imported_by_base: tuple[str, ...]
    imported: tuple[str, ...]
    recipes: Mapping[str, str]


@dataclass(frozen=True)
class Site:
    """The machine that a strategy protects, with its base system active."""

    machine: Machine
    tree: str
    base_output: str
    rehearsal: Rehearsal | None = None  # for strategies that rehearse

    @property
    def store(self) -> Store:
        """Nix in this machine."""
        return Store(self.machine)

    def base_drv(self) -> str:
        """Evaluate the base configuration; its .drv files are in the store from then on."""
        done = systems.instantiate(self.machine, self.tree)
        if done.status != 0:
            raise systems.command_failed("evaluate the base configuration", done)
        return done.stdout.strip().split("!")[0]


class Strategy(ABC):
    """One way to prepare a machine. Class attributes say what it needs beside its two actions."""

    name: ClassVar[str]
    summary: ClassVar[str]
    #: nix.conf settings in force from `protect` on, through the collection and the rebuild.
    settings: ClassVar[Mapping[str, str]] = {}
    #: A NixOS module that becomes part of the configuration; "" when it stays as it is.
    module: ClassVar[str] = ""
    #: Flags of the offline rebuild in place of the cell's own; "" to leave those.
    rebuild_flags: ClassVar[str] = ""
    #: Whether anything goes onto the second disk.
    uses_stick: ClassVar[bool] = False
    #: Whether `protect` needs the rehearsal of the scenario's edits.
    rehearses: ClassVar[bool] = False

    @property
    def changes_configuration(self) -> bool:
        """Whether outputs differ from those of the plain configuration."""
        return bool(self.module)

    def protect(self, site: Site) -> None:  # noqa: B027 - doing nothing is a valid protection
        """Prepare while online, before the collection. The module and settings are in force."""

    def restore(self, site: Site) -> None:  # noqa: B027 - and so is restoring nothing
        """Bring back what was put aside, after the collection and without a network."""

    def offers(self, site: Site) -> Collection[str]:  # noqa: ARG002 - most offer nothing
        """Store paths outside the store that a rebuild offline can have all the same."""
        return ()

    @abstractmethod
    def applied(self, site: Site) -> Witness:
        """Evidence, gathered offline after `restore`, that the strategy is really in place."""


def settings_witness(strategy: Strategy, site: Site) -> Witness:
    """Whether every setting of *strategy* is in force for the Nix that collects and rebuilds.

    An untrusted user's keep-outputs is ignored by a daemon, so asking beats assuming.
    """
    values = {name: site.store.setting(name) for name in strategy.settings}
    holds = values == dict(strategy.settings)
    return Witness("strategy-settings", holds, ", ".join(f"{k} = {v}" for k, v in values.items()))


def count_witness(what: str, count: int, evidence: str = "") -> Witness:
    """A strategy is applied when it kept at least one thing."""
    return Witness("strategy-applied", count > 0, f"{count} {what} {evidence}".strip())


def valid_witness(site: Site, what: str, paths: Sequence[str]) -> Witness:
    """A strategy is applied when there are *paths* that it kept or brought, and all are valid."""
    valid = site.store.valid(paths)
    holds = bool(paths) and len(valid) == len(paths)
    return Witness("strategy-applied", holds, f"{len(valid)} of {len(paths)} {what} valid")


def format_stick(machine: Machine) -> None:
    """Make an empty file system on the second disk and mount it."""
    machine.succeed(command("mke2fs -q -F -t ext4 -O ^has_journal %s", _STICK_DEVICE))
    plug_in(machine)


def plug_in(machine: Machine) -> None:
    """Mount the second disk."""
    machine.succeed(command("mkdir -p %s && mount -t ext4 %s %s", STICK, _STICK_DEVICE, STICK))


def pull_out(machine: Machine) -> None:
    """Unmount the second disk, so that the collection cannot see it."""
    machine.succeed(command("umount %s", STICK))


def stick_bytes(machine: Machine) -> int:
    """What lies on the mounted second disk, in bytes."""
    return int(machine.succeed(command("du -sb --exclude=lost+found %s | cut -f1", STICK)))
