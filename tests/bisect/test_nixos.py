"""The NixOS tier as the judge of a revision of nixpkgs; what a machine would find is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import nixos_tier
from harness.bisect.history import Checkout
from harness.bisect.judgement import Judgement, Sought
from harness.bisect.nixos import NixosRunner
from harness.bisect.runners import runner_of
from harness.bisect.steps import Question, decide
from harness.nixos_tier import UnusableNixpkgsError
from harness.plan import NothingToRun

if TYPE_CHECKING:
    from tests.bisect.conftest import History

SMOKE = str(Path(__file__).parents[2] / "scenarios/nixos-smoke")


def question(**changes: object) -> Question:
    selection = {"system": ("nixos",), "strategies": ("keep-outputs",), "edits": ("hosts",)}
    fixed = {"scenarios": (SMOKE,), "selection": selection, "tier": "nixos", "tree": "."}
    return Question(**{**fixed, **changes})  # type: ignore[arg-type]


@pytest.fixture
def checkout(history: History, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    history.commits("good")
    (history.root / "nixos/lib/testing").mkdir(parents=True)
    monkeypatch.setattr(nixos_tier, "check_host", lambda _choice: None)
    monkeypatch.setattr(nixos_tier, "lacking", lambda _wanted, _folder: "")
    return Checkout.at(history.root)


def test_the_tier_of_the_question_decides() -> None:
    assert isinstance(runner_of(question()), NixosRunner)


def test_a_nixpkgs_that_does_not_evaluate_cannot_be_tested(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def build(*_arguments: object) -> Path:
        raise UnusableNixpkgsError("error: undefined variable")

    monkeypatch.setattr(nixos_tier, "build_driver", build)
    decision = decide(checkout, tmp_path / "step", Sought(), runner_of(question()))
    assert decision.judgement is Judgement.SKIP
    assert "undefined variable" in decision.reason


def test_a_revision_without_a_test_framework_cannot_be_tested(
    checkout: Checkout, tmp_path: Path
) -> None:
    (checkout.root / "nixos/lib/testing").rmdir()
    decision = decide(checkout, tmp_path / "step", Sought(), runner_of(question()))
    assert decision.judgement is Judgement.SKIP
    assert "no nixpkgs" in decision.reason


def test_a_host_without_nix_stops_the_bisection(
    checkout: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(nixos_tier, "lacking", lambda _wanted, _folder: "")
    monkeypatch.setenv("PATH", "/nowhere")
    decision = decide(checkout, tmp_path / "step", Sought(), runner_of(question()))
    assert decision.judgement is Judgement.STOP


def test_what_the_real_network_cannot_provide_is_no_question() -> None:
    selection = {"system": ("nixos",), "provisions": ("cached-all",)}
    with pytest.raises(NothingToRun):
        runner_of(question(selection=selection))
