"""Strategies are found by name, and each says what it is."""

from __future__ import annotations

import pytest

from harness.strategies import registry
from harness.strategies.base import Strategy

NAMES = [
    "none",
    "bundle-full",
    "bundle-recipe",
    "derivation-json",
    "extra-dependencies",
    "include-build-dependencies",
    "keep-derivations",
    "keep-outputs",
    "keep-outputs-realised",
    "mirror",
    "pin-sources",
    "rehearsed",
]


def test_none_comes_first_and_all_are_there() -> None:
    found = list(registry())
    assert found[0] == "none"
    assert set(NAMES) <= set(found)


@pytest.mark.parametrize("strategy", registry().values(), ids=registry().keys())
def test_each_strategy_can_be_told_from_doing_nothing(strategy: Strategy) -> None:
    assert strategy.summary
    assert type(strategy).__doc__
    assert type(strategy).applied is not Strategy.applied


def test_only_strategies_with_a_module_change_the_configuration() -> None:
    changing = {name for name, s in registry().items() if s.changes_configuration}
    assert {"include-build-dependencies", "extra-dependencies"} <= changing
    assert not changing & {"none", "keep-outputs", "pin-sources", "mirror", "bundle-full"}
