"""The action's own scripts, run step by step under a stand-in for the runner."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from harness.cli import main
from harness.reports import write_reports
from harness.results import Cause, CellKey, CellResult, Claim, Ending, RunResult, Verdict
from tests.github.runner import ACTION, Done, Runner
from tests.test_annotations import commands

KEY = CellKey("smoke", "pocket", "built", "keep-outputs", "kept", "down", "nix-build", "", "hosts")
CLAIM = Claim(Verdict.REBUILT, None, "scenarios/smoke/scenario.yaml", 7)
GOOD = CellResult(KEY, CLAIM, Verdict.REBUILT)
BAD = CellResult(KEY, CLAIM, Verdict.FAILED, Cause.BUILD_MISS, "no jq", log_tail="::error::evil")
ERROR = CellResult(KEY, CLAIM, Verdict.ERROR, message="no boot")


def run(*cells: CellResult) -> RunResult:
    return RunResult(
        started="2026-03-01T12:00:00+00:00",
        seconds=1.0,
        complete=True,
        ended=Ending.FINISHED,
        planned=len(cells),
        cells=cells,
        scenarios={"smoke": "digest"},
    )


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


def use(runner: Runner, **inputs: str) -> Done:
    return runner.use(**{"kvm": "off", **inputs})


def test_a_good_run(runner: Runner) -> None:
    runner.prepare("head", run(GOOD))
    done = use(runner)
    assert not done.failed
    expected = {"conclusion": "passed", "passed": "1", "failed": "0", "errors": "0", "skipped": "0"}
    assert expected.items() <= done.outputs.items()
    assert (runner.workspace / done.outputs["junit-path"]).exists() is False  # run writes it
    assert (runner.workspace / done.outputs["json-path"]).exists()
    assert done.summary.startswith("# Offline rebuild: ")
    assert "error" not in commands(done.printed.splitlines())


def test_a_claim_that_fails(runner: Runner) -> None:
    runner.prepare("head", run(BAD))
    done = use(runner)
    assert done.statuses["Publish the results"] == 1
    assert done.outputs["conclusion"] == "failed"
    assert "::error file=scenarios/smoke/scenario.yaml,line=7,title=claim failed::" in done.printed
    assert commands(done.printed.splitlines()).count("error") == 1
    assert "no jq" in done.summary


@pytest.mark.parametrize(
    ("fail_on", "cell", "status"),
    [
        ("failures", BAD, 1),
        ("failures", ERROR, 4),
        ("errors", BAD, 0),
        ("errors", ERROR, 4),
        ("nothing", BAD, 0),
        ("nothing", ERROR, 0),
    ],
)
def test_what_it_fails_on(runner: Runner, fail_on: str, cell: CellResult, status: int) -> None:
    runner.prepare("head", run(cell))
    assert use(runner, fail_on=fail_on).statuses["Publish the results"] == status


def test_a_run_that_left_nothing_is_told_and_leaves_reports(runner: Runner) -> None:
    done = use(runner)
    assert done.statuses["Publish the results"] == 4
    assert done.outputs["conclusion"] == "error"
    assert "there are no results" in done.printed
    assert (runner.workspace / done.outputs["junit-path"]).exists()
    assert "Incomplete" in done.summary


def test_results_of_an_earlier_run_are_not_believed(runner: Runner) -> None:
    runner.prepare("head", run(GOOD))
    assert not use(runner).failed
    (runner.folder / "temp/head.json").unlink()
    assert use(runner).outputs["conclusion"] == "error"


def test_arguments_reach_the_harness_whole(runner: Runner) -> None:
    runner.prepare("head", run(GOOD))
    odd = "smoke  a*b\n$(touch hacked) `touch hacked` ;x"
    done = use(
        runner, scenarios=odd, strategies="none,$(touch hacked)", shard="1/2", timeout_minutes="15"
    )
    assert not done.failed
    (arguments,) = runner.runs
    words = arguments[arguments.index("--") + 1 :]
    assert words == ["smoke", "a*b", "$(touch", "hacked)", "`touch", "hacked`", ";x"]
    assert "--strategy=none,$(touch hacked)" in arguments
    assert "--shard=1/2" in arguments
    assert arguments[arguments.index("--accelerator") + 1] == "tcg"
    assert 0 < int(arguments[arguments.index("--deadline") + 1]) <= 600
    assert not list(runner.folder.rglob("hacked"))


def test_the_nixos_tier(runner: Runner) -> None:
    runner.prepare("head", run(GOOD))
    use(runner, tier="nixos", nixpkgs="nixos-25.11", flake=".#host")
    assert {"--tier", "nixos", "--nixpkgs=nixos-25.11", "--flake=.#host"} <= set(runner.runs[0])


def test_all_scenarios(runner: Runner) -> None:
    runner.prepare("head", run(GOOD))
    use(runner, scenarios="")
    assert runner.runs[0][-1] == "--"


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({"tier": "docker"}, "tier is 'docker'"),
        ({"fail_on": "everything"}, "fail-on"),
        ({"fail_on": "regressions"}, "needs a base"),
        ({"kvm": "maybe"}, "kvm is 'maybe'"),
        ({"timeout_minutes": "5"}, "from 6 up"),
        ({"timeout_minutes": "soon"}, "from 6 up"),
        ({"timeout_minutes": "a[$(touch hacked)]"}, "from 6 up"),
        ({"annotations": "10"}, "annotations"),
        ({"job_summary": "yes"}, "job-summary"),
        ({"free_disk": ""}, "free-disk"),
        ({"shards": "2", "shard": "1/2"}, "only one of the two"),
        ({"nixpkgs": "nixos-25.11"}, "for tier: nixos"),
        ({"flake": ".#host"}, "for tier: nixos"),
        ({"tier": "nixos", "tree": "pocket"}, "for tier: embedded"),
        ({"tier": "x\n::warning::injected%"}, "x%0A::warning::injected%25"),
    ],
)
def test_bad_inputs(runner: Runner, inputs: dict[str, str], word: str) -> None:
    runner.prepare("head", run(GOOD))
    done = use(runner, **inputs)
    assert done.statuses["Check the inputs and the host"] == 2
    assert word in done.printed
    assert not runner.runs
    assert not list(runner.folder.rglob("hacked"))
    assert commands(done.printed.splitlines())[0] == "error"
    assert "warning" not in commands(done.printed.splitlines())


def test_shards_are_planned_and_nothing_is_run(runner: Runner) -> None:
    done = use(runner, scenarios="strategies", shards="3")
    assert not done.failed
    include = json.loads(done.outputs["matrix"])["include"]
    assert [entry["shard"] for entry in include] == ["1/3", "2/3", "3/3"]
    assert not runner.runs
    assert done.outputs["conclusion"] == ""


def test_shards_that_cannot_be_planned(runner: Runner) -> None:
    done = use(runner, scenarios="strategies", shards="100000")
    assert done.statuses["Plan the shards"] == 2
    assert done.outputs["matrix"] == ""


def git(folder: Path, *words: str) -> str:
    config = ["-c", "user.name=A", "-c", "user.email=a@example.invalid"]
    done = subprocess.run(
        ["git", "-C", str(folder), *config, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def history(runner: Runner) -> tuple[str, str]:
    """Two commits in the workspace: base and head."""
    git(runner.workspace, "init", "--quiet")
    commits = []
    for name in ("base", "head"):
        (runner.workspace / "pocket").mkdir(exist_ok=True)
        (runner.workspace / "pocket/file").write_text(name)
        git(runner.workspace, "add", "-A")
        git(runner.workspace, "commit", "--quiet", "-m", name)
        commits.append(git(runner.workspace, "rev-parse", "HEAD"))
    return commits[0], commits[1]


def test_base_against_head(runner: Runner, history: tuple[str, str]) -> None:
    runner.prepare("base", run(GOOD))
    runner.prepare("head", run(BAD))
    done = use(runner, base=history[0], tree="pocket", fail_on="regressions")
    assert done.statuses["Publish the results"] == 1
    assert done.outputs["comparison"] == "failed"
    assert "newly broken (1)" in done.printed
    assert "base against head" in done.summary
    base, head = runner.runs
    assert f"--tree={runner.folder}/temp/offline-rebuild/base/pocket" in base
    assert f"--tree={runner.workspace}/pocket" in head
    assert (runner.workspace / "offline-rebuild-report/compare-junit.xml").exists()
    assert "offline-rebuild/base" not in git(runner.workspace, "worktree", "list")


def test_no_regression(runner: Runner, history: tuple[str, str]) -> None:
    runner.prepare("base", run(BAD))
    runner.prepare("head", run(BAD))
    done = use(runner, base=history[0], fail_on="regressions")
    assert not done.failed
    assert done.outputs["comparison"] == "passed"
    assert use(runner, base=history[0]).statuses["Publish the results"] == 1


def test_a_base_run_that_left_nothing_is_no_pass(runner: Runner, history: tuple[str, str]) -> None:
    runner.prepare("head", run(GOOD))
    done = use(runner, base=history[0], fail_on="regressions")
    assert done.outputs["comparison"] == "error"
    assert done.statuses["Publish the results"] == 4


@pytest.mark.parametrize("base", ["nonsense", "--output=x", "HEAD:pocket"])
def test_a_base_that_is_no_commit(runner: Runner, history: tuple[str, str], base: str) -> None:
    assert history
    done = use(runner, base=base)
    assert done.statuses["Run the scenarios"] == 2
    assert "there is no commit" in done.printed
    assert not runner.runs


def test_the_summary_can_be_left_alone(runner: Runner) -> None:
    runner.prepare("head", run(BAD))
    done = use(runner, job_summary="false", annotations="0")
    assert done.summary == ""
    assert "error" not in commands(done.printed.splitlines())


def test_an_unwritable_summary_is_told_and_changes_nothing(tmp_path: Path) -> None:
    runner = Runner(tmp_path, {"GITEA_STEP_SUMMARY": "/nonexistent/summary"})
    runner.prepare("head", run(GOOD))
    done = use(runner)
    assert not done.failed
    assert "warning: cannot write /nonexistent/summary" in done.printed
    assert done.outputs["conclusion"] == "passed"


def test_without_the_runners_variables(runner: Runner) -> None:
    """By hand, or on a forge that sets other names: the verdict is the same."""
    runner.prepare("head", run(BAD))
    use(runner)
    environment = {
        "PATH": "/usr/bin:/bin",
        "RUNNER_TEMP": str(runner.folder / "temp"),
        "INPUT_BASE": "",
        "INPUT_FAIL_ON": "failures",
        "INPUT_REPORT_DIR": "offline-rebuild-report",
        "INPUT_JOB_SUMMARY": "true",
        "INPUT_ANNOTATIONS": "9",
    }
    done = subprocess.run(
        [str(ACTION / "publish.sh")],
        cwd=runner.workspace,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "::" not in done.stdout
    assert "GITHUB_STEP_SUMMARY is not set" in done.stderr


def test_a_harness_that_could_not_be_installed(runner: Runner) -> None:
    runner.harness.unlink()
    done = use(runner)
    assert done.statuses["Publish the results"] == 4
    assert done.outputs["conclusion"] == "error"


def test_a_summary_that_is_full(runner: Runner, tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.write_text("x" * 1024 * 1024)
    crowded = Runner(tmp_path, {"FORGEJO_STEP_SUMMARY": str(full)})
    crowded.prepare("head", run(GOOD))
    done = use(crowded)
    assert not done.failed
    assert "the job summary is full" in done.printed
    assert full.stat().st_size == 1024 * 1024


@pytest.mark.parametrize("text", ["", "{", '{"format": "other"}', "\x00"])
def test_results_that_cannot_be_read_are_kept_aside(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results.json").write_text(text)
    assert main(["publish", "--report-dir", str(tmp_path)]) == 4
    assert (tmp_path / "results.json.unreadable").read_text() == text
    assert "there are no results" in (tmp_path / "junit.xml").read_text()


def test_regressions_need_something_to_compare_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["publish", "--fail-on", "regressions"]) == 2
    assert "--base-dir" in capsys.readouterr().err


def test_a_killed_run_is_told_from_its_log(runner: Runner) -> None:
    """`harness publish` reads the log of a run that could not write its reports any more."""
    from harness.results.log import ResultsLog

    folder = runner.workspace / "report"
    folder.mkdir()
    part = replace(run(GOOD), complete=False, ended=Ending.RUNNING, planned=3, cells=())
    write_reports(part, folder)  # as a run does before its first cell
    with ResultsLog(folder / "results.jsonl", part) as log:
        log.cell(1.0, GOOD)
    harness = [str(runner.harness), "publish", "--report-dir", str(folder)]
    environment = {"PATH": "/usr/bin:/bin", "RUNNER_TEMP": str(runner.folder / "temp")}
    done = subprocess.run(harness, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert "incomplete" in (folder / "junit.xml").read_text()
    assert "1 of 3 cells" in (folder / "junit.xml").read_text()


def test_the_base_to_compare_with_is_only_read(tmp_path: Path) -> None:
    base, head = tmp_path / "base", tmp_path / "head"
    write_reports(run(GOOD), head)
    base.mkdir()
    (base / "results.json").write_text('{"format": "offline-rebuild-results", "schema": 99}')
    before = {file.name: file.read_bytes() for file in base.iterdir()}
    words = ["--report-dir", str(head), "--base-dir", str(base), "--fail-on", "regressions"]
    assert main(["publish", *words]) == 4
    assert {file.name: file.read_bytes() for file in base.iterdir()} == before
