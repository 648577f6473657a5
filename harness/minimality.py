"""Proof that a rehearsal keeps nothing too much: every root is taken away, and missed.

From the checkpoint of a cut off machine one root is removed and garbage is collected again; then
the edits are rebuilt.  The root was needed when a rebuild fails, or when it has to build something
of the base system again (that some other root allows that does not make this one superfluous: "the
smallest set" means that nothing of base is rebuilt).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.errors import MachineError
from harness.machines.shell import command
from harness.nix.store import GC_ROOTS, built_derivations, name_of
from harness.plan import Branch, Cell, Group
from harness.protocol import CUT, CutOff, Experiment, Provisioned
from harness.results import Outcome, Role, Verdict
from harness.strategies import registry
from harness.strategies.rehearsed import ROOT
from harness.systems.base import Target
from harness.transcript import Transcript

_DROPPED = "root-dropped"

#: Hears what is being tried.
Progress = Callable[[str], None]


class Need(enum.StrEnum):
    """What became of the rebuilds without one root."""

    FAILS = "fails"  # an edit cannot be rebuilt
    BUILDS_BASE = "builds-base-again"  # it can, by building something of the base system
    KEPT_ANYWAY = "kept-anyway"  # the path is still there: something else refers to it
    NOT_MISSED = "not-missed"  # every edit rebuilds as before

    @property
    def superfluous(self) -> bool:
        """Whether the set works without this root."""
        return self in (Need.KEPT_ANYWAY, Need.NOT_MISSED)


@dataclass(frozen=True)
class Trial:
    """One root taken away: *edit* is the first that missed it, *evidence* says how."""

    path: str
    size: int  # bytes
    need: Need
    edit: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Minimality:
    """What taking each root of one branch away has shown.

    *covered* are the edits that rebuild with all roots and build nothing of base; the *others* did
    not, and prove nothing here.
    """

    scenario: str
    branch: str
    covered: tuple[str, ...]
    others: tuple[str, ...]
    trials: tuple[Trial, ...]

    @property
    def superfluous(self) -> tuple[Trial, ...]:
        """Roots that nothing missed."""
        return tuple(trial for trial in self.trials if trial.need.superfluous)


def rehearsed_branches(group: Group) -> list[Branch]:
    """The branches of a group whose strategy rehearses edits, with the edits claimed to rebuild.

    What is only rehearsed for another edit would be missed by none of these.
    """
    known = registry()
    return [
        replace(branch, cells=cells)
        for branch in group.branches
        if known[branch.strategy].rehearses and (cells := tuple(filter(_is_claimed, branch.cells)))
    ]


def _is_claimed(cell: Cell) -> bool:
    return cell.key.role is Role.CELL and cell.claim.verdict is Verdict.REBUILT


def controlled(
    experiment: Experiment, group: Group, published: str, targets: dict[str, Target]
) -> Provisioned:
    """The provisioned machine after its online controls, which tell the outputs to compare with.

    *targets* are those of earlier groups of the family; the controls add theirs.

    Raises `MachineError` when one of them does not hold.
    """
    experiment.prepare()
    base = experiment.provision(group.provision, published, targets)
    for control in group.controls:
        result = experiment.online_control(base, control, Transcript())
        if result.outcome is not Outcome.PASSED:
            raise MachineError(f"the online control of {control.key.edit} failed: {result.message}")
    return base


def verify_minimal(
    experiment: Experiment, base: Provisioned, branch: Branch, progress: Progress
) -> Minimality:
    """Take each root of *branch* away in turn. Raises `MachineError` when nothing can be shown."""
    cutoff = experiment.protect_and_cut(base, branch)
    if not cutoff.result.holds:
        broken = next(witness for witness in cutoff.result.witnesses if not witness.holds)
        raise MachineError(f"{branch.label}: {broken.name} does not hold ({broken.evidence})")
    of_base = experiment.recipes_of_base()
    covered: list[Cell] = []
    others: list[Cell] = []
    for cell in branch.cells:
        progress(f"{branch.label}: {cell.key.edit} with all roots")
        need, evidence = _missed(experiment, cutoff, cell, of_base, CUT)
        (others if need else covered).append(cell)
        if need is Need.BUILDS_BASE:
            raise MachineError(
                f"{branch.label}: with all roots {cell.key.edit} builds base again: {evidence}"
            )
    if not covered:
        raise MachineError(f"{branch.label}: no edit rebuilds with all roots, so none is proved")
    experiment.machine.restore(CUT)
    trials = []
    for path in experiment.store.rooted(ROOT):
        progress(f"{branch.label}: without {name_of(path)}")
        trials.append(_trial(experiment, cutoff, covered, of_base, path))
    return Minimality(
        scenario=experiment.scenario.name,
        branch=branch.label,
        covered=tuple(cell.key.edit for cell in covered),
        others=tuple(cell.key.edit for cell in others),
        trials=tuple(trials),
    )


def _trial(
    experiment: Experiment,
    cutoff: CutOff,
    cells: Sequence[Cell],
    of_base: frozenset[str],
    path: str,
) -> Trial:
    size = _drop(experiment, path)
    if experiment.store.is_valid(path):
        return Trial(path, size, Need.KEPT_ANYWAY, evidence="still valid without its root")
    left = replace(cutoff, available=experiment.store.registrations())
    experiment.machine.checkpoint(_DROPPED)
    for cell in cells:
        need, evidence = _missed(experiment, left, cell, of_base, _DROPPED)
        if need is not None:
            return Trial(path, size, need, cell.key.edit, evidence)
    return Trial(path, size, Need.NOT_MISSED)


def _drop(experiment: Experiment, path: str) -> int:
    """Remove the root of *path* and collect again, offline; the bytes that it freed."""
    machine, store = experiment.machine, experiment.store
    machine.restore(CUT)
    before = store.size()
    machine.succeed(
        command("for l in %s/*; do", GC_ROOTS)
        + command(' if test "$(readlink "$l")" = %s; then rm "$l"; fi; done', path)
    )
    if path in store.rooted(ROOT):
        raise MachineError(f"the root of {path} could not be removed")
    store.collect_garbage()
    return before - store.size()


def _missed(
    experiment: Experiment, cutoff: CutOff, cell: Cell, of_base: frozenset[str], start: str
) -> tuple[Need | None, str]:
    """How a rebuild from *start* misses something; None when it works and builds but the edit."""
    transcript = Transcript()
    result = experiment.rebuild(cutoff, cell, transcript, start=start)
    broken = [witness for witness in result.witnesses if not witness.holds]
    if result.verdict is Verdict.ERROR or broken:
        said = result.message or f"{broken[0].name} does not hold ({broken[0].evidence})"
        raise MachineError(f"rebuilding {cell.key.edit} shows nothing: {said}")
    if result.verdict is not Verdict.REBUILT:
        return Need.FAILS, f"{result.cause}: {result.message}"
    again = [drv for drv in built_derivations(transcript.text()) if drv in of_base]
    if again:
        return Need.BUILDS_BASE, ", ".join(name_of(drv).removesuffix(".drv") for drv in again)
    return None, ""
