"""``harness run``: run scenarios and write the reports."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.commands.planning import own_shard
from harness.commands.selecting import planned, pocket_source
from harness.errors import ExitCode, UsageError
from harness.nixos_tier import Choice, run_nixos
from harness.progress import make_progress
from harness.reports import render_terminal
from harness.results import RunResult
from harness.run import Limits, run_plan, usual_jobs


def main(arguments: argparse.Namespace) -> ExitCode:
    """Plan, run, report; the code says whether all claims hold."""
    if arguments.tier == "nixos":
        return _nixos(arguments)
    plan, facts = own_shard(planned(arguments), arguments)
    # What it needs beyond (qemu.qmp) is not there where only the NixOS tier is installed.
    from harness.embedded import Embedded  # noqa: PLC0415

    tier = Embedded(arguments.accelerator, pocket_source(arguments))
    folder = Path(arguments.report_dir)
    limits = Limits(arguments.jobs or usual_jobs(), arguments.deadline)
    result = run_plan(plan, tier, folder, limits, make_progress(), facts)
    return _told(result, folder)


def _nixos(arguments: argparse.Namespace) -> ExitCode:
    choice = Choice(
        nixpkgs=arguments.nixpkgs,
        flake=_host(arguments.flake),
        network=arguments.network_model,
        accelerator=arguments.accelerator,
    )
    folder = Path(arguments.report_dir)
    limits = Limits(1, arguments.deadline)
    plan, facts = own_shard(planned(arguments), arguments)
    result = run_nixos(plan, choice, folder, limits, make_progress(), facts)
    return _told(result, folder)


def _host(text: str) -> str:
    reference, mark, host = text.partition("#")
    if text and not (reference and mark and host):
        raise UsageError(f"{text!r} names no host of a flake", hint="as in .#laptop")
    if reference.startswith((".", "/")):
        return f"path:{Path(reference).resolve()}#{host}"
    return text


def _told(result: RunResult, folder: Path) -> ExitCode:
    sys.stdout.write(render_terminal(result, sys.stdout))
    print(f"reports: {folder}", file=sys.stderr)
    return result.exit_code
