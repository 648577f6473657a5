"""What several modules of tests are about: the scenarios that ship."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.plan import Plan, plan
from harness.scenario import Scenario, Selection, discover, load_scenarios
from harness.strategies import registry


@pytest.fixture(scope="session")
def scenarios() -> tuple[Scenario, ...]:
    """All of them, read and checked."""
    return load_scenarios(discover(Path(__file__).parents[1] / "scenarios"), registry())


@pytest.fixture(scope="session")
def whole(scenarios: tuple[Scenario, ...]) -> Plan:
    """All cells of the embedded tier."""
    return plan(scenarios, Selection(system=("pocket",)))
