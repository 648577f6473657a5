"""Scenarios: folders that say what is tried (edits, strategies, the matrix) and what is claimed."""

from harness.scenario.find import discover, find, load_scenario, load_scenarios
from harness.scenario.flags import SUBSTITUTION_OFF, FlagError, split_flags
from harness.scenario.model import (
    DIMENSIONS,
    NO_STRATEGY,
    Caches,
    ClaimRule,
    Command,
    Edit,
    Exclusion,
    Matrix,
    NetworkMode,
    Provision,
    Scenario,
    Selection,
    SystemName,
)

__all__ = [
    "DIMENSIONS",
    "NO_STRATEGY",
    "SUBSTITUTION_OFF",
    "Caches",
    "ClaimRule",
    "Command",
    "Edit",
    "Exclusion",
    "FlagError",
    "Matrix",
    "NetworkMode",
    "Provision",
    "Scenario",
    "Selection",
    "SystemName",
    "discover",
    "find",
    "load_scenario",
    "load_scenarios",
    "split_flags",
]
