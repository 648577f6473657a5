from __future__ import annotations

from dataclasses import replace

import pytest

from harness.results import (
    Cause,
    Claim,
    Ending,
    Outcome,
    RunResult,
    Verdict,
    Witness,
    with_branch,
    worst_first,
)
from tests.reports.sample import cell, sample_run

CELL = cell(sample_run().cells[0].key)
FAILURE = Claim(Verdict.FAILED, Cause.BUILD_MISS)
BROKEN = Witness("network-cut", False, "a probe got through")


@pytest.mark.parametrize(
    ("claim", "verdict", "cause", "outcome"),
    [
        (Claim(Verdict.REBUILT), Verdict.REBUILT, None, Outcome.PASSED),
        (Claim(Verdict.REBUILT), Verdict.FAILED, Cause.BUILD_MISS, Outcome.FAILED),
        (FAILURE, Verdict.FAILED, Cause.BUILD_MISS, Outcome.PASSED),
        (FAILURE, Verdict.FAILED, Cause.CACHE_QUERY, Outcome.FAILED),
        (FAILURE, Verdict.REBUILT, None, Outcome.FAILED),
        (FAILURE, Verdict.ERROR, None, Outcome.ERROR),
        (FAILURE, Verdict.SKIPPED, None, Outcome.SKIPPED),
        (Claim(Verdict.FAILED), Verdict.FAILED, None, Outcome.FAILED),  # any failure is no claim
    ],
)
def test_a_claim_holds_only_for_the_claimed_reason(
    claim: Claim, verdict: Verdict, cause: Cause | None, outcome: Outcome
) -> None:
    assert replace(CELL, claim=claim, verdict=verdict, cause=cause).outcome is outcome


def test_a_witness_that_does_not_hold_is_an_error() -> None:
    assert replace(CELL, witnesses=(*CELL.witnesses, BROKEN)).outcome is Outcome.ERROR


def conclude(**changes: object) -> Outcome:
    run = RunResult(
        started="2026-03-01T12:00:00Z",
        seconds=1.0,
        complete=True,
        ended=Ending.FINISHED,
        planned=1,
        cells=(CELL,),
    )
    return replace(run, **changes).conclusion  # type: ignore[arg-type]


def test_the_conclusion_is_the_worst_of_all() -> None:
    failed = replace(CELL, verdict=Verdict.FAILED, cause=Cause.CRASHED)
    skipped = replace(CELL, verdict=Verdict.SKIPPED)
    branch = replace(sample_run().branches[0], witnesses=(BROKEN,))
    assert conclude() is Outcome.PASSED
    assert conclude(cells=(CELL, failed)) is Outcome.FAILED
    assert conclude(cells=(skipped,)) is Outcome.SKIPPED
    assert conclude(cells=(skipped, CELL)) is Outcome.PASSED
    assert conclude(cells=()) is Outcome.ERROR
    assert conclude(complete=False) is Outcome.ERROR
    assert conclude(branches=(branch,)) is Outcome.ERROR


def test_worst_first_keeps_the_order_within_each_outcome() -> None:
    ordered = worst_first(sample_run().cells)
    outcomes = [found.outcome for found in ordered]
    assert outcomes == sorted(
        outcomes,
        key=[Outcome.ERROR, Outcome.FAILED, Outcome.SKIPPED, Outcome.PASSED].index,
    )
    passed = [found for found in sample_run().cells if found.outcome is Outcome.PASSED]
    assert [found for found in ordered if found.outcome is Outcome.PASSED] == passed


def test_another_try_of_a_branch_replaces_it_but_what_was_not_proved_stays_so() -> None:
    first, other = sample_run().branches[:2]
    again = replace(first, store_after=first.store_after + 1)
    unproved = replace(first, witnesses=(BROKEN,))
    assert with_branch((first, other), again) == (again, other)
    assert with_branch((first,), unproved) == (unproved,)
    assert with_branch((unproved,), again) == (unproved,)
