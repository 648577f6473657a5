"""The NixOS tier: real NixOS machines, by the genuine NixOS test driver, outside the Nix sandbox.

Each scenario becomes a test (harness/systems/nixos/nix/run.nix) whose driver runs the engine in its
own process and writes ``results.jsonl`` as it goes; here they are built, watched and joined.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness import process
from harness.errors import DeadlineReached, SetupError, UsageError
from harness.nix.command import nix, nix_environment
from harness.plan import Cell, Group, NothingToRun, Plan, only
from harness.progress import ProgressView
from harness.reports import Redactor, make_folder, write_reports
from harness.results import CellResult, Ending, Role, RunResult, Trouble, Verdict
from harness.results.log import ResultsLog, read_log
from harness.run import Limits, begin, ending, signals
from harness.scenario.model import Scenario
from harness.systems.nixos.demand import demand, lacking
from harness.systems.nixos.system import NIX_FILES

#: Which provisions each network model can give (harness/systems/nixos/nix/provisions.nix).
SUPPORTED = {"hermetic": ("cached-all", "copied"), "real": ("cached-packages",)}
#: `builtins.getFlake` and NixOS 24.05's own minimum (nixpkgs, lib/minver.nix).
OLDEST_NIX = (2, 3)
OLDEST_WITH_FLAKES = (2, 4)
_REVISION = re.compile(r"[0-9a-f]{40}")
#: Seconds of a scenario's test, when there is no deadline.
_LONGEST = 6 * 60 * 60
#: Seconds beyond its own time-out after which a driver counts as hung.
_GRACE = 120


class UnusableNixpkgsError(SetupError):
    """This nixpkgs, or a scenario on it, does not evaluate or build; another one may."""


@dataclass(frozen=True)
class Choice:
    """What the command line says of the NixOS tier.

    *nixpkgs* is a path, a revision or a flake reference, *flake* a host as ``REF#HOST`` or "",
    *network* ``real`` or ``hermetic``, *accelerator* as for the embedded tier.
    """

    nixpkgs: str
    flake: str = ""
    network: str = "real"
    accelerator: str = "auto"


def run_nixos(
    plan: Plan,
    choice: Choice,
    folder: Path,
    limits: Limits,
    progress: ProgressView,
    facts: Mapping[str, str] | None = None,
) -> RunResult:
    """Run every cell of *plan* and write the reports into *folder*; *facts* go into them.

    Cells whose provision the network model cannot give, and scenarios that this host has no room
    for, are skipped before anything is fetched.  Raises `SetupError` when the host or nixpkgs
    cannot be used; the reports say so by then.
    """
    make_folder(folder)
    tests = _Tests(plan, choice, folder, limits, progress, facts or {})
    (folder / "results.jsonl").unlink(missing_ok=True)
    write_reports(tests.run, folder)  # in place of what an earlier run left in the folder
    progress.begin(tests.run.planned)
    with signals(), tempfile.TemporaryDirectory(prefix="harness-") as scratch:
        try:
            tests.work(Path(scratch))
        finally:
            progress.end()
            result = tests.end(*ending(sys.exception()))
    return result


class _Tests:
    """The tests of a run: what is done, and what they found so far."""

    def __init__(
        self,
        plan: Plan,
        choice: Choice,
        folder: Path,
        limits: Limits,
        progress: ProgressView,
        facts: Mapping[str, str],
    ) -> None:
        self.plan, self.left_out = _divided(plan, choice.network)
        self.choice = choice
        self.folder = folder
        self.limits = limits
        self.progress = progress
        self.started = time.monotonic()
        named = {"tier": "nixos", "nixpkgs asked for": choice.nixpkgs}
        planned = len(self.plan.cells) + len(self.left_out)
        self.run = replace(begin(plan, {**named, **facts}), planned=planned)
        supported = ", ".join(SUPPORTED[choice.network])
        reason = f"the network model {choice.network} only provides {supported}"
        self._skip(self.left_out, reason)

    def work(self, scratch: Path) -> None:
        """Every scenario in turn."""
        fitting = [scenario for scenario in self.plan.scenarios if self._fits(scenario)]
        if not fitting:
            return
        check_host(self.choice)
        source = fetch_nixpkgs(self.choice.nixpkgs)
        self._facts(source.facts)
        for scenario in fitting:
            self.progress.note(f"evaluating and building the test of {scenario.name}")
            timeout = self._time_left()
            job = scratch / "job.json"
            job.write_text(json.dumps(self._job(scenario, timeout, source)))
            driver = build_driver(scenario, job, source)
            self._run_driver(scenario, driver, scratch, timeout)

    def end(self, how: Ending, message: str) -> RunResult:
        """All reports, which say how it ended."""
        redact = Redactor()
        wanted = {cell.key for cell in (*self.plan.cells, *self.left_out)}
        done = {cell.key for cell in self.run.cells} == wanted
        self.run = replace(
            self.run,
            complete=how is Ending.FINISHED and done,
            ended=how,
            message=redact(message),
            seconds=time.monotonic() - self.started,
        )
        with ResultsLog(self.folder / "results.jsonl", self.run) as log:
            for cell in self.run.cells:
                log.cell(self.run.seconds, cell)
            for branch in self.run.branches:
                log.branch(self.run.seconds, branch)
            log.end(self.run)
        write_reports(self.run, self.folder, redact)
        return self.run

    def _fits(self, scenario: Scenario) -> bool:
        """Whether there is room for *scenario*; without, its cells are recorded as skipped."""
        groups = self._groups(scenario)
        room = lacking(demand(groups), Path(tempfile.gettempdir()))
        if room:
            self._skip(Plan(groups).cells, room)
        return not room

    def _groups(self, scenario: Scenario) -> tuple[Group, ...]:
        return tuple(group for group in self.plan.groups if group.scenario is scenario)

    def _skip(self, cells: Iterable[Cell], reason: str) -> None:
        self._add(CellResult(c.key, c.claim, Verdict.SKIPPED, message=reason) for c in cells)

    def _job(self, scenario: Scenario, timeout: int, source: Source) -> Mapping[str, object]:
        cells = [cell.key for cell in Plan(self._groups(scenario)).cells]
        flake, _, host = self.choice.flake.partition("#")
        size = scenario.machine
        return {
            "cells": [key.id for key in cells if key.role is Role.CELL],
            "network": self.choice.network,
            "machine": {
                "memory": size.memory,
                "cores": size.cores,
                "disk": size.disk,
                "stick": size.second_disk,
                "bootLoader": size.boot_loader,
            },
            "facts": dict(source.facts),
            "timeout": timeout,
            "base": str(scenario.base.relative_to(scenario.folder)),
            "edits": [str(edit.file.relative_to(scenario.folder)) for edit in scenario.edits],
            "host": {"flake": flake, "name": host} if self.choice.flake else None,
        }

    def _time_left(self) -> int:
        if self.limits.deadline is None:
            return _LONGEST
        left = self.limits.deadline - (time.monotonic() - self.started)
        if left < 60:
            raise DeadlineReached(
                "the deadline passed before all cells were done",
                hint="give --deadline more seconds, or select fewer cells",
            )
        return int(left)

    def _run_driver(self, scenario: Scenario, driver: Path, scratch: Path, timeout: int) -> None:
        """Run the driver to its end and take over what it found, however it ended."""
        out = self.folder / "drivers" / scenario.name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        state = scratch / "s"  # short: sockets lie below it
        state.mkdir(exist_ok=True)
        # Both name the place of the machines' state and disks, in older and newer releases.
        env = {**nix_environment(), "TMPDIR": str(state), "XDG_RUNTIME_DIR": str(state)}
        words = [str(driver / "bin/nixos-test-driver"), "-o", str(out)]
        try:
            with (out / "driver.log").open("wb") as log:
                child = process.spawn(
                    words, env={**env, "PYTHONUNBUFFERED": "1"}, stdout=log, stderr=log
                )
                try:
                    status = self._watch(child.poll, out / "results.jsonl", timeout + _GRACE)
                finally:
                    process.terminate(child, patience=60)
        finally:
            self._take_over(scenario, out)
        if not _begun(out / "results.jsonl"):
            tail = (out / "driver.log").read_text(errors="replace").splitlines()[-20:]
            raise SetupError(
                f"the test driver of {scenario.name} ended with status {status} and no result:\n"
                + "\n".join(tail)
            )

    def _watch(self, poll: object, results: Path, patience: float) -> int | None:
        assert callable(poll)
        began, shown = time.monotonic(), 0
        while (status := poll()) is None:
            if time.monotonic() - began > patience:
                return None
            time.sleep(1)
            self.progress.tick()
            shown = self._show(results, shown)
        self._show(results, shown)
        return int(status)

    def _show(self, results: Path, shown: int) -> int:
        """Tell of the cells that came since; how many there are now."""
        if not _begun(results):
            return shown
        cells = read_log(results).run.cells
        for cell in cells[shown:]:
            self.progress.cell(cell)
        return len(cells)

    def _take_over(self, scenario: Scenario, out: Path) -> None:
        results = out / "results.jsonl"
        if not _begun(results):
            return
        run = read_log(results).run
        logs = f"drivers/{scenario.name}/"
        cells = [replace(cell, log=f"{logs}{cell.log}" if cell.log else "") for cell in run.cells]
        self._add(cells)
        self.run = replace(self.run, branches=(*self.run.branches, *run.branches))
        self._facts(run.facts)
        missing = {c.key: c for c in self.plan.cells if c.key.scenario == scenario.name}
        for cell in self.run.cells:
            missing.pop(cell.key, None)
        message = f"the test driver ended before this cell: {run.message or 'no reason was given'}"
        self._add(
            CellResult(c.key, c.claim, Verdict.ERROR, message=message, trouble=Trouble.MACHINE)
            for c in missing.values()
        )

    def _add(self, cells: Iterable[CellResult]) -> None:
        self.run = replace(self.run, cells=(*self.run.cells, *cells))

    def _facts(self, facts: Mapping[str, str]) -> None:
        self.run = replace(self.run, facts={**self.run.facts, **facts})


def providable(plan: Plan, network: str) -> Plan:
    """The part of *plan* that a network model can provide, with the controls which that needs.

    Raises `NothingToRun` without any.
    """
    part, _ = _divided(plan, network)
    if not part.groups:
        raise NothingToRun(
            f"the network model {network} provides none of the selected cells",
            hint=f"it only provides {', '.join(SUPPORTED[network])}",
        )
    return part


def _divided(plan: Plan, network: str) -> tuple[Plan, tuple[Cell, ...]]:
    """What a network model can provide, and the cells (not their controls) that it cannot."""
    cells = [cell for cell in plan.cells if cell.key.role is Role.CELL]
    fits = [cell.key.id for cell in cells if cell.key.provision in SUPPORTED[network]]
    left_out = tuple(c for c in cells if c.key.provision not in SUPPORTED[network])
    return only(plan, fits), left_out


@dataclass(frozen=True)
class Source:
    """A nixpkgs tree on this host, and what it is."""

    path: Path
    facts: Mapping[str, str]


def check_host(choice: Choice) -> None:
    """Raise `SetupError` when Nix is missing or too old, flakes are off, or KVM cannot be used."""
    text = nix(["nix", "--version"]).strip()
    found = re.search(r"(\d+)\.(\d+)", text)
    if found is None:
        raise SetupError(f"`nix --version` printed no version: {text!r}")
    version = (int(found[1]), int(found[2]))
    flakes = bool(choice.flake) or not _is_path(choice.nixpkgs)
    oldest = OLDEST_WITH_FLAKES if flakes else OLDEST_NIX
    if version < oldest:
        wanted = ".".join(map(str, oldest))
        raise SetupError(f"{text} is too old", hint=f"{wanted} is the oldest that can be used")
    if flakes:
        with _hint("enable flakes: experimental-features = nix-command flakes in nix.conf"):
            nix(["nix-instantiate", "--eval", "-E", "builtins.isFunction builtins.getFlake"])
    if choice.accelerator != "tcg" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
        raise SetupError(
            "KVM cannot be used on this host, and NixOS takes about ten times as long without",
            hint="make /dev/kvm accessible, or say --accelerator tcg",
        )


def fetch_nixpkgs(wanted: str) -> Source:
    """The nixpkgs that a path, a revision of 40 digits or a flake reference names."""
    if _is_path(wanted):
        path = Path(wanted).resolve()
        if not (path / "nixos/lib/testing").is_dir():
            raise UsageError(
                f"{wanted} is no nixpkgs that can be used: it has no nixos/lib/testing",
                hint="NixOS 24.05 is the oldest that is supported",
            )
        return Source(path, {"nixpkgs": str(path.name)})
    reference = f"nixpkgs/{wanted}" if _REVISION.fullmatch(wanted) else wanted
    with _hint("is the reference right, and is the network up?"):
        shown = json.loads(nix(["nix", "flake", "metadata", "--json", reference]))
    revision = shown.get("revision") or shown["locked"].get("narHash", "unknown")
    return Source(Path(shown["path"]), {"nixpkgs": str(revision)})


def build_driver(scenario: Scenario, job: Path, source: Source) -> Path:
    """The test driver of *scenario*; `SetupError` tells an evaluation from a build that failed.

    *job* is a file, for a long list of cells does not fit on a command line.
    """
    arguments = [
        *(str(NIX_FILES / "run.nix"), "-A", "driver"),
        *("--argstr", "nixpkgs", str(source.path)),
        *("--argstr", "scenario", str(scenario.folder), "--argstr", "job", str(job)),
    ]
    evaluates = "this nixpkgs, the scenario's base or one of its edits does not evaluate"
    with _hint(evaluates, UnusableNixpkgsError):
        drv = nix(["nix-instantiate", *arguments]).strip().split("!")[0]
    with _hint("the test itself cannot be built with this nixpkgs", UnusableNixpkgsError):
        return Path(nix(["nix-store", "--realise", drv]).split()[-1])


def _begun(results: Path) -> bool:
    """Whether the engine in the driver has written anything."""
    return results.exists() and results.stat().st_size > 0


def _is_path(wanted: str) -> bool:
    return wanted.startswith((".", "/"))


@contextlib.contextmanager
def _hint(text: str, kind: type[SetupError] = SetupError) -> Iterator[None]:
    try:
        yield
    except process.ProcessError as error:
        raise kind(error.message, hint=text) from error
