"""The shards of one run joined into one `RunResult`: nothing twice, nothing left out unsaid.

Each shard of a run says in its facts which part of which plan it is (`shard_facts`).  Shards bring
the controls that they need, so several may hold the same control: the worst of them is kept.
Everything else may be there once.  A part that is missing or unfinished makes the whole incomplete.
Whole runs that share nothing can be joined as well.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.errors import ExitCode, HarnessError
from harness.plan import Plan
from harness.results import (
    SHARD,
    BranchKey,
    BranchResult,
    CellKey,
    CellResult,
    Ending,
    Role,
    RunResult,
    worst_first,
)

_PLAN, _PLANNED = "plan", "plan-cells"
_OF_A_SHARD = (SHARD, _PLAN, _PLANNED)
_MOST_SHARDS = 1000
#: Facts that runs must share to be parts of one experiment; names that begin so count as well.
_SAME = ("harness", "protocol", "image", "pocket", "nix", _PLAN, _PLANNED)
_SAME_FAMILIES = ("package ", "nixpkgs")
#: The worst ending of a part is that of the whole.
_ENDINGS = (
    Ending.FINISHED,
    Ending.DEADLINE,
    Ending.INTERRUPTED,
    Ending.RUNNING,
    Ending.ERROR,
)


class NotOneRunError(HarnessError):
    """The inputs are no parts of one run: they overlap, or are of different experiments."""

    exit_code = ExitCode.USAGE


@dataclass(frozen=True)
class Part:
    """One input of a merge and what messages call it."""

    name: str
    run: RunResult


def shard_facts(whole: Plan, index: int, count: int) -> dict[str, str]:
    """What shard *index* of *count* tells about itself, so that a merge can find gaps."""
    ids = [cell.key.id for cell in whole.cells if cell.key.role is Role.CELL]
    digest = hashlib.sha256("\n".join(ids).encode()).hexdigest()
    return {SHARD: f"{index}/{count}", _PLAN: digest[:32], _PLANNED: str(len(ids))}


@dataclass(frozen=True)
class Merged:
    """The whole run, and the number of the part that each of its cells is from."""

    run: RunResult
    origin: Mapping[CellKey, int]


def merge(parts: Sequence[Part]) -> Merged:
    """One run out of *parts*; incomplete, with the reason, where there is a gap.

    Raises `NotOneRunError` for overlaps and for parts of different experiments.
    """
    if not parts:
        raise NotOneRunError("there is nothing to merge", hint="name the report folders of shards")
    runs = [part.run for part in parts]
    scenarios = _common_scenarios(parts)
    facts = _common_facts(parts)
    cells, origin = _cells(parts)
    branches = _branches(parts, origin)
    gaps = [*_unfinished(parts), *_missing_shards(parts), *_missing_cells(cells, facts)]
    started, seconds = _span(runs)
    outstanding = max(len(gaps), sum(run.planned - len(run.cells) for run in runs))
    whole = RunResult(
        started=started,
        seconds=seconds,
        complete=not gaps,
        ended=_ending(runs, gaps),
        planned=len(cells) + (outstanding if gaps else 0),
        cells=tuple(cells),
        branches=tuple(branches),
        facts={name: value for name, value in facts.items() if name not in _OF_A_SHARD},
        scenarios=scenarios,
        message="; ".join(gaps),
    )
    return Merged(whole, origin)


def _common_scenarios(parts: Sequence[Part]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in parts:
        for name, digest in part.run.scenarios.items():
            if found.setdefault(name, digest) != digest:
                raise NotOneRunError(
                    f"{part.name}: the files of scenario {name} differ from those of another part",
                    hint="merge shards that ran the same scenario folders",
                )
    return found


def _common_facts(parts: Sequence[Part]) -> dict[str, str]:
    """The facts of all; what belongs to a host and differs is listed, the rest has to agree."""
    values: dict[str, dict[str, None]] = {}
    for part in parts:
        for name, value in part.run.facts.items():
            values.setdefault(name, {})[value] = None
    for name in [*values]:
        # A run that broke off before it knew its image has no such fact: that is no difference.
        if (name in _SAME or name.startswith(_SAME_FAMILIES)) and len(values[name]) > 1:
            raise NotOneRunError(
                f"the parts are of different experiments: {name} is {' and '.join(values[name])}",
                hint="merge the shards of one run only",
            )
    return {name: ", ".join(found) for name, found in values.items()}


def _cells(parts: Sequence[Part]) -> tuple[list[CellResult], dict[CellKey, int]]:
    """Every cell once, and the number of the part that it is from."""
    found: dict[CellKey, tuple[int, CellResult]] = {}
    for number, part in enumerate(parts):
        for cell in part.run.cells:
            before = found.get(cell.key)
            if before is None:
                found[cell.key] = (number, cell)
            elif cell.key.role is Role.CELL:
                raise NotOneRunError(
                    f"overlap: {cell.key.id} is in {parts[before[0]].name} and in {part.name}",
                    hint="give each shard once, all cut with the same --timings",
                )
            elif worst_first([before[1], cell])[0] is cell:
                found[cell.key] = (number, cell)
    cells = [cell for _, cell in found.values()]
    return cells, {key: number for key, (number, _) in found.items()}


def _branches(parts: Sequence[Part], kept_from: Mapping[CellKey, int]) -> list[BranchResult]:
    """Every branch once; one that only holds a control gives way to one that holds cells."""
    owners = {(key.branch, number) for key, number in kept_from.items() if key.role is Role.CELL}
    owned = {branch for branch, _ in owners}
    found: dict[BranchKey, BranchResult] = {}
    for number, part in enumerate(parts):
        for branch in part.run.branches:
            before = found.get(branch.key)
            mine = (branch.key, number) in owners
            if before is None:
                found[branch.key] = branch
            elif mine and _owned_before(owners, branch.key, number):
                raise NotOneRunError(
                    f"overlap: several parts hold cells of the branch {'/'.join(branch.key)}",
                    hint="a branch is protected and collected once, by one shard",
                )
            elif mine or (before.holds and not branch.holds and branch.key not in owned):
                found[branch.key] = branch
    return list(found.values())


def _owned_before(owners: Iterable[tuple[BranchKey, int]], key: BranchKey, number: int) -> bool:
    return any(branch == key and other < number for branch, other in owners)


def _unfinished(parts: Sequence[Part]) -> list[str]:
    return [
        f"{part.name} is incomplete ({part.run.ended}): "
        f"{len(part.run.cells)} of {part.run.planned} cells. {part.run.message}".rstrip()
        for part in parts
        if not part.run.complete
    ]


def _missing_shards(parts: Sequence[Part]) -> list[str]:
    """The gaps between the shards. Raises `NotOneRunError` where their numbers do not fit."""
    words = [part.run.facts.get(SHARD) for part in parts]
    shards = [word for word in words if word is not None]
    if not shards:
        return []
    if len(shards) < len(parts):
        stranger = parts[words.index(None)].name
        raise NotOneRunError(
            f"{stranger} is no shard, and others are", hint="merge the shards of one run only"
        )
    count = shards[0].partition("/")[2]
    known = len(count) <= 4 and count.isascii() and count.isdecimal()
    known = known and int(count) <= _MOST_SHARDS
    wanted = [f"{number}/{count}" for number in range(1, int(count) + 1)] if known else []
    if not set(shards) <= set(wanted):
        raise NotOneRunError(
            f"these are no shards of one run: {', '.join(shards)}",
            hint="merge the shards of one run only",
        )
    twice = sorted({shard for shard in shards if shards.count(shard) > 1})
    if twice:
        raise NotOneRunError(f"overlap: shard {twice[0]} is there twice", hint="give it once")
    return [f"shard {shard} is missing" for shard in wanted if shard not in shards]


def _missing_cells(cells: Iterable[CellResult], facts: Mapping[str, str]) -> list[str]:
    """Whether all cells of the plan are there: shards cut differently would leave some out."""
    planned = facts.get(_PLANNED)
    if planned is None:
        return []
    there = sum(1 for cell in cells if cell.key.role is Role.CELL)
    if str(there) == planned:
        return []
    return [f"{there} of the {planned} cells of the plan are there"]


def _span(runs: Sequence[RunResult]) -> tuple[str, float]:
    """When the first began, and the seconds from then to when the last ended."""
    starts = {run.started: datetime.datetime.fromisoformat(run.started) for run in runs}
    first = min(starts, key=lambda word: starts[word])
    ends = [starts[run.started].timestamp() + run.seconds for run in runs]
    return first, max(ends) - starts[first].timestamp()


def _ending(runs: Sequence[RunResult], gaps: Sequence[str]) -> Ending:
    worst = max((run.ended for run in runs), key=_ENDINGS.index)
    return Ending.ERROR if gaps and worst is Ending.FINISHED else worst
