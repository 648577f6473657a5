"""``harness bench``: measure the harness itself, as ratios."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from harness.bench import Measurement, graphs, kept, machine
from harness.commands.selecting import planned
from harness.embedded import Embedded
from harness.errors import ExitCode
from harness.plan import Plan
from harness.run import signals

PARTS = ("machine", "graphs", "kept")


def main(arguments: argparse.Namespace) -> ExitCode:
    """Print each measurement as it is known, with its goal."""

    def progress(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    found = []
    with signals(), tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        for measurement in _measurements(arguments, Path(scratch), progress):
            found.append(measurement)
            if arguments.format == "text":
                goal = f"  (goal {measurement.goal})" if measurement.goal else ""
                line = f"{measurement.name:62} {measurement.value:8.2f} {measurement.unit}{goal}"
                print(line, flush=True)
    if arguments.format == "json":
        print(json.dumps([asdict(measurement) for measurement in found], indent=2))
    return ExitCode.OK


def _measurements(
    arguments: argparse.Namespace, scratch: Path, progress: Callable[[str], None]
) -> Iterator[Measurement]:
    tier = Embedded(arguments.accelerator)
    parts = arguments.part or PARTS
    if "machine" in parts:
        yield from machine.measure(_plan(arguments, "strategies"), tier, scratch, progress)
    if "graphs" in parts:
        yield from graphs.measure(scratch, progress)
    if "kept" in parts:
        plan = _plan(argparse.Namespace(scenarios=arguments.scenarios, scenario=[]), "rehearsed")
        prepared = tier.prepare(plan, scratch, progress)
        yield from kept.measure(prepared, plan.groups[0], progress)


def _plan(arguments: argparse.Namespace, usual: str) -> Plan:
    """The selected cells; of the scenario *usual* with packages from the cache if none is named."""
    if not arguments.scenario:
        arguments.scenario = [usual]
        arguments.provisions = ["cached-packages"]
    return planned(arguments)
