"""From scenarios to the tree of stages: what shares a provision, a collection, a cut.

The tree has groups (scenario, system, provision), in them branches (strategy, caches, network:
whatever needs a collection and a cut of its own), in them cells.  Controls prove the experiment:
each edit rebuilds online, once for all provisions, since what it gives depends on none of them; and
every provisioned machine shows that an edit rebuilds online and, without a strategy, fails offline.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from harness.errors import ExitCode, HarnessError, UsageError
from harness.results import Cause, CellKey, Claim, Role, Verdict
from harness.scenario import DIMENSIONS, NO_STRATEGY, SUBSTITUTION_OFF, Command, Scenario, Selection
from harness.scenario.model import Caches
from harness.scenario.wording import unknown

#: The network of online controls, beside the modes of cutting it.
ONLINE = "up"

#: The failures which show that inputs are gone, and not that the rebuild stumbled otherwise.
_LOSSES = {Cause.BUILD_MISS, Cause.EVALUATION_FETCH}

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


class NothingToRun(HarnessError):
    """The scenarios and filters leave no cell: never a success."""

    exit_code = ExitCode.NOTHING_RAN


@dataclass(frozen=True)
class Cell:
    """One planned verdict and what the scenario claims of it."""

    key: CellKey
    claim: Claim

    def describe(self) -> dict[str, object]:
        """Plain data for `harness show` and `harness plan`."""
        return {
            "id": self.key.id,
            "edit": self.key.edit,
            "command": self.key.command,
            "flags": self.key.flags,
            "role": str(self.key.role),
            "claim": str(self.claim),
            "file": self.claim.file,
            "line": self.claim.line,
        }


@dataclass(frozen=True)
class Branch:
    """The cells that share a protected, collected and cut off machine."""

    provision: str
    strategy: str
    caches: str
    network: str
    cells: tuple[Cell, ...]

    @property
    def label(self) -> str:
        """Its place in the tree below the scenario."""
        return f"{self.provision}/{self.strategy}/{self.caches}/{self.network}"

    def describe(self) -> dict[str, object]:
        """Plain data for `harness show` and `harness plan`."""
        return {
            "strategy": self.strategy,
            "caches": self.caches,
            "network": self.network,
            "cells": [cell.describe() for cell in self.cells],
        }


@dataclass(frozen=True)
class Group:
    """What shares a provisioned machine: the online controls, then the branches."""

    scenario: Scenario
    system: str
    provision: str
    controls: tuple[Cell, ...]
    branches: tuple[Branch, ...]

    @property
    def family(self) -> tuple[str, str]:
        """What groups have in common of which one may hold the online controls of another."""
        return self.scenario.name, self.system

    def describe(self) -> dict[str, object]:
        """Plain data for `harness show` and `harness plan`."""
        return {
            "scenario": self.scenario.name,
            "system": self.system,
            "provision": self.provision,
            "controls": [cell.describe() for cell in self.controls],
            "branches": [branch.describe() for branch in self.branches],
        }


@dataclass(frozen=True)
class Plan:
    """The whole run, in the order in which one machine would do it."""

    groups: tuple[Group, ...]

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """Everything that gets a verdict, controls included, in the order of the tree."""
        return tuple(_cells(self.groups))

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """The scenarios of which at least one cell is planned."""
        return tuple({group.scenario.name: group.scenario for group in self.groups}.values())

    def describe(self) -> dict[str, object]:
        """Plain data (what JSON can say) for `harness show` and `harness plan`."""
        roles = [cell.key.role for cell in self.cells]
        return {
            "cells": roles.count(Role.CELL),
            "controls": len(roles) - roles.count(Role.CELL),
            "branches": sum(len(group.branches) for group in self.groups),
            "groups": [group.describe() for group in self.groups],
        }


def _cells(groups: Iterable[Group]) -> Iterator[Cell]:
    for group in groups:
        yield from group.controls
        for branch in group.branches:
            yield from branch.cells


def plan(scenarios: Sequence[Scenario], selection: Selection | None = None) -> Plan:
    """The tree of the selected cells of *scenarios*, with the controls that they need.

    Raises `UsageError` for a value that no scenario has, `NothingToRun` when no cell is left.
    """
    selection = selection or Selection()
    _check(selection, scenarios)
    chosen = [
        (scenario, key)
        for scenario in scenarios
        for key in scenario.cells
        if selection.matches(key)
    ]
    if not chosen:
        raise NothingToRun(
            "no cell matches these filters",
            hint="each filter alone matches something: `harness list` shows what goes together",
        )
    return _arrange(chosen)


def _check(selection: Selection, scenarios: Sequence[Scenario]) -> None:
    faults = []
    for dimension in DIMENSIONS:
        allowed = dict.fromkeys(v for s in scenarios for v in s.matrix.values(dimension))
        strange = [value for value in selection.values(dimension) if value not in allowed]
        faults += [unknown(f"value of {dimension!r}", value, allowed) for value in strange]
    if faults:
        raise UsageError("\n".join(faults), hint="`harness list` shows what there is")


def _arrange(chosen: Iterable[tuple[Scenario, CellKey]]) -> Plan:
    """The tree over cells (not controls); its order is that of the cells."""

    def stem(item: tuple[Scenario, CellKey]) -> tuple[str, str, str]:
        return item[1].scenario, item[1].system, item[1].provision

    groups: list[Group] = []
    for items in _grouped(chosen, stem).values():
        scenario, first = items[0]
        family = scenario.name, first.system
        earlier = [group for group in groups if group.family == family]
        controlled = {cell.key.edit for group in earlier for cell in group.controls}
        groups.append(_group(scenario, [key for _, key in items], controlled))
    return Plan(tuple(groups))


def _grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Items by key; both in the order of the first appearance."""
    found: dict[Key, list[Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def _group(scenario: Scenario, keys: list[CellKey], controlled: Collection[str]) -> Group:
    cells = [Cell(key, scenario.claim(key)) for key in keys]
    if not any(_shows_loss(scenario, cell) for cell in cells):
        # Ahead of the others: an experiment that proves nothing should show it early.
        cells.insert(0, _negative_control(scenario, keys[0]))
    branches = _grouped(cells, lambda cell: cell.key.branch)
    first = keys[0]
    return Group(
        scenario=scenario,
        system=first.system,
        provision=first.provision,
        controls=_online_controls(scenario, first, {cell.key.edit for cell in cells}, controlled),
        branches=tuple(
            Branch(first.provision, strategy, caches, network, tuple(below))
            for (_, _, _, strategy, caches, network), below in branches.items()
        ),
    )


def _shows_loss(scenario: Scenario, cell: Cell) -> bool:
    """Whether the cell proves that the collection and the cut took something away."""
    return (
        cell.key.strategy == NO_STRATEGY
        and not scenario.edit(cell.key.edit).changes_nothing
        and cell.claim.verdict is Verdict.FAILED
        and cell.claim.cause in _LOSSES
    )


def _negative_control(scenario: Scenario, first: CellKey) -> Cell:
    """Without a strategy, the first edit that changes something must fail for want of inputs."""
    edit = next(edit for edit in scenario.edits if not edit.changes_nothing)
    key = replace(
        first,
        strategy=NO_STRATEGY,
        command=str(Command.NIX_BUILD),
        flags=f"{SUBSTITUTION_OFF} --option download-attempts 1",  # retries would only take time
        edit=edit.name,
        role=Role.NEGATIVE_CONTROL,
    )
    cause = Cause.EVALUATION_FETCH if scenario.ifd else Cause.BUILD_MISS
    why = "nothing protects the inputs of this edit, so a rebuild would show that they never went"
    return Cell(key, Claim(Verdict.FAILED, cause, scenario.file, edit.line, why))


def _online_controls(
    scenario: Scenario, first: CellKey, edits: set[str], controlled: Collection[str]
) -> tuple[Cell, ...]:
    """Rebuilds while the network is up; their outputs are what offline cells must give.

    Of edits that an earlier group has *controlled*, one is enough: it shows that this machine
    rebuilds as well.
    """
    key = replace(
        first,
        strategy=NO_STRATEGY,
        caches=str(Caches.KEPT),
        network=ONLINE,
        command=str(Command.NIX_BUILD),
        flags="",
        role=Role.ONLINE_CONTROL,
    )
    why = "an edit that does not rebuild online says nothing about being offline"
    mine = [edit for edit in scenario.edits if edit.name in edits]
    proof = next((edit for edit in mine if not edit.changes_nothing), mine[0])
    new = [edit for edit in mine if edit.name not in controlled]
    chosen = new if any(not edit.changes_nothing for edit in new) else [*new, proof]
    return tuple(
        Cell(
            replace(key, edit=edit.name),
            Claim(Verdict.REBUILT, None, scenario.file, edit.line, why),
        )
        for edit in dict.fromkeys(chosen)
    )


def shard(whole: Plan, index: int, count: int, weights: Mapping[str, float] | None = None) -> Plan:
    """Part *index* (from 1) of *count* of a plan, with the controls which that part needs.

    Every branch falls into exactly one part; neighbours stay together, since they share a
    provision.  *weights* are the seconds of cells in an earlier run, by their ids; the parts are
    balanced by them (by the number of cells without).  Raises `UsageError` when *index* is out of
    range or when there are fewer branches than parts.
    """
    branches = _shareable(whole)
    if not 1 <= index <= count:
        raise UsageError(f"shard {index}/{count} does not exist", hint="count from 1/N to N/N")
    if count > len(branches):
        raise UsageError(
            f"{len(branches)} branches cannot be split into {count} shards",
            hint=f"use {len(branches)} shards at most, or select more cells",
        )
    known = weights or {}
    usual = sum(known.values()) / len(known) if known else 1.0
    loads = [sum(known.get(key.id, usual) for _, key in cells) for cells in branches]
    bounds = [0, *_cuts(loads, count), len(branches)]
    mine = branches[bounds[index - 1] : bounds[index]]
    return _arrange(item for cells in mine for item in cells)


def only(whole: Plan, ids: Collection[str]) -> Plan:
    """The cells of *whole* (not its controls) with these ids, and the controls which they need.

    Raises `UsageError` when it does not have one of them.
    """
    known = {key.id: (scenario, key) for cells in _shareable(whole) for scenario, key in cells}
    strange = [name for name in ids if name not in known]
    if strange:
        raise UsageError(unknown("cell", strange[0], known))
    wanted = set(ids)
    return _arrange(known[name] for name in known if name in wanted)


def most_shards(whole: Plan) -> int:
    """Into how many parts `shard` can cut a plan at most."""
    return len(_shareable(whole))


def _shareable(whole: Plan) -> list[list[tuple[Scenario, CellKey]]]:
    """The cells of every branch, without those that hold nothing but a control."""
    branches = (
        [(group.scenario, cell.key) for cell in branch.cells if cell.key.role is Role.CELL]
        for group in whole.groups
        for branch in group.branches
    )
    return [cells for cells in branches if cells]


def _cuts(loads: Sequence[float], count: int) -> list[int]:
    """Where to cut a row into *count* pieces, none empty and all about as heavy."""
    cuts: list[int] = []
    start = 0
    for pieces in range(count, 1, -1):
        target = sum(loads[start:]) / pieces
        end, load = start + 1, loads[start]
        while end <= len(loads) - pieces and load + loads[end] / 2 <= target:
            load += loads[end]
            end += 1
        cuts.append(end)
        start = end
    return cuts
