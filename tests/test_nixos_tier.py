"""The NixOS tier around the driver: what is skipped, watched, joined, and told when it breaks.

The driver is a program that writes what the engine would; building it is left out, since there is
no nixpkgs here (tests/nixos evaluates the real thing).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import cli, nixos_tier
from harness.errors import DeadlineReached, InputError, SetupError, UsageError
from harness.merge import Part, merge
from harness.nixos_tier import Choice, Source, fetch_nixpkgs, providable, run_nixos
from harness.plan import Plan, plan
from harness.progress import make_progress
from harness.results import Ending, Outcome, Role, RunResult, Verdict
from harness.results.log import read_log
from harness.run import Limits
from harness.scenario import Selection, load_scenario
from harness.strategies import registry
from harness.systems.nixos.demand import Demand, demand, lacking
from harness.testscript import read_job

ROOT = Path(__file__).parents[1]
#: What tests/nixos evaluates; the jobs that are made here have to look the same.
JOB = ROOT / "tests/nixos/job.json"
SELECTION = Selection(system=("nixos",), strategies=("none", "keep-outputs"), edits=("hosts",))

DRIVER = """\
#!{python}
import sys

sys.path[:0] = {path!r}
from dataclasses import replace
from pathlib import Path

from harness.plan import only, plan
from harness.results import CellResult, Ending, RunResult
from harness.results.log import ResultsLog
from harness.scenario import load_scenario
from harness.strategies import registry

out = Path(sys.argv[sys.argv.index("-o") + 1])
scenario = load_scenario(Path({scenario!r}), registry())
cells = only(plan([scenario]), {cells!r}).cells
found = [CellResult(c.key, c.claim, c.claim.verdict, c.claim.cause, log="logs/x") for c in cells]
found = found[: {count}]
run = RunResult("2026-01-01T00:00:00+00:00", 1.0, True, Ending.FINISHED, len(cells), ())
print("the driver's own words")
if {count}:
    with ResultsLog(out / "results.jsonl", run) as log:
        for cell in found:
            log.cell(0.5, cell)
        if {count} >= len(cells):
            log.end(replace(run, cells=tuple(found)))
sys.exit({status})
"""


def _shape(value: object) -> object:
    """The names in a job, without its values."""
    if not isinstance(value, dict):
        return None
    return {name: None if name == "facts" else _shape(inner) for name, inner in value.items()}


@pytest.fixture
def smoke() -> Plan:
    return plan([load_scenario(ROOT / "scenarios/nixos-smoke", registry())], SELECTION)


@pytest.fixture
def started(
    smoke: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., RunResult]:
    """Run the smoke scenario with a driver that finishes *count* cells and ends with *status*."""
    monkeypatch.setattr(nixos_tier, "check_host", lambda _choice: None)
    monkeypatch.setattr(nixos_tier, "lacking", lambda _wanted, _folder: "")
    source = Source(Path("/nixpkgs"), {"nixpkgs": "abcdef"})
    monkeypatch.setattr(nixos_tier, "fetch_nixpkgs", lambda _wanted: source)

    def start(count: int = 99, status: int = 0, deadline: float | None = None) -> RunResult:
        def build(_scenario: object, job: Path, _source: Source) -> Path:
            given = json.loads(job.read_text())
            assert _shape(given) == _shape(json.loads(JOB.read_text()))
            program = tmp_path / "driver/bin/nixos-test-driver"
            program.parent.mkdir(parents=True, exist_ok=True)
            program.write_text(
                DRIVER.format(
                    python=sys.executable,
                    path=sys.path,
                    scenario=str(ROOT / "scenarios/nixos-smoke"),
                    cells=given["cells"],
                    count=count,
                    status=status,
                )
            )
            program.chmod(0o755)
            return program.parent.parent

        monkeypatch.setattr(nixos_tier, "build_driver", build)
        limits = Limits(1, deadline)
        choice = Choice("/nixpkgs")
        return run_nixos(smoke, choice, tmp_path / "r", limits, make_progress())

    return start


def test_cells_are_taken_over_and_foreign_provisions_skipped(
    started: Callable[..., RunResult], smoke: Plan, tmp_path: Path
) -> None:
    run = started()
    claimed = {cell.key for cell in smoke.cells if cell.key.role is Role.CELL}
    assert {cell.key for cell in run.cells if cell.key.role is Role.CELL} == claimed
    assert len(run.cells) == run.planned
    by_provision = {c.key.provision: c.verdict for c in run.cells if c.key.strategy != "none"}
    assert by_provision["cached-all"] is Verdict.SKIPPED
    assert by_provision["cached-packages"] is Verdict.REBUILT
    assert run.complete
    assert run.conclusion is Outcome.PASSED
    assert run.facts["nixpkgs"] == "abcdef"
    written = read_log(tmp_path / "r/results.jsonl").run
    assert written.cells == run.cells
    assert all(c.log.startswith("drivers/nixos-smoke/") for c in run.cells if c.log)


def test_what_runs_has_its_own_controls_when_the_first_provision_is_left_out(
    smoke: Plan, started: Callable[..., RunResult]
) -> None:
    assert smoke.groups[0].provision == "cached-packages"
    part = providable(Plan(smoke.groups), "hermetic")
    edits = {cell.key.edit for group in part.groups for b in group.branches for cell in b.cells}
    assert {cell.key.edit for group in part.groups for cell in group.controls} == edits


def test_a_driver_that_dies_leaves_errors_not_passes(started: Callable[..., RunResult]) -> None:
    run = started(count=1, status=143)
    ran = [cell for cell in run.cells if cell.key.provision == "cached-packages"]
    assert [cell.outcome for cell in ran].count(Outcome.PASSED) == 1
    assert [cell.outcome for cell in ran].count(Outcome.ERROR) == len(ran) - 1 > 0
    assert run.conclusion is Outcome.ERROR


def test_a_driver_without_a_result_is_told_with_its_words(
    started: Callable[..., RunResult], tmp_path: Path
) -> None:
    with pytest.raises(SetupError, match="the driver's own words"):
        started(count=0, status=1)
    run = read_log(tmp_path / "r/results.jsonl").run
    assert run.ended is Ending.ERROR
    assert not run.complete


def test_no_time_is_a_deadline(started: Callable[..., RunResult]) -> None:
    with pytest.raises(DeadlineReached):
        started(deadline=1.0)


def test_what_does_not_fit_is_skipped_before_the_host_is_looked_at(
    smoke: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nixos_tier, "lacking", lambda _wanted, _folder: "too little disk")
    monkeypatch.setattr(nixos_tier, "check_host", lambda _choice: pytest.fail("not reached"))
    choice = Choice("/nowhere")
    run = run_nixos(smoke, choice, tmp_path / "r", Limits(1), make_progress())
    assert {cell.outcome for cell in run.cells} == {Outcome.SKIPPED}
    assert {cell.key for cell in run.cells} >= {
        cell.key for cell in smoke.cells if cell.key.role is Role.CELL
    }
    assert len(run.cells) == run.planned
    assert run.conclusion is Outcome.SKIPPED


def test_a_shard_runs_its_own_cells_and_says_which_it_is(
    tmp_path: Path, started: Callable[..., RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(ROOT / "scenarios/nixos-smoke")
    shards = []
    for index in (1, 2):
        report = tmp_path / f"shard-{index}"
        words = ["run", "--tier", "nixos", "--shard", f"{index}/2", "--report-dir", str(report)]
        started()  # puts the driver in place
        assert cli.main([*words, "--strategy=none,keep-outputs", "--nixpkgs=/nixpkgs", folder]) == 0
        shards.append(Part(f"shard {index}", read_log(report / "results.jsonl").run))
    whole = plan(
        [load_scenario(Path(folder), registry())],
        Selection(("nixos",), ("cached-packages",), ("none", "keep-outputs")),
    )
    merged = merge(shards).run
    assert merged.complete, merged.message
    wanted = {cell.key for cell in whole.cells if cell.key.role is Role.CELL}
    assert {cell.key for cell in merged.cells if cell.key.role is Role.CELL} == wanted


def test_demand_grows_with_strategies_that_realise_everything(smoke: Plan) -> None:
    everything = plan(
        [load_scenario(ROOT / "scenarios/nixos-smoke", registry())], Selection(system=("nixos",))
    )
    assert demand(smoke.groups).memory == 4096 + 2048
    assert demand(smoke.groups).disk == demand(everything.groups).disk < 14 * 1024
    assert "of disk are wanted" in lacking(Demand(1, 1 << 40), ROOT)
    assert "of memory are wanted" in lacking(Demand(1 << 40, 1), ROOT)
    assert lacking(Demand(1, 1), ROOT) == ""


def test_a_folder_that_is_no_nixpkgs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no nixpkgs"):
        fetch_nixpkgs(str(tmp_path))


def test_a_job_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    job = {
        "scenario": str(ROOT / "scenarios/nixos-smoke"),
        "select": {"strategies": ["keep-outputs"], "edits": ["hosts"]},
        "cells": None,
        "tree": "/nix/store/x",
        "settings": {"card": "eth1"},
        "published": "",
        "facts": {},
    }
    file.write_text(json.dumps(job))
    cells = read_job(file).plan().cells
    assert {cell.key.system for cell in cells} == {"nixos"}
    assert {cell.key.edit for cell in cells} == {"hosts"}
    one = next(cell.key.id for cell in cells if cell.key.role is Role.CELL)
    file.write_text(json.dumps({**job, "cells": [one]}))
    wanted = [cell for cell in read_job(file).plan().cells if cell.key.role is Role.CELL]
    assert [cell.key.id for cell in wanted] == [one]
    file.write_text(json.dumps({**job, "cells": [f"{one}x"]}))
    with pytest.raises(UsageError, match="did you mean"):
        read_job(file).plan()


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"scenario": "x", "select": 3}', '{"select": {"colour": ["red"]}}']
)
def test_what_is_no_job_is_a_clear_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "job.json"
    file.write_text(text)
    with pytest.raises(InputError, match="no job"):
        read_job(file)


def test_the_nixos_tier_does_without_what_only_the_embedded_one_needs() -> None:
    program = (
        "import sys; sys.modules['qemu'] = sys.modules['qemu.qmp'] = None;"
        " import harness.commands.run, harness.testscript, harness.internet.node"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
