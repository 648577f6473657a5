"""Lanes and their agenda: what runs where, and what becomes of cells when a machine breaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from harness.errors import MachineError
from harness.lanes import Agenda, Lane
from harness.plan import Branch, Cell, Group
from harness.protocol import error_result
from harness.results import (
    BranchResult,
    CellKey,
    CellResult,
    Claim,
    Outcome,
    Role,
    Verdict,
)
from harness.transcript import Transcript

CLAIM = Claim(Verdict.REBUILT)
SCENARIO: Any = SimpleNamespace(name="s")


def cell(provision: str, strategy: str, edit: str, role: Role = Role.CELL) -> Cell:
    at = (provision, strategy, "kept", "down", "nix-build", "", edit)
    return Cell(CellKey("s", "pocket", *at, role=role), CLAIM)


def group(provision: str, strategies: list[str], edits: list[str]) -> Group:
    branches = tuple(
        Branch(provision, s, "kept", "down", tuple(cell(provision, s, e) for e in edits))
        for s in strategies
    )
    controls = tuple(cell(provision, "none", e, Role.ONLINE_CONTROL) for e in edits)
    return Group(SCENARIO, "pocket", provision, controls, branches)


@dataclass
class Seen:
    """An observer that remembers."""

    results: list[CellResult] = field(default_factory=list)
    branches: list[BranchResult] = field(default_factory=list)
    lock: Any = field(default_factory=threading.Lock)

    def stage(self, lane: str, text: str) -> None:
        pass

    def cell(self, result: CellResult, transcript: Transcript) -> None:
        with self.lock:
            self.results.append(result)

    def branch(self, result: BranchResult) -> None:
        self.branches.append(result)


class FakeExperiment:
    """Stages that succeed, unless the test names the place where the machine breaks."""

    def __init__(self, plan: Group, breaks: list[str], slow: Collection[str]) -> None:
        self.slow = slow
        self.scenario = plan.scenario
        self.machine = SimpleNamespace(console=lambda: "kernel panic")
        self.breaks = breaks
        self.closed = False
        self.provisioned: list[str] = []

    def _step(self, name: str) -> None:
        if name in self.slow:
            time.sleep(0.1)
        if name in self.breaks:
            self.breaks.remove(name)
            raise MachineError(f"broke at {name}")

    def prepare(self) -> None:
        self._step("prepare")

    def provision(self, name: str, published: str, targets: dict[str, Any]) -> Any:
        self._step("provision")
        self.provisioned.append(name)
        return SimpleNamespace(targets=targets)

    def online_control(self, base: Any, planned: Cell, transcript: Transcript) -> CellResult:
        self._step(f"control {planned.key.edit}")
        base.targets[planned.key.edit] = "/nix/store/x"
        return CellResult(planned.key, planned.claim, Verdict.REBUILT)

    def protect_and_cut(self, base: Any, branch: Branch) -> Any:
        self._step(f"protect {branch.strategy}")
        at = ("s", "pocket", branch.provision, branch.strategy, "kept", "down")
        return SimpleNamespace(result=BranchResult(*at), targets=base.targets)

    def rebuild(self, cutoff: Any, planned: Cell, transcript: Transcript) -> CellResult:
        if planned.key.edit not in cutoff.targets:
            return error_result(planned, "broke at its online control")
        self._step(f"{planned.key.strategy} {planned.key.edit}")
        return CellResult(planned.key, planned.claim, Verdict.REBUILT)

    def close(self) -> None:
        self.closed = True


def work(
    groups: list[Group], breaks: list[str], lanes: int = 1, slow: Collection[str] = ()
) -> tuple[Seen, list[Any]]:
    seen, opened = Seen(), []

    def open_experiment(_name: str, plan: Group) -> Any:
        opened.append(FakeExperiment(plan, breaks, slow))
        return opened[-1]

    agenda = Agenda(groups)
    threads = [
        threading.Thread(target=Lane(str(n), agenda, open_experiment, lambda _: "", seen).run)
        for n in range(lanes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()
    return seen, opened


def outcomes(seen: Seen) -> dict[str, Outcome]:
    return {result.key.id: result.outcome for result in seen.results}


@pytest.mark.parametrize("lanes", [1, 2, 5])
def test_every_cell_is_reported_once(lanes: int) -> None:
    groups = [group(p, ["a", "b", "c"], ["x", "y"]) for p in ("built", "copied")]
    seen, opened = work(groups, [], lanes)
    planned = [c for g in groups for c in (*g.controls, *(c for b in g.branches for c in b.cells))]
    assert sorted(r.key.id for r in seen.results) == sorted(c.key.id for c in planned)
    assert all(result.outcome is Outcome.PASSED for result in seen.results)
    assert all(experiment.closed for experiment in opened)


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_branches_wait_for_the_controls_of_earlier_provisions(lanes: int) -> None:
    first, second = (group(p, ["a", "b"], ["x", "y", "z"]) for p in ("built", "copied"))
    controls = first.controls
    groups = [first, replace(second, controls=second.controls[:1])]
    slow = {"control y", "control z"}
    seen, _ = work(groups, [], lanes, slow)
    assert all(result.outcome is Outcome.PASSED for result in seen.results)
    order = [result.key.id for result in seen.results]
    cells = [order.index(r.key.id) for r in seen.results if r.key.role is Role.CELL]
    assert max(order.index(cell.key.id) for cell in controls) < min(cells)


def test_a_broken_control_breaks_the_cells_of_later_provisions_too() -> None:
    first, second = (group(p, ["a"], ["x", "y"]) for p in ("built", "copied"))
    seen, _ = work([first, replace(second, controls=second.controls[:1])], ["control y"])
    broken = {r.key.provision for r in seen.results if r.outcome is Outcome.ERROR}
    assert broken == {"built", "copied"}
    assert {r.key.edit for r in seen.results if r.outcome is Outcome.ERROR} == {"y"}


def test_one_lane_provisions_each_group_once() -> None:
    groups = [group(p, ["a", "b"], ["x"]) for p in ("built", "copied")]
    _, opened = work(groups, [])
    assert [e.provisioned for e in opened] == [["built", "copied"]]


def test_a_broken_cell_is_an_error_and_the_others_go_on() -> None:
    seen, opened = work([group("built", ["a"], ["x", "y", "z"])], ["a y"])
    found = [(r.key.edit, r.outcome) for r in seen.results if r.key.role is Role.CELL]
    assert found == [("x", Outcome.PASSED), ("y", Outcome.ERROR), ("z", Outcome.PASSED)]
    assert len(opened) == 2


def test_a_broken_first_cell_does_not_take_the_others_along() -> None:
    seen, _ = work([group("built", ["a"], ["x", "y"])], ["a x"])
    found = [(r.key.edit, r.outcome) for r in seen.results if r.key.role is Role.CELL]
    assert found == [("x", Outcome.ERROR), ("y", Outcome.PASSED)]


@pytest.mark.parametrize(("stage", "lost"), [("protect a", 2), ("provision", 6), ("prepare", 6)])
def test_a_broken_stage_makes_errors_of_all_that_hang_on_it(stage: str, lost: int) -> None:
    seen, _ = work([group("built", ["a", "b"], ["x", "y"])], [stage])
    assert len(seen.results) == 6
    errors = [r for r in seen.results if r.outcome is Outcome.ERROR]
    assert len(errors) == lost
    assert all("broke at" in r.message for r in errors)


def test_a_stopped_agenda_hands_out_nothing() -> None:
    agenda = Agenda([group("built", ["a"], ["x"])])
    agenda.stop()
    assert agenda.next(None) is None
