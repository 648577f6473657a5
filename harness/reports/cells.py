"""How one cell is told to people: in a character, and in a sentence. The same in every report."""

from __future__ import annotations

from collections.abc import Mapping

from harness.results import CellResult, Outcome, Verdict

#: One character for each verdict.
MARKS: Mapping[Verdict, str] = {
    Verdict.REBUILT: "P",
    Verdict.FAILED: ".",
    Verdict.ERROR: "E",
    Verdict.SKIPPED: "s",
}
#: Put behind the mark of a verdict that is not what the scenario claims.
UNCLAIMED = "!"
LEGEND = "P rebuilt, . failed, E error, s skipped; ! not as claimed"


def mark(cell: CellResult) -> str:
    """The verdict in a character, and `UNCLAIMED` where the claim does not hold."""
    outcome = cell.outcome
    if outcome is Outcome.ERROR:
        return MARKS[Verdict.ERROR]
    return MARKS[cell.verdict] + (UNCLAIMED if outcome is Outcome.FAILED else "")


def had_to_fail(cell: CellResult) -> bool:
    """Whether it failed as claimed: it counts as passed, and people want to know."""
    return cell.outcome is Outcome.PASSED and cell.verdict is Verdict.FAILED


def found(cell: CellResult) -> str:
    """The verdict and its cause, in the words that claims use."""
    return f"{cell.verdict}: {cell.cause}" if cell.cause else str(cell.verdict)


def explain(cell: CellResult) -> str:
    """What became of the cell and its claim, in a sentence or two."""
    broken = [f"{w.name} ({w.evidence})" for w in cell.witnesses if not w.holds]
    outcome = cell.outcome
    if outcome is Outcome.SKIPPED:
        return cell.message or "a requirement is not met"
    if cell.verdict is Verdict.ERROR:
        return cell.message or "the experiment broke"
    if broken:
        return f"the experiment proves nothing, a witness does not hold: {', '.join(broken)}"
    if outcome is Outcome.FAILED:
        return f"claimed {cell.claim}, found {found(cell)}. {cell.message}".rstrip()
    return f"{found(cell)}, as claimed. {cell.message}".rstrip()
