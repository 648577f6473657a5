"""Spreads the stages of a plan over several machines, and recovers when one of them breaks.

A *lane* is a thread with a machine and an internet of its own.  A *group* is what shares a
provision: its online controls run first, in one lane; its branches may then run in any lane, best
in one that has the provision's checkpoint already.  What an edit gives online is asked once, so a
group's branches also wait for the controls of the groups of the same family before it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.errors import HarnessError, MachineError
from harness.plan import Branch, Cell, Group
from harness.protocol import Experiment, Provisioned, error_result
from harness.results import BranchResult, CellResult, Trouble
from harness.systems.base import Target
from harness.transcript import Transcript


class Observer(Protocol):
    """Hears of everything that happens, from any lane's thread, one call at a time."""

    def stage(self, lane: str, text: str) -> None:
        """A lane begins something that takes a while."""
        ...

    def cell(self, result: CellResult, transcript: Transcript) -> None:
        """A cell is finished."""
        ...

    def branch(self, result: BranchResult) -> None:
        """A branch is protected, collected and cut off."""
        ...


@dataclass
class _Progress:
    """What is left of a group, and what its online controls gave."""

    group: Group
    branches: list[Branch]
    targets: dict[str, Target]  # the family's
    state: str = "fresh"  # then "controls", then "open"


@dataclass(frozen=True)
class Task:
    """What a lane does next: a group's controls (no branch), or one of its branches."""

    group: Group
    targets: dict[str, Target]
    branch: Branch | None


class Agenda:
    """Hands out the tasks of a plan to lanes, preferring what a lane is provisioned for."""

    def __init__(self, groups: Sequence[Group]) -> None:
        targets: dict[tuple[str, str], dict[str, Target]] = {g.family: {} for g in groups}
        self._work = [_Progress(g, list(g.branches), targets[g.family]) for g in groups]
        self._changed = threading.Condition()
        self._stopped = False

    def stop(self) -> None:
        """Hand out nothing more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def stopped(self) -> bool:
        """Whether the run is being ended early."""
        return self._stopped

    def next(self, current: Group | None) -> Task | None:
        """The next task, waiting for controls that others run; None when nothing is left."""
        with self._changed:
            while not self._stopped:
                work = self._choose(current)
                if work is None:
                    controls = any(item.state == "controls" for item in self._work)
                    if not controls or not any(item.branches for item in self._work):
                        return None
                    self._changed.wait()
                elif work.state == "fresh":
                    work.state = "controls"
                    return Task(work.group, work.targets, None)
                else:
                    return Task(work.group, work.targets, work.branches.pop(0))
        return None

    def controls_done(self, group: Group) -> None:
        """The group's branches may start, in any lane."""
        with self._changed:
            self._find(group).state = "open"
            self._changed.notify_all()

    def _choose(self, current: Group | None) -> _Progress | None:
        left = [item for item in self._work if item.branches]
        ready = [item for item in left if self._controlled(item)]
        mine = [item for item in left if item.group is current and item.state == "open"]
        if mine and mine[0] not in ready:
            return None  # soon; another provision would cost more than the wait
        fresh = [item for item in self._work if item.state == "fresh"]
        longest = sorted(ready, key=lambda item: -len(item.branches))
        return next(iter([*mine, *fresh, *longest]), None)

    def _controlled(self, wanted: _Progress) -> bool:
        """Whether all online controls that its branches may need are done."""
        first = self._work[: self._work.index(wanted) + 1]
        return all(i.state == "open" for i in first if i.group.family == wanted.group.family)

    def _find(self, group: Group) -> _Progress:
        return next(item for item in self._work if item.group is group)


class Lane:
    """Works through an agenda on one machine at a time."""

    def __init__(
        self,
        name: str,
        agenda: Agenda,
        open_experiment: Callable[[str, Group], Experiment],
        published: Callable[[Group], str],
        observer: Observer,
    ) -> None:
        self.name = name
        self._agenda = agenda
        self._open = open_experiment
        self._published = published
        self._observer = observer
        self._experiment: Experiment | None = None
        self._group: Group | None = None
        self._base: Provisioned | None = None
        self._current: Cell | None = None
        self._booted = False

    def run(self) -> None:
        """Do tasks until none is left; the machine is gone when this returns or raises."""
        try:
            while (task := self._agenda.next(self._group)) is not None:
                if task.branch is None:
                    try:
                        self._controls(task)
                    finally:
                        self._agenda.controls_done(task.group)
                else:
                    self._branch(task, task.branch)
        finally:
            self.discard()

    def discard(self) -> None:
        """Pull the machine's plug, from any thread."""
        experiment, self._experiment = self._experiment, None
        self._group = self._base = None
        if experiment is not None:
            experiment.close()

    def _controls(self, task: Task) -> None:
        cells = list(task.group.controls)
        where = f"{task.group.scenario.name}/{task.group.provision}"

        def work() -> None:
            experiment, base = self._provisioned(task)
            while cells:
                self._current = cells[0]
                self._observer.stage(self.name, f"{where}: online control of {cells[0].key.edit}")
                transcript = Transcript()
                result = experiment.online_control(base, cells[0], transcript)
                self._observer.cell(result, transcript)
                cells.pop(0)

        self._recovering(work, cells)

    def _branch(self, task: Task, branch: Branch) -> None:
        cells = list(branch.cells)
        where = f"{task.group.scenario.name}/{branch.label}"

        def work() -> None:
            experiment, base = self._provisioned(task)
            self._observer.stage(self.name, f"{where}: protect, collect, cut")
            cutoff = experiment.protect_and_cut(base, branch)
            self._observer.branch(cutoff.result)
            while cells:
                self._current = cells[0]
                self._observer.stage(self.name, f"{where}: {cells[0].key.edit}")
                transcript = Transcript()
                result = experiment.rebuild(cutoff, cells[0], transcript)
                self._observer.cell(result, transcript)
                cells.pop(0)

        self._recovering(work, cells)

    def _recovering(self, work: Callable[[], None], cells: list[Cell]) -> None:
        """Do *work*, which takes finished cells off *cells*, on a new machine after each error.

        The cell at which it broke becomes an error; when a stage before the cells breaks, all do.
        """
        while cells:
            self._current = None
            try:
                work()
            except HarnessError as error:
                if self._agenda.stopped:
                    return
                console = self._last_words()
                self.discard()
                for cell in cells[:] if self._current is None else cells[:1]:
                    self._fail(cell, error, console)
                    cells.pop(0)

    def _fail(self, cell: Cell, error: HarnessError, console: str) -> None:
        transcript = Transcript()
        transcript.note("the experiment broke", str(error))
        transcript.note("the machine's console", console)
        trouble = _trouble(error, booted=self._booted)
        self._observer.cell(error_result(cell, error.message, trouble), transcript)

    def _last_words(self) -> str:
        if self._experiment is None:
            return ""
        return "\n".join(self._experiment.machine.console().splitlines()[-60:])

    def _provisioned(self, task: Task) -> tuple[Experiment, Provisioned]:
        if self._group is task.group and self._experiment and self._base:
            return self._experiment, self._base
        scenario = task.group.scenario
        if self._experiment is not None and self._experiment.scenario is not scenario:
            self.discard()
        if self._experiment is None:
            self._observer.stage(self.name, f"{scenario.name}: boot")
            self._experiment = self._open(self.name, task.group)
            self._booted = False
            self._experiment.prepare()
            self._booted = True
        self._group = self._base = None
        self._observer.stage(self.name, f"{scenario.name}: provision {task.group.provision}")
        published = self._published(task.group)
        base = self._experiment.provision(task.group.provision, published, task.targets)
        self._group, self._base = task.group, base
        return self._experiment, base


def _trouble(error: HarnessError, *, booted: bool) -> Trouble:
    text = str(error)
    if "No space left on device" in text or "disk is full" in text:
        return Trouble.SPACE
    if isinstance(error, MachineError):
        return Trouble.MACHINE if booted else Trouble.BOOT
    return Trouble.SETUP
