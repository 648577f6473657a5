"""What `harness plan --shards` and `run --shard` share out."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import main
from harness.commands.planning import own_shard
from harness.errors import HarnessError, UsageError
from harness.merge import NotOneRunError
from harness.plan import Plan, shard
from harness.results import (
    Role,
    Witness,
)
from harness.results.document import render
from tests.finished import ran

ROOT = Path(__file__).parent.parent
LEAK = Witness("internet-silent", False, "1 connection")


def test_the_plan_as_a_job_matrix(capsys: pytest.CaptureFixture[str], whole: Plan) -> None:
    root = ["--scenarios", str(ROOT / "scenarios")]
    assert main(["plan", *root, "--shards", "4", "--format", "json"]) == 0
    text = capsys.readouterr().out
    assert text.count("\n") == 1
    include = json.loads(text)["include"]
    assert [entry["shard"] for entry in include] == ["1/4", "2/4", "3/4", "4/4"]
    assert include[0]["name"] == "shard-1-of-4"
    planned = sum(1 for cell in whole.cells if cell.key.role is Role.CELL)
    assert sum(entry["cells"] for entry in include) == planned
    assert main(["plan", *root, "--shards", "2"]) == 0
    assert capsys.readouterr().out.startswith("1/2: ")


def test_more_shards_than_a_job_matrix_may_have(capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--scenarios", str(ROOT / "scenarios")]
    assert main(["plan", "smoke", *root, "--shards", "257", "--format", "json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "256" in captured.err


def test_no_more_shards_than_branches(capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--scenarios", str(ROOT / "scenarios")]
    assert main(["plan", "smoke", *root, "--shards", "200", "--format", "json"]) == 0
    captured = capsys.readouterr()
    include = json.loads(captured.out)["include"]
    assert "no more branches" in captured.err
    assert {entry["shard"].split("/")[1] for entry in include} == {str(len(include))}


def test_shards_are_balanced_by_an_earlier_run(
    whole: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ran(whole)
    first = next(c.key.branch for c in run.cells if c.key.role is Role.CELL)
    slow = (replace(c, seconds=1000.0 if c.key.branch == first else 1.0) for c in run.cells)
    (tmp_path / "results.json").write_text(render(replace(run, cells=tuple(slow))))
    root = ["--scenarios", str(ROOT / "scenarios"), "--shards", "2", "--format", "json"]
    assert main(["plan", *root]) == 0
    even = json.loads(capsys.readouterr().out)["include"]
    assert main(["plan", *root, "--timings", str(tmp_path)]) == 0
    balanced = json.loads(capsys.readouterr().out)["include"]
    assert balanced[0]["cells"] < even[0]["cells"]
    assert sum(e["cells"] for e in balanced) == sum(e["cells"] for e in even)


@pytest.mark.parametrize("word", ["0/2", "3/2", "1", "a/b", "1/2/3", "-1/2", "", "1/0"])
def test_a_shard_that_is_none(word: str) -> None:
    assert main(["run", f"--shard={word}"]) == 2


@pytest.mark.parametrize(("shard_of", "timings"), [((2, 3), None), (None, None)])
def test_what_a_run_takes_of_the_plan(
    whole: Plan, shard_of: tuple[int, int] | None, timings: str | None
) -> None:
    mine, facts = own_shard(whole, _asked(shard_of, timings))
    if shard_of is None:
        assert (mine, facts) == (whole, {})
    else:
        assert mine == shard(whole, *shard_of)
        assert facts["shard"] == "2/3"


def _asked(shard_of: tuple[int, int] | None, timings: str | None) -> argparse.Namespace:
    return argparse.Namespace(tier="embedded", shard=shard_of, timings=timings)


def test_timings_without_a_shard_are_a_mistake(whole: Plan) -> None:
    with pytest.raises(UsageError, match="no --shard"):
        own_shard(whole, _asked(None, "results.json"))


def test_errors_are_for_users() -> None:
    assert issubclass(NotOneRunError, HarnessError)
