"""``harness verify-minimal``: take away each path that a rehearsal keeps, and see it missed."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from harness.commands.selecting import planned
from harness.embedded import Embedded
from harness.errors import ExitCode
from harness.minimality import Minimality, controlled, rehearsed_branches, verify_minimal
from harness.nix.store import name_of
from harness.plan import NothingToRun, Plan, only
from harness.run import signals
from harness.systems.base import Target


def main(arguments: argparse.Namespace) -> ExitCode:
    """Verify every rehearsed branch of the selection; 1 when a root is superfluous."""
    whole = planned(arguments)
    rehearsing = [branch for group in whole.groups for branch in rehearsed_branches(group)]
    if not rehearsing:
        raise NothingToRun(
            "nothing that is selected rehearses its edits",
            hint="for instance `harness verify-minimal rehearsed`",
        )
    groups = only(whole, [cell.key.id for branch in rehearsing for cell in branch.cells]).groups
    found: list[Minimality] = []
    targets: dict[tuple[str, str], dict[str, Target]] = {group.family: {} for group in groups}
    with signals(), tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        prepared = Embedded(arguments.accelerator).prepare(Plan(groups), Path(scratch), _say)
        for number, group in enumerate(groups):
            experiment = prepared.open(f"minimal-{number}", group)
            try:
                _say(f"{group.scenario.name}: provision {group.provision}, online controls")
                published = prepared.published(group)
                base = controlled(experiment, group, published, targets[group.family])
                for branch in rehearsed_branches(group):
                    found.append(verify_minimal(experiment, base, branch, _say))
                    _report(found[-1], arguments.format)
            finally:
                experiment.close()
    if arguments.format == "json":
        print(json.dumps([_plain(one) for one in found], indent=2))
    return ExitCode.CLAIM_FAILED if any(one.superfluous for one in found) else ExitCode.OK


def _plain(one: Minimality) -> dict[str, object]:
    return {**asdict(one), "superfluous": [trial.path for trial in one.superfluous]}


def _report(one: Minimality, form: str) -> None:
    if form == "json":
        return
    print(f"{one.scenario}/{one.branch}: {len(one.trials)} roots, edits {', '.join(one.covered)}")
    if one.others:
        print(f"  not covered by this rehearsal: {', '.join(one.others)}")
    for trial in one.trials:
        mark = "SUPERFLUOUS" if trial.need.superfluous else "needed"
        why = f"{trial.edit} {trial.evidence}".strip()
        print(
            f"  {mark:11} {name_of(trial.path)} ({trial.size / 1000:,.1f} kB): {trial.need} {why}"
        )
    print(f"  {len(one.superfluous)} of {len(one.trials)} roots were not needed", flush=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
