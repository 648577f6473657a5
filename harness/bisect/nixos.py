"""How the NixOS tier tries a revision: the checkout is the nixpkgs of everything."""

from __future__ import annotations

from pathlib import Path

from harness.bisect.history import Checkout
from harness.bisect.judgement import UntestableError
from harness.bisect.steps import Question, tree_of
from harness.errors import UsageError
from harness.nixos_tier import Choice, UnusableNixpkgsError, fetch_nixpkgs, providable, run_nixos
from harness.plan import plan
from harness.progress import make_progress
from harness.results import RunResult
from harness.run import Limits
from harness.scenario import Selection, load_scenarios
from harness.strategies import registry

_NETWORK = "real"


class NixosRunner:
    """Runs the question's cells with the nixpkgs of a checkout."""

    def __init__(self, question: Question) -> None:
        """Raises `InputError`, `UsageError` or `NothingToRun` for a question that cannot be run."""
        scenarios = load_scenarios(map(Path, question.scenarios), registry())
        self._plan = providable(plan(scenarios, Selection(**question.selection)), _NETWORK)
        self._question = question

    def __call__(self, checkout: Checkout, folder: Path) -> RunResult:
        """One run; its reports are in *folder*.  Raises what `run_nixos` does.

        A nixpkgs that has no test framework, does not evaluate or cannot build the test is an
        `UntestableError`: it says nothing about offline rebuilds.
        """
        nixpkgs = str(tree_of(checkout, self._question.tree))
        choice = Choice(nixpkgs, network=_NETWORK, accelerator=self._question.accelerator)
        limits = Limits(1, self._question.deadline or None)
        try:
            fetch_nixpkgs(nixpkgs)
        except UsageError as error:
            raise UntestableError(error.message) from error
        try:
            return run_nixos(self._plan, choice, folder, limits, make_progress())
        except UnusableNixpkgsError as error:
            raise UntestableError(error.message) from error
