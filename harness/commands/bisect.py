"""``harness bisect``: find the commit that broke a rebuild."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.bisect.drive import bisect
from harness.bisect.history import Checkout
from harness.bisect.judgement import Signature
from harness.bisect.report import render_text, write_failure, write_finding
from harness.bisect.runners import runner_of
from harness.bisect.steps import Question, State, Steps
from harness.commands.selecting import scenarios, selection
from harness.errors import ExitCode, HarnessError
from harness.run import signals
from harness.scenario import DIMENSIONS

#: Where this repository has its pocket system.
_POCKET = "harness/systems/pocket"


def main(arguments: argparse.Namespace) -> ExitCode:
    """Drive `git bisect run`; 0 when it singles out a commit, 4 when it cannot."""
    checkout = Checkout.at(Path(arguments.repo))
    good, bad = checkout.resolve(arguments.good), checkout.resolve(arguments.bad)
    state = State(question(arguments), good, bad)
    steps = Steps(Path(arguments.report_dir).resolve())
    # -P: the worktree may hold a package of our name, which is the one under test and not us.
    step = [sys.executable, "-P", "-m", "harness", "bisect-step", "--state", str(steps.folder)]
    try:
        with signals():
            finding = bisect(checkout, state, steps, runner_of(state.question), step, say)
    except HarnessError as error:
        write_failure(state, steps, error.message)  # a report all the same
        raise
    write_finding(finding, steps.folder)
    sys.stdout.write(render_text(finding))
    return ExitCode.OK if finding.first_bad else ExitCode.SETUP


def question(arguments: argparse.Namespace) -> Question:
    """What the command line wants to be run on every revision."""
    if arguments.signature:
        Signature.parse(arguments.signature)  # a wrong word is told before anything is run
    chosen = scenarios(arguments)
    filters = selection(arguments)
    return Question(
        scenarios=tuple(str(scenario.folder.resolve()) for scenario in chosen),
        selection={name: filters.values(name) for name in DIMENSIONS if filters.values(name)},
        digests={scenario.name: scenario.digest for scenario in chosen},
        tier=arguments.tier,
        tree=tree(arguments),
        signature=arguments.signature,
        accelerator=arguments.accelerator,
        jobs=arguments.jobs or 0,
        deadline=arguments.deadline or 0.0,
    )


def tree(arguments: argparse.Namespace) -> str:
    """The folder under test: the shipped pocket system, or for nixpkgs the whole checkout."""
    return arguments.tree or ("." if arguments.tier == "nixos" else _POCKET)


def say(text: str) -> None:
    """A line for the user, who watches `git bisect run` work."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
