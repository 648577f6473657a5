"""``harness shell``: boot a machine to a stage of the experiment and give a prompt in it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from harness.commands.selecting import planned
from harness.embedded import Embedded
from harness.errors import ExitCode, UsageError
from harness.plan import Branch, Group, Plan
from harness.protocol import Experiment
from harness.results import Role
from harness.run import signals

_PROMPT = "machine# "
_HELP = """\
each line runs in a fresh shell as root; the configuration is /etc/nixos/configuration.nix
  :checkpoint TAG   save the machine    :restore TAG   go back    :quit   end (or Ctrl-D)
"""


def main(arguments: argparse.Namespace) -> ExitCode:
    """Go to the stage with the first selected branch, then read commands until the end."""
    plan = planned(arguments)
    group = plan.groups[0]
    if len(plan.scenarios) > 1:
        raise UsageError("name one scenario", hint=f"for instance {group.scenario.name}")
    with signals(), tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        prepared = Embedded(arguments.accelerator).prepare(
            Plan((group,)), Path(scratch), lambda text: print(text, file=sys.stderr, flush=True)
        )
        experiment = prepared.open("shell", group)
        try:
            _go(experiment, group, prepared.published(group), arguments.stage)
            _converse(experiment)
        finally:
            experiment.close()
    return ExitCode.OK


def _go(experiment: Experiment, group: Group, published: str, stage: str) -> None:
    experiment.prepare()
    if stage == "ready":
        return
    _say(f"provision {group.provision}")
    base = experiment.provision(group.provision, published, {})
    if stage == "provisioned":
        experiment.machine.restore(stage)
        return
    branch = first_selected(group)
    _say(f"protect with {branch.strategy}, collect, cut ({branch.network})")
    experiment.protect_and_cut(base, branch)


def first_selected(group: Group) -> Branch:
    """The first branch that was asked for, and is not there as a control alone."""
    return next(b for b in group.branches if any(c.key.role is Role.CELL for c in b.cells))


def _converse(experiment: Experiment) -> None:
    _say(_HELP)
    machine = experiment.machine
    while True:
        try:
            line = input(_PROMPT if sys.stdin.isatty() else "").strip()
        except EOFError:
            return
        verb, _, tag = line.partition(" ")
        if verb == ":quit":
            return
        if verb in (":checkpoint", ":restore"):
            action = machine.checkpoint if verb == ":checkpoint" else machine.restore
            action(tag.strip() or "shell")
        elif line:
            done = machine.execute(line, timeout=None)
            sys.stdout.write(done.stdout)
            sys.stderr.write(done.stderr)
            if done.status:
                _say(f"[status {done.status}]")
            sys.stdout.flush()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
