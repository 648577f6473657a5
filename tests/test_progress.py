"""Progress for people: a line per cell, and a heartbeat."""

from __future__ import annotations

import io

from harness.progress import PlainProgress, describe
from harness.results import Cause, CellKey, CellResult, Claim, Verdict, Witness

KEY = CellKey("s", "pocket", "built", "none", "kept", "down", "nix-build", "", "hosts")


def test_a_failure_says_what_was_claimed_and_why() -> None:
    claim = Claim(Verdict.REBUILT)
    result = CellResult(KEY, claim, Verdict.FAILED, Cause.BUILD_MISS, message="missing: jq")
    said = describe(result)
    assert "FAILED" in said
    assert "claimed rebuilt; missing: jq" in said


def test_a_broken_witness_is_named() -> None:
    broken = (Witness("network-cut", False, "a probe got through"),)
    result = CellResult(KEY, Claim(Verdict.REBUILT), Verdict.REBUILT, witnesses=broken)
    assert "network-cut: a probe got through" in describe(result)


def test_a_heartbeat_comes_only_after_silence() -> None:
    stream, now = io.StringIO(), [0.0]
    view = PlainProgress(stream, clock=lambda: now[0])
    view.begin(2)
    view.stage("lane-1", "provision built")
    now[0] = 29.0
    view.tick()
    assert "still at work" not in stream.getvalue()
    now[0] = 31.0
    view.tick()
    assert "[0/2] still at work: provision built" in stream.getvalue()
