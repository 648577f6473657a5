"""Which strategy to use: what each keeps beyond the baseline, against the edits it survives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.reports.text import count, human_bytes, human_seconds
from harness.results import BranchResult, CellResult, Outcome, Role, RunResult, Verdict

BASELINE = "none"


@dataclass(frozen=True)
class Point:
    """One strategy. Only cells with a verdict that can be trusted count as *decided*."""

    strategy: str
    extra: int  # bytes kept in the store and beside it, beyond the baseline; can be negative
    survived: int
    decided: int
    undecided: int
    seconds: float  # of a rebuild that worked, on average
    builds: float  # derivations built by it, on average

    @property
    def share(self) -> float:
        """The part of the edits that survive, from 0 to 1."""
        return self.survived / self.decided


@dataclass(frozen=True)
class Frontier:
    """The strategies of one scenario on one system and provision. Bytes count from *baseline*."""

    scenario: str
    system: str
    provision: str
    baseline: str
    unit: str  # what is counted: an edit, or a rebuild where there are several of each edit
    points: tuple[Point, ...]  # most edits first, then fewest bytes

    @property
    def comparable(self) -> list[Point]:
        """The strategies that were measured on as many cells as any other."""
        most = max(point.decided for point in self.points)
        return [point for point in self.points if point.decided == most]

    @property
    def best(self) -> list[Point]:
        """Those that no other beats in both bytes and edits, cheapest first."""
        chosen: list[Point] = []
        for point in sorted(self.comparable, key=lambda p: (p.extra, -p.survived)):
            if not chosen or point.survived > chosen[-1].survived:
                chosen.append(point)
        return chosen

    def sentence(self) -> str:
        """The answer in words; strategies are in backquotes."""
        points = self.comparable
        most = max(point.survived for point in points)
        champions = [point for point in points if point.survived == most]
        of = f"{most} of {count(points[0].decided, self.unit)}"
        if most == 0:
            text = "No strategy survives anything here."
        elif any(point.strategy == BASELINE for point in champions):
            text = f"No strategy survives more than doing nothing does: {of}."
        else:
            text = self._advice(champions, of) + self._smaller(most)
        left_out = ", ".join(f"`{p.strategy}`" for p in self.points if p not in points)
        return f"{text} Not fully measured: {left_out}." if left_out else text

    def _advice(self, champions: Sequence[Point], of: str) -> str:
        cheapest = min(champions, key=lambda point: point.extra)
        soon = 1.5 * min(point.seconds for point in champions)  # below that it is noise
        quickest = min((p for p in champions if p.seconds <= soon), key=lambda p: p.extra)
        start = (
            f"{of} survive at best. Use `{cheapest.strategy}`, which keeps {self._cost(cheapest)}"
        )
        if quickest is cheapest:
            return f"{start}."
        return (
            f"{start}, to keep the least; or `{quickest.strategy}`, which keeps "
            f"{self._cost(quickest)}, to rebuild the quickest."
        )

    def _smaller(self, most: int) -> str:
        """The runner-up on the frontier, if doing nothing does not survive as much."""
        nothing = next((p.survived for p in self.points if p.strategy == BASELINE), 0)
        fewer = [point for point in self.best if nothing < point.survived < most]
        if not fewer:
            return ""
        point = fewer[-1]
        return f" `{point.strategy}` survives {point.survived} and keeps {self._cost(point)}."

    def _cost(self, point: Point) -> str:
        more = f"{human_bytes(abs(point.extra))} {'less' if point.extra < 0 else 'more'}"
        return (
            f"{more} than `{self.baseline}` "
            f"({human_seconds(point.seconds)} and {point.builds:.0f} builds a rebuild)"
        )


def frontiers(run: RunResult) -> list[Frontier]:
    """A frontier wherever two strategies or more were measured side by side."""
    places = dict.fromkeys((b.scenario, b.system, b.provision) for b in run.branches)
    cells: dict[tuple[str, str, str, str], list[CellResult]] = {}
    for cell in run.cells:
        if cell.key.role is Role.CELL:
            cells.setdefault(cell.key.branch[:4], []).append(cell)
    found = []
    for place in places:
        branches = [b for b in run.branches if (b.scenario, b.system, b.provision) == place]
        frontier = _frontier(place, branches, cells)
        if len(frontier.points) > 1:
            found.append(frontier)
    return found


def _frontier(
    place: tuple[str, str, str],
    branches: Sequence[BranchResult],
    cells: dict[tuple[str, str, str, str], list[CellResult]],
) -> Frontier:
    kept: dict[str, int] = {}  # the costliest variant of each strategy
    for branch in branches:
        size = branch.store_after + branch.bundle
        kept[branch.strategy] = max(size, kept.get(branch.strategy, 0))
    baseline = BASELINE if BASELINE in kept else min(kept, key=lambda name: kept[name])
    points = [
        _point(strategy, size - kept[baseline], cells.get((*place, strategy), []))
        for strategy, size in kept.items()
    ]
    edits = {c.key.edit for strategy in kept for c in cells.get((*place, strategy), [])}
    unit = "edit" if all(p.decided <= len(edits) for p in points) else "rebuild"
    decided = [point for point in points if point.decided]
    decided.sort(key=lambda point: (-point.share, point.extra, point.strategy))
    return Frontier(*place, baseline=baseline, unit=unit, points=tuple(decided))


def _point(strategy: str, extra: int, cells: Sequence[CellResult]) -> Point:
    decided = [cell for cell in cells if cell.outcome in (Outcome.PASSED, Outcome.FAILED)]
    survived = [cell for cell in decided if cell.verdict is Verdict.REBUILT]
    among = max(1, len(survived))
    return Point(
        strategy=strategy,
        extra=extra,
        survived=len(survived),
        decided=len(decided),
        undecided=len(cells) - len(decided),
        seconds=sum(cell.rebuild_seconds for cell in survived) / among,
        builds=sum(len(cell.built) for cell in survived) / among,
    )
