"""What a run says about its revision, and that no other exit status gets out."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.bisect.history import BisectLog, Checkout
from harness.bisect.judgement import (
    BisectionStoppedError,
    Judgement,
    Signature,
    Sought,
    UntestableError,
    judge,
    judge_error,
)
from harness.bisect.steps import Question, State, Steps, decide, tree_of
from harness.cli import main
from harness.errors import (
    DeadlineReached,
    HarnessError,
    InputError,
    Interrupted,
    MachineError,
    SetupError,
    UsageError,
)
from harness.results import BranchResult, Cause, RunResult, Witness
from tests.bisect.scripted import FATES, HOSTS, run_of

if TYPE_CHECKING:
    from tests.bisect.conftest import History

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("fate", "expected"),
    [
        ("good", Judgement.GOOD),
        ("bad", Judgement.BAD),
        ("both-bad", Judgement.BAD),
        ("other-cause", Judgement.BAD),  # nobody said which failure is looked for
        ("builder-failed", Judgement.SKIP),
        ("evaluation-error", Judgement.SKIP),
        ("no-boot", Judgement.SKIP),
        ("no-kvm", Judgement.STOP),
        ("leak", Judgement.SKIP),
    ],
)
def test_judgements_without_a_signature(fate: str, expected: Judgement) -> None:
    assert judge(run_of(fate), Sought()).judgement is expected


SOUGHT = Sought(cells={HOSTS.id: Signature(Cause.BUILD_MISS, frozenset({"jq"}))})


@pytest.mark.parametrize(
    ("fate", "expected"),
    [
        ("good", Judgement.GOOD),
        ("bad", Judgement.BAD),
        ("motd-bad", Judgement.GOOD),  # not watched
        ("other-cause", Judgement.SKIP),
        ("other-missing", Judgement.SKIP),
        ("builder-failed", Judgement.SKIP),
    ],
)
def test_judgements_with_a_signature(fate: str, expected: Judgement) -> None:
    assert judge(run_of(fate), SOUGHT).judgement is expected


def test_an_incomplete_run_and_a_broken_branch_prove_nothing() -> None:
    assert judge(run_of("bad", complete=False), Sought()).judgement is Judgement.SKIP
    leak = BranchResult(*HOSTS.branch, witnesses=(Witness("internet-silent", False, "x"),))
    decision = judge(replace(run_of("bad"), branches=(leak,)), Sought())
    assert decision.judgement is Judgement.SKIP
    assert "a witness does not hold" in decision.reason


def test_a_run_without_the_watched_cells_stops() -> None:
    run = replace(run_of("good"), cells=FATES["good"][:1])
    assert judge(run, SOUGHT).judgement is Judgement.STOP


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MachineError("no boot"), Judgement.SKIP),
        (DeadlineReached("late"), Judgement.SKIP),
        (UntestableError("no tree"), Judgement.SKIP),
        (SetupError("no qemu"), Judgement.STOP),
        (UsageError("no such edit"), Judgement.STOP),
        (InputError([]), Judgement.STOP),
        (HarnessError("anything else"), Judgement.STOP),
    ],
)
def test_judgements_on_errors(error: HarnessError, expected: Judgement) -> None:
    assert judge_error(error).judgement is expected


def test_an_interruption_is_no_judgement(tmp_path: Path) -> None:
    def interrupted(_checkout: Checkout, _folder: Path) -> RunResult:
        raise Interrupted("interrupted by SIGINT")

    with pytest.raises(Interrupted):
        decide(Checkout(tmp_path), tmp_path, Sought(), interrupted)


@pytest.mark.parametrize("text", ["build-miss", "build-miss:jq-1.7,zlib", "evaluation-error"])
def test_signatures_are_read_as_they_are_written(text: str) -> None:
    assert str(Signature.parse(text)) == text


@pytest.mark.parametrize("text", ["", "nonsense", "Build-Miss", ":jq"])
def test_signatures_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="is no cause of a failure"):
        Signature.parse(text)


def test_a_signature_without_names_matches_any() -> None:
    cell = FATES["bad"][1]
    assert Signature.parse("build-miss").matches(cell)
    assert Signature.parse("build-miss:jq").matches(cell)
    assert not Signature.parse("build-miss:jq,zlib").matches(cell)
    assert not Signature.parse("cache-query").matches(cell)


def test_the_log_of_git() -> None:
    a, b, c = ("a" * 40, "b" * 40, "c" * 40)
    text = f"""# bad: [{a}] git bisect good {b}
# good: [{b}] x
git bisect start '{a}' '{b}' '--' 'pocket'
# skip: [{c}] z
git bisect skip {c}
git bisect bad {a}
# first bad commit: [{a}] subject
"""
    log = BisectLog.parse(text)
    assert log == BisectLog((("skip", c), ("bad", a)), a, ())
    possible = BisectLog.parse(f"# possible first bad commit: [{a}] x\n" * 2)
    assert possible.first_bad is None
    assert possible.candidates == (a, a)


def test_a_damaged_state_is_told(tmp_path: Path) -> None:
    steps = Steps(tmp_path)
    with pytest.raises(InputError, match=r"state\.json"):
        steps.state()
    question = Question(("/s",), {"edits": ("hosts",)}, {"s": "d"}, "pocket", "build-miss")
    state = State(question, "a" * 40, "b" * 40)
    steps.adopt(state)
    assert Steps(tmp_path).state() == state
    steps.adopt(state)
    (tmp_path / "state.json").write_text("{}")
    with pytest.raises(InputError, match="missing"):
        steps.state()
    steps.reports("c").mkdir(parents=True)
    (steps.reports("c") / "step.json").write_text('{"judgement": "LUCKY", "reason": ""}')
    with pytest.raises(InputError, match="unusable"):
        steps.decision("c")


def test_a_tree_that_leads_out_of_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "checkout").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "checkout/link").symlink_to("../elsewhere")
    checkout = Checkout(tmp_path / "checkout")
    for tree in ("link", "../elsewhere", str(tmp_path / "elsewhere")):
        with pytest.raises(UntestableError, match="leads out"):
            tree_of(checkout, tree)
    with pytest.raises(UntestableError, match="no folder absent"):
        tree_of(checkout, "absent")


@pytest.mark.parametrize(
    "words",
    [
        ["bisect-step", "--no-such-option"],
        ["--no-such-option", "bisect-step"],
        ["bisect-step", "--jobs", "0"],
        ["bisect-step", "--signature", "nonsense"],
        ["bisect-step", "no-such-scenario"],
        ["bisect-step", "--state", "absent"],
        ["bisect-step", "--edit", "no-such-edit"],
    ],
)
def test_a_broken_step_never_looks_like_a_judgement(
    words: list[str], history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.git("commit", "--allow-empty", "--quiet", "-m", "empty")
    monkeypatch.chdir(history.root)
    scenarios = ["--scenarios", str(ROOT / "scenarios")]
    assert main([*words, *scenarios]) == Judgement.STOP


def test_a_step_outside_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bisect-step"]) == Judgement.STOP


def test_uncommitted_changes_stop_a_step(
    history: History, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    history.commit("good")
    (history.root / "pocket/new").write_text("x")
    monkeypatch.chdir(history.root)
    assert main(["bisect-step", "--tree", "pocket"]) == Judgement.STOP
    assert "uncommitted changes below pocket" in capsys.readouterr().err


def test_a_revision_without_a_pocket_system_is_skipped(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole step, up to the point where a machine would start."""
    history.git("commit", "--allow-empty", "--quiet", "-m", "empty")
    monkeypatch.chdir(history.root)
    words = ["bisect-step", "smoke", "--scenarios", str(ROOT / "scenarios"), "--tree", "pocket"]
    assert main(words) == Judgement.SKIP


def test_the_help_of_a_step_is_no_judgement_either() -> None:
    assert main(["bisect-step", "--help"]) == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["bisect", "--good", "nonsense"], 2),
        (["bisect", "--good", "HEAD", "--repo", "/nonexistent"], 2),
        (["bisect", "--good", "HEAD", "--signature", "nonsense"], 2),
        (["bisect", "--good", "HEAD", "no-such-scenario"], 2),
    ],
)
def test_bad_arguments_of_bisect(
    words: list[str], code: int, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.git("commit", "--allow-empty", "--quiet", "-m", "empty")
    monkeypatch.chdir(history.root)
    assert main([*words, "--scenarios", str(ROOT / "scenarios")]) == code


def test_a_package_in_the_worktree_is_not_taken_for_the_harness(tmp_path: Path) -> None:
    """The step runs with the checkout as its folder, and the checkout may hold a `harness`."""
    (tmp_path / "harness").mkdir()
    (tmp_path / "harness/__init__.py").write_text("raise SystemExit(1)")
    words = [sys.executable, "-P", "-m", "harness", "--version"]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0


def test_errors_are_for_users() -> None:
    assert issubclass(BisectionStoppedError, HarnessError)
