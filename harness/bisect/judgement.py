"""What one run says about one revision, in the terms of `git bisect run`.

git takes 0 for good, 1 to 124, 126 and 127 for bad, 125 for "cannot be tested", and stops at 128
and more (git-bisect(1), "Bisect run").  A revision is bad only when a watched cell fails with the
signature that is looked for: the same cause, and the same things missing.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from harness.errors import DeadlineReached, ExitCode, HarnessError, MachineError, UsageError
from harness.reports.cells import explain
from harness.reports.text import one_line
from harness.results import Cause, CellResult, Outcome, Role, RunResult, Trouble


class Judgement(enum.IntEnum):
    """A revision's fate, with the exit status that tells it to git."""

    GOOD = 0
    BAD = 1
    SKIP = 125
    STOP = 129


#: Failures that say nothing about offline rebuilds, unless just they are looked for.
_UNRELATED = {Cause.EVALUATION_ERROR, Cause.BUILDER_FAILED, Cause.STALLED, Cause.CRASHED}
#: Troubles that the next revision would have as well.
_LASTING = {Trouble.SETUP, Trouble.HARNESS}


class UntestableError(HarnessError):
    """This revision lacks what the experiment needs; its neighbours may have it."""


class BisectionStoppedError(HarnessError):
    """The bisection cannot go on; run again, it resumes."""


class InconclusiveError(HarnessError):
    """What could be tested does not single out one commit."""


@dataclass(frozen=True)
class Decision:
    """The judgement on a revision, and the reason in a line."""

    judgement: Judgement
    reason: str


@dataclass(frozen=True)
class Signature:
    """What makes two failures the same: the cause, and the missing things (None: any)."""

    cause: Cause
    missing: frozenset[str] | None = None

    @classmethod
    def of(cls, cell: CellResult) -> Signature:
        """The signature of a cell that failed."""
        if cell.cause is None:
            raise ValueError(f"{cell.key.id} did not fail")
        return cls(cell.cause, frozenset(cell.missing))

    @classmethod
    def parse(cls, text: str) -> Signature:
        """``CAUSE`` or ``CAUSE:NAME,NAME``.  Raises `UsageError`."""
        cause, _, missing = text.partition(":")
        names = frozenset(name for name in missing.split(",") if name)
        try:
            return cls(Cause(cause), names or None)
        except ValueError:
            raise UsageError(
                f"{cause!r} is no cause of a failure", hint=f"one of {', '.join(Cause)}"
            ) from None

    def matches(self, cell: CellResult) -> bool:
        """Whether *cell* failed like this."""
        same = cell.cause is self.cause
        return same and (self.missing is None or self.missing == frozenset(cell.missing))

    def __str__(self) -> str:
        return f"{self.cause}:{','.join(sorted(self.missing))}" if self.missing else self.cause


@dataclass(frozen=True)
class Sought:
    """The breakage that is looked for: a signature for each watched cell, by its id.

    Without *cells* all are watched; *signature* then says what failure counts, and without it
    any that has to do with being offline.
    """

    signature: Signature | None = None
    cells: Mapping[str, Signature] = field(default_factory=dict)

    def watches(self, cell: CellResult) -> bool:
        """Whether the fate of *cell* counts."""
        return cell.key.role is Role.CELL and (not self.cells or cell.key.id in self.cells)

    def recognises(self, cell: CellResult) -> bool:
        """Whether *cell* is broken in the way that is looked for."""
        if cell.outcome is not Outcome.FAILED:
            return False
        wanted = self.cells.get(cell.key.id, self.signature)
        return cell.cause not in _UNRELATED if wanted is None else wanted.matches(cell)

    def narrowed(self, good: RunResult, bad: RunResult) -> Sought:
        """Watch the cells that are broken in *bad* and not in *good*, for *bad*'s signatures."""
        failed = {cell.key for cell in good.cells if cell.outcome is Outcome.FAILED}
        broken = [c for c in bad.cells if self.watches(c) and self.recognises(c)]
        found = {
            cell.key.id: Signature.of(cell) if self.signature is None else self.signature
            for cell in broken
            if cell.key not in failed
        }
        return Sought(self.signature, found)


def judge(run: RunResult, sought: Sought) -> Decision:
    """The judgement on the revision that *run* is of."""
    watched = [cell for cell in run.cells if sought.watches(cell)]
    for trouble in run.cells:
        if trouble.trouble in _LASTING:
            return _decision(Judgement.STOP, trouble)
    obstacle = next(_obstacles(run), None)
    if obstacle is not None:
        return Decision(Judgement.SKIP, obstacle)
    if not watched:
        return Decision(Judgement.STOP, "none of the watched cells was run")
    for cell in watched:
        if sought.recognises(cell):
            return _decision(Judgement.BAD, cell)
    for cell in watched:
        if cell.outcome is not Outcome.PASSED:
            return _decision(Judgement.SKIP, cell)
    return Decision(Judgement.GOOD, f"all claims hold ({len(watched)} watched)")


def judge_error(error: HarnessError) -> Decision:
    """The judgement when the run broke off: about this revision, or about the set-up."""
    if isinstance(error, MachineError | DeadlineReached | UntestableError):
        return Decision(Judgement.SKIP, one_line(error.message))
    return Decision(Judgement.STOP, one_line(error.message))


def _obstacles(run: RunResult) -> Iterator[str]:
    """Why the run proves nothing about its revision."""
    for cell in run.cells:
        if cell.key.role is not Role.CELL and cell.outcome is not Outcome.PASSED:
            yield f"a control does not hold: {cell.key.id}: {one_line(explain(cell))}"
    for branch in run.branches:
        for witness in branch.witnesses:
            if not witness.holds:
                yield f"a witness does not hold: {witness.name}: {one_line(witness.evidence)}"
    if not run.complete:
        yield f"the run is incomplete ({run.ended}): {one_line(run.message)}"


def _decision(judgement: Judgement, cell: CellResult) -> Decision:
    missing = f"; missing: {', '.join(cell.missing)}" if cell.missing else ""
    return Decision(judgement, one_line(f"{cell.key.id}: {explain(cell)}{missing}"))


def exit_status(code: int) -> int:
    """The status with which a broken `bisect-step` ends: git stops, and never takes it for bad."""
    return int(ExitCode.INTERRUPTED if code == ExitCode.INTERRUPTED else Judgement.STOP)
