"""The whole content of a NixOS test script: the engine in the test driver's own process.

``run(machine, internet, JOB, TIMEOUT)`` runs the cells that a job file names and writes
``results.jsonl`` and the reports into the driver's output folder, after every cell: what is
finished is there even when the driver's own time-out strikes.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.errors import ExitCode, HarnessError, InputError, Problem
from harness.internet.remote import RemoteReach
from harness.machines.nixos_driver import DriverMachine, NixosDriverMachine
from harness.plan import Group, Plan, only, plan
from harness.progress import make_progress
from harness.protocol import Experiment
from harness.reports import render_terminal
from harness.run import Limits, run_plan
from harness.scenario import Selection, load_scenarios
from harness.scenario.model import SystemName
from harness.strategies import registry
from harness.systems.nixos.system import NixOS

#: Seconds before the driver's own time-out at which the run ends in order, with its reports.
_MARGIN = 300
#: Seconds until the internet node serves.
_NODE_LIMIT = 600


class Node(DriverMachine, Protocol):
    """The driver's machine object, of which the output folder is needed as well."""

    out_dir: Path


@dataclass(frozen=True)
class Job:
    """What a test is to run; Nix writes it as JSON (harness/systems/nixos/nix/test.nix).

    *scenario* is a scenario folder, *select* what its cells are filtered by, *cells* the ids of
    the only ones to run (None: all that *select* admits), *tree* the sources that play nixpkgs,
    *published* the base system's path in the cache ("" when it is not there).
    """

    scenario: Path
    select: Selection
    cells: tuple[str, ...] | None
    tree: str
    settings: Mapping[str, object]
    published: str
    facts: Mapping[str, str]

    def plan(self) -> Plan:
        """The tree of the selected cells.  Raises `UsageError` for a cell that is not there."""
        whole = plan(load_scenarios([self.scenario], registry()), self.select)
        return whole if self.cells is None else only(whole, self.cells)


def read_job(file: Path) -> Job:
    """The job in a JSON *file*; raises `InputError` when it is none."""
    try:
        raw = json.loads(file.read_text())
        select = {name: tuple(values) for name, values in raw["select"].items()}
        return Job(
            scenario=Path(raw["scenario"]),
            select=Selection(**{**select, "system": (SystemName.NIXOS.value,)}),
            cells=None if raw["cells"] is None else tuple(raw["cells"]),
            tree=raw["tree"],
            settings=raw["settings"],
            published=raw["published"],
            facts=raw["facts"],
        )
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        problem = Problem(str(file), 1, 1, f"this is no job: {type(error).__name__}: {error}")
        raise InputError([problem]) from error


@dataclass(frozen=True)
class Prepared:
    """The driver's two machines, ready for experiments."""

    machine: NixosDriverMachine
    reach: RemoteReach
    job: Job
    facts: Mapping[str, str]

    def open(self, _name: str, group: Group) -> Experiment:
        """An experiment on the one machine, which is a fresh one at each start."""
        system = NixOS(self.job.tree, self.job.settings)
        return Experiment(self.machine, self.reach, system, group.scenario)

    def published(self, _group: Group) -> str:
        """The path of the base system in the cache; "" when it is not there."""
        return self.job.published


@dataclass(frozen=True)
class InDriver:
    """A tier of one machine: the one that the test driver has made."""

    machine: NixosDriverMachine
    internet: NixosDriverMachine
    job: Job

    def prepare(self, _plan: Plan, _scratch: Path, progress: Callable[[str], None]) -> Prepared:
        """Start the internet node and wait until it serves."""
        progress("starting the internet node")
        self.internet.start()
        settings = self.job.settings
        reach = RemoteReach(self.internet, str(settings["internetAddress"]), str(settings["card"]))
        self.internet.wait_until_succeeds("test -S /run/harness-internet.sock", _NODE_LIMIT)
        reach.open()
        facts = {
            **self.job.facts,
            "driver": _driver_version(),
            "network": str(settings["network"]),
            **{f"machine {name}": value for name, value in self.internet.facts.items()},
        }
        return Prepared(self.machine, reach, self.job, facts)


def _driver_version() -> str:
    try:
        return importlib.metadata.version("nixos-test-driver")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def run(machine: Node, internet: Node, job_file: str, timeout: float) -> None:
    """Run the job and end the test script with the run's exit code when a claim does not hold.

    *timeout* is the driver's own, in seconds.
    """
    code = _run(machine, internet, Path(job_file), timeout)
    sys.stdout.flush()
    if code is not ExitCode.OK:
        # No assertion of the script's: the driver's tracebacks would bury what was found.
        raise SystemExit(int(code))


def _run(machine: Node, internet: Node, job_file: Path, timeout: float) -> ExitCode:
    try:
        job = read_job(job_file)
        tier = InDriver(NixosDriverMachine(machine), NixosDriverMachine(internet), job)
        limits = Limits(jobs=1, deadline=max(60.0, timeout - _MARGIN))
        result = run_plan(job.plan(), tier, Path(machine.out_dir), limits, make_progress())
    except HarnessError as error:
        sys.stderr.write(f"harness: error: {error}\n")
        return error.exit_code
    sys.stdout.write(render_terminal(result, sys.stdout))
    return result.exit_code
