"""How the embedded tier tries a revision: its pocket system takes the place of the shipped one."""

from __future__ import annotations

from pathlib import Path

from harness.bisect.history import Checkout
from harness.bisect.judgement import UntestableError
from harness.bisect.steps import Question, tree_of
from harness.embedded import Embedded
from harness.plan import plan
from harness.progress import make_progress
from harness.results import RunResult
from harness.run import Limits, run_plan, usual_jobs
from harness.scenario import Selection, load_scenarios
from harness.strategies import registry


class EmbeddedRunner:
    """Runs the question's cells against the pocket system of a checkout."""

    def __init__(self, question: Question) -> None:
        """Raises `InputError`, `UsageError` or `NothingToRun` for a question that cannot be run."""
        scenarios = load_scenarios(map(Path, question.scenarios), registry())
        self._plan = plan(scenarios, Selection(**question.selection))
        self._question = question

    def __call__(self, checkout: Checkout, folder: Path) -> RunResult:
        """One run; its reports are in *folder*.  Raises what `run_plan` does."""
        source = tree_of(checkout, self._question.tree)
        for part in ("tree", "upstream"):
            if not (source / part).is_dir():
                raise UntestableError(f"{self._question.tree} has no folder {part} here")
        jobs = self._question.jobs or usual_jobs()
        limits = Limits(jobs, self._question.deadline or None)
        tier = Embedded(self._question.accelerator, source)
        return run_plan(self._plan, tier, folder, limits, make_progress())
