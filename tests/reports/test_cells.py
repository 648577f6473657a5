from __future__ import annotations

from dataclasses import replace

import pytest

from harness.reports.cells import LEGEND, MARKS, explain, found, had_to_fail, mark
from harness.results import Cause, CellResult, Claim, Trouble, Verdict, Witness
from tests.reports.sample import cell, sample_run

REBUILT = cell(sample_run().cells[0].key)
EXPECTED = cell(REBUILT.key, Verdict.FAILED, Cause.CACHE_QUERY)
MISSED = replace(EXPECTED, claim=Claim(Verdict.REBUILT), message="ask nobody")
BROKE = replace(REBUILT, verdict=Verdict.ERROR, trouble=Trouble.MACHINE, message="it hangs")
LEAKED = replace(REBUILT, witnesses=(Witness("network-cut", False, "got through"),))
SKIPPED = replace(REBUILT, verdict=Verdict.SKIPPED, message="no KVM")


@pytest.mark.parametrize(
    ("result", "sign", "text"),
    [
        (REBUILT, "P", "rebuilt, as claimed."),
        (EXPECTED, ".", "failed: cache-query, as claimed. 7 to build, and sources are missing"),
        (MISSED, ".!", "claimed rebuilt, found failed: cache-query. ask nobody"),
        (replace(REBUILT, claim=EXPECTED.claim), "P!", "failed: cache-query, found rebuilt."),
        (BROKE, "E", "it hangs"),
        (LEAKED, "E", "a witness does not hold: network-cut (got through)"),
        (SKIPPED, "s", "no KVM"),
        (replace(SKIPPED, message=""), "s", "a requirement is not met"),
    ],
)
def test_mark_and_explanation(result: CellResult, sign: str, text: str) -> None:
    assert mark(result) == sign
    assert text in explain(result)


def test_only_a_claimed_failure_had_to_fail() -> None:
    assert had_to_fail(EXPECTED)
    assert not any(had_to_fail(one) for one in (REBUILT, MISSED, BROKE, LEAKED, SKIPPED))


def test_words() -> None:
    assert found(REBUILT) == "rebuilt"
    assert found(MISSED) == "failed: cache-query"
    assert all(sign in LEGEND for sign in MARKS.values())
