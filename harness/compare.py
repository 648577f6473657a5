"""Two runs side by side: which rebuilds a change broke or mended, and what it made dearer.

A cell is judged by what became of it, best first: rebuilt, failed as the scenario claims, failed
otherwise.  Getting worse is *newly broken*, getting better *fixed*.  A control is good or bad by
its claim alone.  What could not be tried on one side is *undecided*, and never a pass.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from harness.errors import ExitCode, HarnessError
from harness.reports.text import one_line
from harness.results import (
    SHARD,
    BranchKey,
    BranchResult,
    CellKey,
    CellResult,
    Outcome,
    Role,
    RunResult,
    Verdict,
)


class Change(enum.StrEnum):
    """What became of a cell between two runs, in the order in which people want to know."""

    NEWLY_BROKEN = "newly broken"
    UNDECIDED = "undecided"  # the experiment broke on one side: nothing can be said
    STILL_FAILING = "still failing"  # not as claimed, before and after
    FIXED = "fixed"
    NEW = "new"
    GONE = "gone"
    UNCHANGED = "unchanged"


class Unit(enum.StrEnum):
    """What a cost is counted in."""

    BYTES = "bytes"
    BUILDS = "builds"
    SECONDS = "seconds"


class IncomparableError(HarnessError):
    """The two runs did not make the same experiment, so no difference means anything."""

    exit_code = ExitCode.USAGE


class NothingToCompareError(HarnessError):
    """One of the runs has no cells: never a success."""

    exit_code = ExitCode.NOTHING_RAN


@dataclass(frozen=True)
class Limits:
    """How much a cost may grow before it counts as a regression, as a share (0.05 is 5%).

    *growth* is for bytes and numbers of builds, which hardly vary; *slowdown* for seconds.
    None: any growth is only told.
    """

    growth: float | None = None
    slowdown: float | None = None

    def of(self, unit: Unit) -> float | None:
        """The limit for costs counted in *unit*."""
        return self.slowdown if unit is Unit.SECONDS else self.growth


@dataclass(frozen=True)
class CellChange:
    """One cell in both runs; None where a run does not have it."""

    key: CellKey
    base: CellResult | None
    head: CellResult | None
    change: Change


@dataclass(frozen=True)
class CostChange:
    """One cost of a branch in both runs, with the limit that holds for it."""

    branch: BranchKey
    what: str
    unit: Unit
    base: float
    head: float
    limit: float | None

    @property
    def growth(self) -> float:
        """By which share it grew (negative: it shrank); infinite when there was none before."""
        if self.base == 0:
            return 0.0 if self.head == 0 else float("inf")
        return self.head / self.base - 1

    @property
    def exceeds(self) -> bool:
        """Whether it grew beyond its limit. Exactly the limit is allowed."""
        return self.limit is not None and self.head > self.base * (1 + self.limit)


@dataclass(frozen=True)
class Comparison:
    """All that is different between two runs, and what keeps us from being sure."""

    cells: tuple[CellChange, ...] = ()
    costs: tuple[CostChange, ...] = ()
    facts: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # base's and head's
    problems: tuple[str, ...] = ()
    started: str = ""  # when the head run began: ISO 8601 with zone

    @cached_property
    def _by_change(self) -> Mapping[Change, list[CellChange]]:
        found: dict[Change, list[CellChange]] = {change: [] for change in Change}
        for cell in self.cells:
            found[cell.change].append(cell)
        return found

    def of(self, change: Change) -> list[CellChange]:
        """The cells that changed so."""
        return self._by_change[change]

    @property
    def too_dear(self) -> list[CostChange]:
        """The costs beyond their limits."""
        return [cost for cost in self.costs if cost.exceeds]

    @property
    def conclusion(self) -> Outcome:
        """A certain regression is a failure; else anything unknown is an error, never a pass."""
        if self.of(Change.NEWLY_BROKEN) or self.too_dear:
            return Outcome.FAILED
        if self.problems or self.of(Change.UNDECIDED):
            return Outcome.ERROR
        return Outcome.PASSED

    @property
    def exit_code(self) -> ExitCode:
        """1 on a regression, 4 where the runs cannot tell."""
        codes = {Outcome.FAILED: ExitCode.CLAIM_FAILED, Outcome.ERROR: ExitCode.SETUP}
        return codes.get(self.conclusion, ExitCode.OK)


def compare(base: RunResult, head: RunResult, limits: Limits | None = None) -> Comparison:
    """What changed from *base* to *head*.

    Raises `IncomparableError` unless both ran the same scenarios by the same protocol, and
    `NothingToCompareError` when a run is empty or they share no cell.
    """
    _check_comparable(base, head)
    before = {cell.key: cell for cell in base.cells}
    after = {cell.key: cell for cell in head.cells}
    if not before.keys() & after.keys():
        raise NothingToCompareError(
            "the two runs have no cell in common",
            hint="run both with the same scenarios and filters",
        )
    cells = tuple(
        CellChange(key, before.get(key), after.get(key), _judge(before.get(key), after.get(key)))
        for key in dict.fromkeys([*after, *before])
    )
    return Comparison(
        cells=cells,
        costs=tuple(_costs(base, head, cells, limits or Limits())),
        facts=_different_facts(base.facts, head.facts),
        problems=tuple(_problems(("base", base), ("head", head))),
        started=head.started,
    )


def _check_comparable(base: RunResult, head: RunResult) -> None:
    for name, run in (("base", base), ("head", head)):
        if not run.cells:
            raise NothingToCompareError(
                f"the {name} run has no cells{f': {run.message}' if run.message else ''}",
                hint="give the results of a run that tried something",
            )
    protocols = [run.facts.get("protocol", "") for run in (base, head)]
    if protocols[0] != protocols[1]:
        raise IncomparableError(
            f"different protocol versions: {protocols[0] or 'none'} in base, "
            f"{protocols[1] or 'none'} in head",
            hint="run both with the same version of the harness",
        )
    common = [name for name in base.scenarios if name in head.scenarios]
    if not common:
        raise IncomparableError(
            f"different scenarios: {', '.join(base.scenarios)} in base, "
            f"{', '.join(head.scenarios)} in head",
            hint="run both with the same scenarios",
        )
    changed = [name for name in common if base.scenarios[name] != head.scenarios[name]]
    if changed:
        raise IncomparableError(
            f"the files of these scenarios differ between base and head: {', '.join(changed)}",
            hint="run both with the same scenario folders, and change only what is compared",
        )


def rank(cell: CellResult) -> int | None:
    """How good a cell came out, from 0 to 2; None when it tells nothing."""
    outcome = cell.outcome
    if outcome in (Outcome.ERROR, Outcome.SKIPPED):
        return None
    if cell.key.role is not Role.CELL:
        return 2 if outcome is Outcome.PASSED else 0
    if cell.verdict is Verdict.REBUILT:
        return 2
    return 1 if outcome is Outcome.PASSED else 0


def _judge(base: CellResult | None, head: CellResult | None) -> Change:
    if base is None:
        return Change.NEW
    if head is None:
        return Change.GONE
    if base.verdict is Verdict.SKIPPED and head.verdict is Verdict.SKIPPED:
        return Change.UNCHANGED
    before, after = rank(base), rank(head)
    if after is None or (before is None and after < 2):
        return Change.UNDECIDED
    if before is None or after > before:
        return Change.FIXED
    if after < before:
        return Change.NEWLY_BROKEN
    return Change.STILL_FAILING if after == 0 else Change.UNCHANGED


def _costs(
    base: RunResult, head: RunResult, cells: Iterable[CellChange], limits: Limits
) -> Iterator[CostChange]:
    rebuilt: dict[BranchKey, list[tuple[CellResult, CellResult]]] = {}
    for cell in cells:
        if cell.base is None or cell.head is None or cell.change is not Change.UNCHANGED:
            continue
        if cell.head.verdict is Verdict.REBUILT:
            rebuilt.setdefault(cell.key.branch, []).append((cell.base, cell.head))
    before = {branch.key: branch for branch in base.branches if branch.holds}
    for branch in head.branches:
        if branch.holds and branch.key in before:
            pairs = rebuilt.get(branch.key, ())
            for what, unit, old, new in _branch_costs(before[branch.key], branch, pairs):
                yield CostChange(branch.key, what, unit, old, new, limits.of(unit))


def _branch_costs(
    base: BranchResult, head: BranchResult, pairs: Sequence[tuple[CellResult, CellResult]]
) -> list[tuple[str, Unit, float, float]]:
    """The costs of one branch; those of rebuilds over the cells that both runs rebuilt."""
    return [
        ("store before the collection", Unit.BYTES, base.store_before, head.store_before),
        ("store after the collection", Unit.BYTES, base.store_after, head.store_after),
        ("bundle", Unit.BYTES, base.bundle, head.bundle),
        (
            "derivations built",
            Unit.BUILDS,
            sum(len(old.built) for old, _ in pairs),
            sum(len(new.built) for _, new in pairs),
        ),
        ("time to protect", Unit.SECONDS, base.protect_seconds, head.protect_seconds),
        ("time to restore", Unit.SECONDS, base.restore_seconds, head.restore_seconds),
        (
            "time to rebuild",
            Unit.SECONDS,
            sum(old.rebuild_seconds for old, _ in pairs),
            sum(new.rebuild_seconds for _, new in pairs),
        ),
    ]


def _different_facts(
    base: Mapping[str, str], head: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """What the provenance of the two runs does not share: the suspects."""
    pairs = {name: (base.get(name, ""), head.get(name, "")) for name in [*base, *head]}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _problems(*runs: tuple[str, RunResult]) -> Iterator[str]:
    shards = {run.facts.get(SHARD, "all of them") for _, run in runs}
    if len(shards) > 1:
        parts = " with ".join(one_line(part, 20) for part in sorted(shards))
        yield f"these are different shards ({parts}): join each run's with `harness merge`"
    for name, run in runs:
        if not run.complete:
            done = f"{len(run.cells)} of {run.planned} cells"
            yield f"the {name} run is incomplete ({run.ended}): {done}. {run.message}".rstrip()
