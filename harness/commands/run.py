"""``harness run``: run scenarios and write the reports."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from harness.commands.planning import own_shard
from harness.commands.selecting import planned, pocket_source
from harness.embedded import Embedded
from harness.errors import ExitCode
from harness.progress import make_progress
from harness.reports import render_terminal
from harness.run import Limits, exit_code, run_plan

#: More machines than this make each other slow on the disk.
_MOST_JOBS = 4


def main(arguments: argparse.Namespace) -> ExitCode:
    """Plan, run, report; the code says whether all claims hold."""
    plan, facts = own_shard(planned(arguments), arguments)
    tier = Embedded(arguments.accelerator, pocket_source(arguments))
    jobs = arguments.jobs or min(_MOST_JOBS, len(os.sched_getaffinity(0)))
    folder = Path(arguments.report_dir)
    limits = Limits(jobs, arguments.deadline)
    result = run_plan(plan, tier, folder, limits, make_progress(), facts)
    sys.stdout.write(render_terminal(result, sys.stdout))
    print(f"reports: {folder}", file=sys.stderr)
    return exit_code(result)
