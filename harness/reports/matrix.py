"""The cells of a run as tables: a row for each strategy (and variant), a column for each edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.results import (
    BranchKey,
    BranchResult,
    CellKey,
    CellResult,
    Role,
    RunResult,
    Verdict,
)

_VARIANT = ("caches", "network", "command", "flags")
_BRANCH_VARIANT = ("caches", "network")


@dataclass(frozen=True)
class Row:
    """One strategy under one combination of what varies and is not in the columns."""

    label: str
    cells: Mapping[str, CellResult]  # by column
    branch: BranchResult | None  # None where the columns are of several branches

    @property
    def rebuild_seconds(self) -> float | None:
        """What a rebuild that worked took on average."""
        times = [c.rebuild_seconds for c in self.cells.values() if c.verdict is Verdict.REBUILT]
        return sum(times) / len(times) if times else None


@dataclass(frozen=True)
class Matrix:
    """Cells of one scenario on one system and provision: its claims, or its controls.

    The columns are edits.  Where there is only one edit they are kinds of network and caches.
    """

    scenario: str
    system: str
    provision: str
    common: str  # what all rows have in common and their labels leave out
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """What it shows."""
        title = f"{self.scenario}: {self.system}, provision {self.provision}"
        return f"{title}, {self.common}" if self.common else title

    @property
    def cells(self) -> list[CellResult]:
        """All of them, row by row."""
        return [cell for row in self.rows for cell in row.cells.values()]


def matrices(run: RunResult) -> list[Matrix]:
    """The tables of what the scenarios claim, in the order in which the run went."""
    branches = {branch.key: branch for branch in run.branches}
    groups = _by_place(cell for cell in run.cells if cell.key.role is Role.CELL)
    return [_claimed(place, cells, branches) for place, cells in groups.items()]


def control_matrices(run: RunResult) -> list[Matrix]:
    """The tables of the controls."""
    groups = _by_place(cell for cell in run.cells if cell.key.role is not Role.CELL)
    return [
        _table(place, "", cells, lambda key: key.edit, _control_label, {})
        for place, cells in groups.items()
    ]


_Place = tuple[str, str, str]
_Label = Callable[[CellKey], str]


def _by_place(cells: Iterable[CellResult]) -> dict[_Place, list[CellResult]]:
    groups: dict[_Place, list[CellResult]] = {}
    for cell in cells:
        place = (cell.key.scenario, cell.key.system, cell.key.provision)
        groups.setdefault(place, []).append(cell)
    return groups


def _claimed(
    place: _Place, cells: Sequence[CellResult], branches: Mapping[BranchKey, BranchResult]
) -> Matrix:
    values = {
        name: {getattr(cell.key, name) for cell in cells}
        for name in ("strategy", "edit", *_VARIANT)
    }
    varying = [name for name in _VARIANT if len(values[name]) > 1]
    across = [name for name in varying if name in _BRANCH_VARIANT and len(values["edit"]) == 1]
    down = [name for name in varying if name not in across]
    common: list[str] = []
    if varying and len(values["strategy"]) == 1:
        common += values["strategy"]
    if across:
        common += values["edit"]

    def column(key: CellKey) -> str:
        return ", ".join(getattr(key, name) for name in reversed(across)) if across else key.edit

    def label(key: CellKey) -> str:
        strategy = [] if down and len(values["strategy"]) == 1 else [key.strategy]
        return ", ".join(strategy + [getattr(key, name) or "no flags" for name in down])

    known = {} if across else branches
    return _table(place, ", ".join(common), cells, column, label, known)


def _control_label(key: CellKey) -> str:
    of = "" if key.strategy == "none" else f" of {key.strategy}"
    return key.role.value.replace("-", " ") + of


def _table(
    place: _Place,
    common: str,
    cells: Sequence[CellResult],
    column: _Label,
    label: _Label,
    branches: Mapping[BranchKey, BranchResult],
) -> Matrix:
    rows: dict[str, dict[str, CellResult]] = {}
    for cell in cells:
        row = rows.setdefault(label(cell.key), {})
        at = column(cell.key)
        if at in row:  # two cells must never hide each other
            row = rows.setdefault(cell.key.id, {})
        row[at] = cell
    columns = dict.fromkeys(column(cell.key) for cell in cells)
    return Matrix(
        *place,
        common=common,
        columns=tuple(columns),
        rows=tuple(
            Row(name, row, branches.get(next(iter(row.values())).key.branch))
            for name, row in rows.items()
        ),
    )
