"""Which strategies would have kept what a failed rebuild lacked, from the same run."""

from __future__ import annotations

from dataclasses import replace

from harness.results import CellKey, CellResult, Outcome, Role, RunResult, Verdict


class Survivors:
    """The strategies of one run whose rebuild of the same edit worked.

    Only cells that differ in nothing but the strategy are compared: with other flags or another
    kind of cut the same strategy may fare otherwise.
    """

    def __init__(self, run: RunResult) -> None:
        self._rebuilt: dict[tuple[str, ...], list[str]] = {}
        for cell in run.cells:
            proved = cell.outcome in (Outcome.PASSED, Outcome.FAILED)  # its witnesses hold
            if cell.verdict is Verdict.REBUILT and cell.key.role is Role.CELL and proved:
                self._rebuilt.setdefault(_anyhow(cell.key), []).append(cell.key.strategy)

    def of(self, cell: CellResult) -> tuple[str, ...]:
        """Their names, in the order of the run."""
        return tuple(self._rebuilt.get(_anyhow(cell.key), ()))


def survivors(run: RunResult, cell: CellResult) -> tuple[str, ...]:
    """The strategies that would have let the edit of *cell* rebuild, as this *run* shows."""
    return Survivors(run).of(cell)


def with_survivors(run: RunResult) -> RunResult:
    """The same run with each failed cell's explanation naming the strategies that did better."""
    found = Survivors(run)
    return replace(run, cells=tuple(_told(cell, found) for cell in run.cells))


def _told(cell: CellResult, found: Survivors) -> CellResult:
    if cell.verdict is not Verdict.FAILED or cell.key.role is Role.ONLINE_CONTROL:
        return cell
    names = ", ".join(found.of(cell)) or "none that this run has tried"
    told = [cell.detail.rstrip(), f"strategies that rebuild it: {names}"]
    return replace(cell, detail="\n".join(text for text in told if text))


def _anyhow(key: CellKey) -> tuple[str, ...]:
    """All coordinates but the strategy."""
    return (
        *(key.scenario, key.system, key.provision, key.caches),
        *(key.network, key.command, key.flags, key.edit),
    )
