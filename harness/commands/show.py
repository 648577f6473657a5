"""``harness show``: the computed plan, before anything is run."""

from __future__ import annotations

import argparse
import json

from harness.commands.selecting import planned
from harness.errors import ExitCode
from harness.plan import Branch, Cell, Group


def main(arguments: argparse.Namespace) -> ExitCode:
    """Print the tree of stages with each cell's claim."""
    plan = planned(arguments)
    if arguments.format == "json":
        print(json.dumps(plan.describe(), indent=2))
        return ExitCode.OK
    for group in plan.groups:
        _print_group(group)
    branches = sum(len(group.branches) for group in plan.groups)
    print(f"{len(plan.cells)} cells in {branches} branches of {len(plan.groups)} groups")
    return ExitCode.OK


def _print_group(group: Group) -> None:
    print(f"{group.scenario.name} ({group.system}), provision {group.provision}")
    edits = ", ".join(cell.key.edit for cell in group.controls)
    print(f"  online controls: {edits}")
    for branch in group.branches:
        _print_branch(branch)


def _print_branch(branch: Branch) -> None:
    print(f"  {branch.strategy}, caches {branch.caches}, network {branch.network}")
    claims: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in branch.cells:
        how = f"{cell.key.command} {cell.key.flags}".strip()
        claims.setdefault((how, str(cell.claim), str(cell.key.role)), []).append(cell)
    for (how, claim, role), cells in claims.items():
        edits = ", ".join(cell.key.edit for cell in cells)
        note = "" if role == "cell" else f" [{role}]"
        print(f"    {how}: {claim}{note}: {edits}")
