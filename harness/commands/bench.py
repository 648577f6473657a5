"""``harness bench``: measure the harness itself, as ratios."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from harness.bench import measure
from harness.commands.selecting import planned
from harness.embedded import Embedded
from harness.errors import ExitCode
from harness.run import signals


def main(arguments: argparse.Namespace) -> ExitCode:
    """Print each measurement as it is known, with its goal."""

    def progress(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    arguments.scenario = arguments.scenario or ["smoke"]
    found = []
    with signals(), tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        tier = Embedded(arguments.accelerator)
        for measurement in measure(planned(arguments), tier, Path(scratch), progress):
            found.append(measurement)
            if arguments.format == "text":
                goal = f"  (goal {measurement.goal})" if measurement.goal else ""
                line = f"{measurement.name:46} {measurement.value:8.2f} {measurement.unit}{goal}"
                print(line, flush=True)
    if arguments.format == "json":
        print(json.dumps([asdict(measurement) for measurement in found], indent=2))
    return ExitCode.OK
