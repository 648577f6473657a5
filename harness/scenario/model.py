"""What a scenario says, as typed and validated data: edits, the matrix of cells, and its claims."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.errors import Problem
from harness.machines.base import MachineSize
from harness.results import Cause, CellKey, Claim, Verdict

#: The strategy that does nothing: the baseline that controls compare with.
NO_STRATEGY = "none"


class SystemName(enum.StrEnum):
    """What is rebuilt."""

    POCKET = "pocket"
    NIXOS = "nixos"


class Provision(enum.StrEnum):
    """How the base system got onto the machine."""

    BUILT = "built"  # from source, with an empty cache
    CACHED_PACKAGES = "cached-packages"  # the cache has all that no configuration changes
    CACHED_ALL = "cached-all"  # the cache has even the toplevel
    COPIED = "copied"  # the finished closure alone, as deployment tools copy it: no .drv files


class Caches(enum.StrEnum):
    """What becomes of Nix's caches under the home directory before the rebuild."""

    KEPT = "kept"
    WIPED = "wiped"


class NetworkMode(enum.StrEnum):
    """How the network is cut."""

    DOWN = "down"  # the interface is there and down
    NO_INTERFACE = "no-interface"  # loopback alone is left
    REFUSED = "refused"  # names resolve, connections are refused
    DNS_DEAD = "dns-dead"  # no name server answers
    BLACKHOLE = "blackhole"  # names resolve, packets are dropped


class Command(enum.StrEnum):
    """Which of Nix's two command lines rebuilds."""

    NIX_BUILD = "nix-build"
    NIX = "nix"  # `nix build`


#: A scenario's word for each dimension of the matrix, and the name of its coordinate in `CellKey`,
#: in the order of the tree of stages.
DIMENSIONS: Mapping[str, str] = {
    "system": "system",
    "provisions": "provision",
    "strategies": "strategy",
    "caches": "caches",
    "network": "network",
    "commands": "command",
    "flags": "flags",
    "edits": "edit",
}


@dataclass(frozen=True)
class Selection:
    """Some cells of a matrix: the values admitted in each dimension, where none means all.

    Claims, exclusions and the filters of the command line are selections.
    """

    system: tuple[str, ...] = ()
    provisions: tuple[str, ...] = ()
    strategies: tuple[str, ...] = ()
    caches: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()

    def values(self, dimension: str) -> tuple[str, ...]:
        """What is admitted in one of `DIMENSIONS`; nothing stands for everything."""
        admitted: tuple[str, ...] = getattr(self, dimension)
        return admitted

    @cached_property
    def _limits(self) -> tuple[tuple[str, frozenset[str]], ...]:
        return tuple(
            (coordinate, frozenset(self.values(dimension)))
            for dimension, coordinate in DIMENSIONS.items()
            if self.values(dimension)
        )

    def matches(self, key: CellKey) -> bool:
        """Whether the cell is among them."""
        return all(getattr(key, coordinate) in admitted for coordinate, admitted in self._limits)


@dataclass(frozen=True)
class Edit:
    """One change of configuration that is made while offline. Paths are absolute."""

    name: str
    title: str
    file: Path
    changes_nothing: bool = False  # its output is that of the base configuration
    check: Path | None = None  # assertions about the activated state
    rehearse: Path | None = None  # another edit of the same kind, to rehearse online
    line: int = 1  # in the scenario file


@dataclass(frozen=True)
class ClaimRule:
    """One entry of `claims`: of the cells in *where*, edits in *rebuilt* do and others do not.

    *cause* is why the others fail; it is None only when every edit of *where* is in *rebuilt*.
    """

    where: Selection
    rebuilt: frozenset[str]
    cause: Cause | None
    file: str
    line: int
    why: str = ""

    def claim(self, key: CellKey) -> Claim:
        """What the rule says of one of its cells."""
        if key.edit in self.rebuilt:
            return Claim(Verdict.REBUILT, None, self.file, self.line, self.why)
        return Claim(Verdict.FAILED, self.cause, self.file, self.line, self.why)


@dataclass(frozen=True)
class Exclusion:
    """Combinations of the matrix that are left out (they take too long, or make no sense)."""

    where: Selection
    why: str = ""


@dataclass(frozen=True)
class Matrix:
    """The dimensions of a scenario's cells, each in the order that the scenario gives."""

    system: tuple[SystemName, ...]
    provisions: tuple[Provision, ...]
    strategies: tuple[str, ...]
    caches: tuple[Caches, ...]
    network: tuple[NetworkMode, ...]
    commands: tuple[Command, ...]
    flags: tuple[str, ...]  # each one command line's worth; "" is none
    edits: tuple[str, ...]
    exclusions: tuple[Exclusion, ...] = ()

    def values(self, dimension: str) -> tuple[str, ...]:
        """The values of one of `DIMENSIONS`."""
        found: tuple[str, ...] = getattr(self, dimension)
        return found

    def combinations(self, scenario: str) -> tuple[CellKey, ...]:
        """Every combination, excluded or not, in a stable order with the edits innermost."""
        axes = [tuple(map(str, self.values(dimension))) for dimension in DIMENSIONS]
        return tuple(
            CellKey(scenario, system, provision, strategy, caches, network, command, flags, edit)
            for system, provision, strategy, caches, network, command, flags, edit in (
                itertools.product(*axes)
            )
        )

    def cells(self, scenario: str) -> tuple[CellKey, ...]:
        """The combinations that are not excluded."""
        return tuple(
            key
            for key in self.combinations(scenario)
            if not any(exclusion.where.matches(key) for exclusion in self.exclusions)
        )


@dataclass(frozen=True)
class Scenario:
    """A scenario folder, read and checked. `patience` is in seconds, for one rebuild.

    `files` (relative, sorted) are all that the scenario consists of, and what `digest` covers.
    `warnings` are worth a look but no reason to refuse the scenario.
    """

    name: str
    folder: Path
    file: str  # the scenario file as people should be shown it
    title: str
    description: str
    machine: MachineSize
    patience: int
    base: Path
    ifd: bool  # the base configuration imports from a derivation
    edits: tuple[Edit, ...]
    matrix: Matrix
    claims: tuple[ClaimRule, ...]
    files: tuple[str, ...]
    digest: str
    warnings: tuple[Problem, ...] = ()

    @cached_property
    def cells(self) -> tuple[CellKey, ...]:
        """Every cell of the scenario, in a stable order."""
        return self.matrix.cells(self.name)

    def edit(self, name: str) -> Edit:
        """The edit of that name; raises `KeyError` when there is none."""
        for edit in self.edits:
            if edit.name == name:
                return edit
        raise KeyError(name)

    def claim(self, key: CellKey) -> Claim:
        """What the scenario claims of a cell: the last rule that matches holds.

        Raises `KeyError` for a cell that no rule matches; a validated scenario has none.
        """
        for rule in reversed(self.claims):
            if rule.where.matches(key):
                return rule.claim(key)
        raise KeyError(key)
