"""How many machines a run takes when nobody says (whole runs: tests/vm/test_run.py)."""

from __future__ import annotations

import os

import pytest

from harness.run import usual_jobs


@pytest.mark.parametrize(("cores", "lanes"), [(1, 1), (2, 2), (4, 4), (64, 4)])
def test_a_machine_for_each_core_up_to_what_the_disk_bears(
    monkeypatch: pytest.MonkeyPatch, cores: int, lanes: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    assert usual_jobs() == lanes
