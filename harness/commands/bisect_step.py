"""``harness bisect-step``: one revision's judgement as an exit status for `git bisect run`."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.bisect.drive import sought_in
from harness.bisect.history import Checkout
from harness.bisect.judgement import Decision
from harness.bisect.runners import runner_of
from harness.bisect.steps import Steps, decide, take_step
from harness.commands.bisect import question, say, tree
from harness.errors import UsageError
from harness.run import signals


def main(arguments: argparse.Namespace) -> int:
    """0 good, 1 bad, 125 cannot be tested, 129 stop; 130 when interrupted."""
    with signals():
        checkout = Checkout.at(Path())
        judged = _step_of(checkout, arguments) if arguments.state else _own(checkout, arguments)
    return int(judged.judgement)


def _step_of(checkout: Checkout, arguments: argparse.Namespace) -> Decision:
    steps = Steps(Path(arguments.state))
    state = steps.state()
    runner = runner_of(state.question)
    return take_step(checkout, steps, sought_in(steps, state), runner, say)


def _own(checkout: Checkout, arguments: argparse.Namespace) -> Decision:
    """A step of a bisection that the user drives: nothing is remembered."""
    changes = checkout.changes(tree(arguments))
    if changes:
        raise UsageError(
            f"uncommitted changes below {tree(arguments)}: {changes[0].strip()}",
            hint="the checkout has to be just the commit that git bisect chose",
        )
    asked = question(arguments)
    commit = checkout.head()
    folder = Path(arguments.report_dir) / commit
    decision = decide(checkout, folder, asked.sought, runner_of(asked))
    say(f"{decision.judgement.name.lower()} {commit[:12]}\n     {decision.reason}")
    return decision
