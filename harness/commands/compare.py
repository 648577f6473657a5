"""``harness compare``: what a change did to offline rebuilds, from the results of two runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from harness.collector import no_cyclic_collection
from harness.commands.inputs import read_run
from harness.compare import Comparison, Limits, compare
from harness.errors import ExitCode, HarnessError
from harness.reports import comparison as reports

_FORMATS = {
    "text": reports.render_text,
    "json": reports.render_json,
    "markdown": reports.render_markdown,
    "junit": reports.render_junit,
}


def main(arguments: argparse.Namespace) -> ExitCode:
    """Compare, print, write the reports where asked; 1 on a regression."""
    folder = Path(arguments.report_dir) if arguments.report_dir else None
    limits = Limits(arguments.max_growth, arguments.max_slowdown)
    try:
        with no_cyclic_collection():
            found = compare(read_run(arguments.base), read_run(arguments.head), limits)
    except HarnessError as error:
        if folder is not None:  # a report all the same, which says why there is nothing in it
            reports.write_comparison(Comparison(problems=(error.message,)), folder)
        raise
    if folder is not None:
        reports.write_comparison(found, folder)
    sys.stdout.write(_FORMATS[arguments.format](found))
    return found.exit_code
