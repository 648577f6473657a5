"""Shards joined: nothing twice, nothing missing unsaid, and reports in every case."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from junitparser import JUnitXml

from harness.cli import main
from harness.merge import NotOneRunError, Part, merge, shard_facts
from harness.plan import Plan, plan, shard
from harness.results import (
    Claim,
    Ending,
    Outcome,
    Role,
    Verdict,
    Witness,
)
from harness.results.document import read_results, render
from harness.scenario import Scenario
from tests.finished import ran

ROOT = Path(__file__).parent.parent
LEAK = Witness("internet-silent", False, "1 connection")


def shards(whole: Plan, count: int) -> list[Part]:
    return [
        Part(
            f"shard {index}",
            ran(shard(whole, index, count), shard_facts(whole, index, count), f"12:0{index}"),
        )
        for index in range(1, count + 1)
    ]


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_shards_make_the_whole_run(whole: Plan, count: int) -> None:
    run = merge(shards(whole, count)).run
    planned = {c.key for c in whole.cells if c.key.role is Role.CELL}
    assert {c.key for c in run.cells if c.key.role is Role.CELL} == planned
    assert len({cell.key for cell in run.cells}) == len(run.cells)
    assert len({branch.key for branch in run.branches}) == len(run.branches)
    assert run.complete
    assert run.conclusion is Outcome.PASSED
    assert run.planned == len(run.cells)
    assert run.seconds == 60.0 * count
    assert run.started.startswith("2026-03-01T12:01")
    assert "shard" not in run.facts
    assert run.facts["host-kernel"].count(",") == count - 1


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_any_order_and_any_gap(whole: Plan, size: int) -> None:
    parts = shards(whole, 4)
    for kept in itertools.permutations(parts, size):
        run = merge(kept).run
        assert run.complete == (size == 4)
        assert (run.conclusion is Outcome.PASSED) == run.complete
        for part in parts:
            said = f"{part.name}/4 is missing" in run.message
            assert said == (part not in kept)


def test_a_shard_given_twice(whole: Plan) -> None:
    parts = shards(whole, 3)
    with pytest.raises(NotOneRunError, match=r"overlap: .* is in shard 1 and in shard 1"):
        merge([*parts, parts[0]])


def test_an_empty_shard_given_twice(whole: Plan) -> None:
    parts = shards(whole, 3)
    empty = Part("again", replace(parts[0].run, cells=(), branches=(), complete=False, planned=3))
    with pytest.raises(NotOneRunError, match="overlap: shard 1/3 is there twice"):
        merge([*parts, empty])


def test_shards_cut_in_different_ways(whole: Plan) -> None:
    thirds, halves = shards(whole, 3), shards(whole, 2)
    with pytest.raises(NotOneRunError, match=r"no shards of one run|overlap"):
        merge([thirds[0], halves[1]])


def test_shards_of_other_plans_are_refused(whole: Plan, scenarios: tuple[Scenario, ...]) -> None:
    other = plan(scenarios[:1])
    with pytest.raises(NotOneRunError, match="different experiments: plan"):
        merge([shards(whole, 2)[0], *shards(other, 2)[1:]])


@pytest.mark.parametrize("word", ["7/3", "x/3", "1/x", "1/99999999999999", "0/3", "1", "", "²/3"])
def test_nonsense_for_a_shard(whole: Plan, word: str) -> None:
    part = shards(whole, 3)[0]
    with pytest.raises(NotOneRunError, match="no shards of one run"):
        merge([Part("odd", replace(part.run, facts={**part.run.facts, "shard": word}))])


def test_a_stranger_among_shards(whole: Plan) -> None:
    parts = shards(whole, 2)
    stranger = replace(parts[1].run, facts={"harness": "0.1.0", "protocol": "1"})
    with pytest.raises(NotOneRunError, match="stranger is no shard"):
        merge([parts[0], Part("stranger", stranger)])


@pytest.mark.parametrize("fact", ["harness", "protocol", "image", "pocket", "package nix-bin"])
def test_parts_of_different_experiments(whole: Plan, fact: str) -> None:
    parts = shards(whole, 2)
    runs = [
        replace(part.run, facts={**part.run.facts, fact: str(number)})
        for number, part in enumerate(parts)
    ]
    with pytest.raises(NotOneRunError, match=f"different experiments: {fact} is 0 and 1"):
        merge([Part(str(number), run) for number, run in enumerate(runs)])


def test_scenario_files_that_differ(whole: Plan) -> None:
    parts = shards(whole, 4)
    name = next(iter(parts[1].run.scenarios))
    other = replace(parts[1].run, scenarios={**parts[1].run.scenarios, name: "other"})
    first = replace(parts[0].run, scenarios={**parts[0].run.scenarios, name: "this"})
    with pytest.raises(NotOneRunError, match="differ from those of another part"):
        merge([Part("a", first), Part("b", other)])


def test_an_unfinished_shard_makes_an_unfinished_run(whole: Plan) -> None:
    parts = shards(whole, 2)
    late = replace(
        parts[1].run,
        cells=parts[1].run.cells[:-2],
        complete=False,
        ended=Ending.DEADLINE,
        message="late",
    )
    run = merge([parts[0], Part("second", late)]).run
    assert not run.complete
    assert run.ended is Ending.DEADLINE
    assert "second is incomplete (deadline)" in run.message
    assert run.planned > len(run.cells)


def test_a_shard_that_lost_cells_unnoticed(whole: Plan) -> None:
    parts = shards(whole, 2)
    cells = [c for c in parts[1].run.cells if c.key.role is Role.CELL]
    poor = replace(parts[1].run, cells=tuple(c for c in parts[1].run.cells if c is not cells[0]))
    run = merge([parts[0], Part("second", replace(poor, planned=len(poor.cells)))]).run
    assert not run.complete
    assert "cells of the plan are there" in run.message


def shared_control(parts: Sequence[Part]) -> tuple[int, int]:
    """Two parts that hold the same control."""
    for one, other in itertools.combinations(range(len(parts)), 2):
        keys = [{c.key for c in parts[n].run.cells} for n in (one, other)]
        if keys[0] & keys[1]:
            return one, other
    raise AssertionError("no control is shared")


@pytest.mark.parametrize("bad", [0, 1])
def test_the_worst_of_a_shared_control_is_kept(whole: Plan, bad: int) -> None:
    parts = shards(whole, 9)
    pair = shared_control(parts)
    keys = [{c.key for c in parts[n].run.cells} for n in pair]
    key = min(keys[0] & keys[1])
    run = parts[pair[bad]].run
    cells = (
        replace(c, verdict=Verdict.ERROR, cause=None) if c.key == key else c for c in run.cells
    )
    parts[pair[bad]] = Part("bad", replace(run, cells=tuple(cells)))
    merged = merge(parts)
    (kept,) = (cell for cell in merged.run.cells if cell.key == key)
    assert kept.outcome is Outcome.ERROR
    assert merged.origin[key] == pair[bad]
    assert merged.run.conclusion is Outcome.ERROR


def test_the_branch_with_cells_is_kept_and_not_that_of_a_control(whole: Plan) -> None:
    parts = shards(whole, 9)
    owners = {
        cell.key.branch: number
        for number, part in enumerate(parts)
        for cell in part.run.cells
        if cell.key.role is Role.CELL
    }
    marked = [
        Part(p.name, replace(p.run, branches=tuple(replace(b, bundle=n) for b in p.run.branches)))
        for n, p in enumerate(parts)
    ]
    for order in (marked, marked[::-1]):
        for branch in merge(order).run.branches:
            assert branch.bundle == owners.get(branch.key, branch.bundle)


def test_cells_of_one_branch_in_two_parts(whole: Plan) -> None:
    run = ran(whole)
    branch = max(run.branches, key=lambda b: sum(c.key.branch == b.key for c in run.cells))
    mine = [c for c in run.cells if c.key.branch == branch.key and c.key.role is Role.CELL]
    halves = [
        replace(run, cells=tuple(part), branches=(branch,), planned=len(part))
        for part in (mine[:1], mine[1:])
    ]
    with pytest.raises(NotOneRunError, match="several parts hold cells of the branch"):
        merge([Part(str(n), half) for n, half in enumerate(halves)])


def test_whole_runs_of_different_scenarios(scenarios: tuple[Scenario, ...]) -> None:
    runs = [ran(plan([scenario])) for scenario in scenarios]
    merged = merge([Part(str(n), run) for n, run in enumerate(runs)]).run
    assert merged.complete
    assert len(merged.scenarios) == len(scenarios)
    assert len(merged.cells) == sum(len(run.cells) for run in runs)


def test_nothing_to_merge() -> None:
    with pytest.raises(NotOneRunError, match="nothing to merge"):
        merge([])


def stored(part: Part, folder: Path) -> str:
    """The part as a report folder, with the logs of its cells."""
    cells = tuple(replace(c, log=f"logs/{c.key.id}.log") for c in part.run.cells)
    for cell in cells:
        path = folder / cell.log
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{part.name}: {cell.key.id}")
    (folder / "results.json").write_text(render(replace(part.run, cells=cells)))
    return str(folder)


def test_the_command_brings_the_logs_along(
    whole: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [stored(part, tmp_path / str(n)) for n, part in enumerate(shards(whole, 3))]
    out = tmp_path / "out"
    assert (
        main(["merge", *folders[:2], f"{folders[2]}/results.json", "--report-dir", str(out)]) == 0
    )
    run = read_results(out / "results.json")
    for cell in run.cells:
        assert (out / cell.log).read_text().endswith(cell.key.id)
    assert JUnitXml.fromfile(str(out / "junit.xml")).errors == 0
    assert "Offline rebuild" in (out / "summary.md").read_text()
    assert capsys.readouterr().out


def test_the_command_with_a_missing_shard(
    whole: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [stored(part, tmp_path / str(n)) for n, part in enumerate(shards(whole, 3))]
    out = tmp_path / "out"
    assert main(["merge", folders[0], folders[2], "--report-dir", str(out)]) == 4
    assert "shard 2/3 is missing" in capsys.readouterr().err
    assert JUnitXml.fromfile(str(out / "junit.xml")).errors == 1
    assert not read_results(out / "results.json").complete


def test_the_command_with_an_overlap(
    whole: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stored(shards(whole, 2)[0], tmp_path / "one")
    out = tmp_path / "out"
    assert main(["merge", folder, folder, "--report-dir", str(out)]) == 2
    assert "overlap" in capsys.readouterr().err
    assert JUnitXml.fromfile(str(out / "junit.xml")).errors == 1
    assert main(["merge", folder, "--report-dir", folder]) == 2
    assert "would be overwritten" in capsys.readouterr().err


def test_a_mistake_does_not_lose_what_was_merged_before(whole: Plan, tmp_path: Path) -> None:
    out = tmp_path / "out"
    folders = [stored(shard, tmp_path / str(n)) for n, shard in enumerate(shards(whole, 2))]
    assert main(["merge", *folders, "--report-dir", str(out)]) == 0
    good = (out / "results.json").read_bytes()
    assert main(["merge", "nowhere", "--report-dir", str(out)]) == 2
    assert (out / "results.json.earlier").read_bytes() == good
    assert JUnitXml.fromfile(str(out / "junit.xml")).errors == 1


def test_a_log_that_leads_elsewhere_is_left_behind(whole: Plan, tmp_path: Path) -> None:
    [shard] = shards(whole, 1)
    folder = Path(stored(shard, tmp_path / "one"))
    log = next((folder / "logs").rglob("*.log"))
    secret = tmp_path / "secret"
    secret.write_text("of the host")
    log.unlink()
    log.symlink_to(secret)
    out = tmp_path / "out"
    assert main(["merge", str(folder), "--report-dir", str(out)]) == 0
    assert not any("of the host" in file.read_text() for file in out.rglob("*") if file.is_file())


def test_the_command_with_a_damaged_file(
    whole: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = stored(shards(whole, 2)[0], tmp_path / "one")
    file = Path(folder) / "results.json"
    file.write_text(file.read_text()[:-100])
    out = tmp_path / "out"
    assert main(["merge", folder, "--report-dir", str(out)]) == 2
    assert "results.json:" in capsys.readouterr().err
    assert "could not be merged" in (out / "junit.xml").read_text()


def test_a_claim_that_fails_in_one_shard_is_the_verdict_of_all(whole: Plan, tmp_path: Path) -> None:
    parts = shards(whole, 2)
    wrong = [c.key.role is Role.CELL and c.verdict is Verdict.FAILED for c in parts[0].run.cells]
    cells = list(parts[0].run.cells)
    where = wrong.index(True)
    cells[where] = replace(cells[where], claim=Claim(Verdict.REBUILT))
    parts[0] = Part("wrong", replace(parts[0].run, cells=tuple(cells)))
    folders = [stored(part, tmp_path / str(n)) for n, part in enumerate(parts)]
    assert main(["merge", *folders, "--report-dir", str(tmp_path / "out")]) == 1
