"""`harness bisect` and `harness bisect-step` as a user calls them, with a scripted runner."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.bisect.judgement import Sought, judge
from harness.bisect.steps import Runner, Steps
from harness.cli import main
from harness.results.document import render
from tests.bisect.scripted import run_of, runner

if TYPE_CHECKING:
    from tests.bisect.conftest import History

SCENARIOS = ["--scenarios", str(Path(__file__).parent.parent.parent / "scenarios")]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """No machines: a revision's fate is in a file of it."""

    def make(_question: object) -> Runner:
        return runner

    monkeypatch.setattr("harness.commands.bisect.runner_of", make)
    monkeypatch.setattr("harness.commands.bisect_step.runner_of", make)


def bisect(history: History, good: str, *words: str) -> int:
    folder = str(history.root.parent / "reports")
    fixed = ["--repo", str(history.root), "--tree", "pocket", "--report-dir", folder]
    return main(["bisect", "smoke", "--good", good, *fixed, *SCENARIOS, *words])


@pytest.mark.usefixtures("scripted")
def test_two_neighbours_need_no_step(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    commits = history.commits("good", "bad")
    assert bisect(history, commits[0]) == 0
    captured = capsys.readouterr()
    assert f"first bad commit: {commits[1]}" in captured.out
    assert "all claims hold" in captured.err
    folder = history.root.parent / "reports"
    assert json.loads((folder / "bisect.json").read_text())["first-bad"]["commit"] == commits[1]


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize(
    ("fates", "code", "word"),
    [
        (("bad", "bad"), 2, "is bad"),
        (("good", "good"), 2, "is good"),
        (("good", "no-boot"), 4, "cannot be tested"),
        (("good", "no-qemu"), 4, "qemu is not installed"),
    ],
)
def test_a_bisection_that_fails_leaves_a_report(
    history: History,
    fates: tuple[str, str],
    code: int,
    word: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commits = history.commits(*fates)
    assert bisect(history, commits[0]) == code
    assert word in capsys.readouterr().err
    folder = history.root.parent / "reports"
    assert word in json.loads((folder / "bisect.json").read_text())["error"]
    assert word in (folder / "bisect.md").read_text()


@pytest.mark.usefixtures("scripted")
def test_the_report_of_another_bisection_is_left_alone(history: History) -> None:
    commits = history.commits("good", "bad")
    assert bisect(history, commits[0]) == 0
    before = (history.root.parent / "reports/bisect.json").read_text()
    assert bisect(history, commits[0], "--edit", "hosts") == 2
    assert (history.root.parent / "reports/bisect.json").read_text() == before


def test_without_a_pocket_system_nothing_can_be_tested(history: History) -> None:
    """With the real runner: it ends before a machine would be made."""
    commits = history.commits("good", "bad")
    assert bisect(history, commits[0]) == 4
    report = json.loads((history.root.parent / "reports/bisect.json").read_text())
    assert "pocket has no folder tree" in report["error"]


def test_git_starts_the_real_step(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    """The ends are known from before; what lies between has no pocket system to put in a machine.

    A `harness` package in the checkout, as in this project's own history, is not what judges.
    """
    (history.root / "harness").mkdir()
    (history.root / "harness/__init__.py").write_text("raise SystemExit(1)")
    commits = history.commits("good", "absent", "absent", "bad")
    steps = Steps(history.root.parent / "reports")
    for commit, fate in ((commits[0], "good"), (commits[-1], "bad")):
        steps.record(commit, judge(run_of(fate), Sought()))
        (steps.reports(commit) / "results.json").write_text(render(run_of(fate)))
    assert bisect(history, commits[0]) == 4
    captured = capsys.readouterr()
    assert "the first bad commit is one of these" in captured.out
    assert all(commit[:12] in captured.out for commit in commits[1:])
    log = (history.root.parent / "reports/git-bisect.log").read_text()
    assert "skip" in log
    reasons = [decision.reason for decision in steps.all().values()]
    assert reasons.count("pocket has no folder tree here") == 2


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize(
    ("fate", "status"),
    [
        ("good", 0),
        ("bad", 1),
        ("other-missing", 125),
        ("does-not-build", 125),
        ("no-kvm", 129),
        ("no-qemu", 129),
        ("crash", 129),
    ],
)
def test_a_step_of_a_bisection(
    history: History, fate: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = history.commits("good", "bad")
    assert bisect(history, commits[0]) == 0
    history.commit(fate)
    monkeypatch.chdir(history.root)
    assert main(["bisect-step", "--state", str(history.root.parent / "reports")]) == status


@pytest.mark.usefixtures("scripted")
@pytest.mark.parametrize(
    ("fate", "words", "status"),
    [
        ("good", [], 0),
        ("bad", [], 1),
        ("bad", ["--signature", "build-miss:jq"], 1),
        ("bad", ["--signature", "build-miss:zlib"], 125),
        ("builder-failed", [], 125),
        ("builder-failed", ["--signature", "builder-failed"], 1),
        ("no-boot", [], 125),
        ("no-kvm", [], 129),
        ("crash", [], 129),
    ],
)
def test_a_step_of_the_users_own_bisection(
    history: History, fate: str, words: list[str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.commit(fate)
    monkeypatch.chdir(history.root)
    reports = ["--report-dir", str(history.root.parent / "reports/own"), "--tree", "pocket"]
    assert main(["bisect-step", "smoke", *SCENARIOS, *reports, *words]) == status
