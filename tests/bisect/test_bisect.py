"""Bisections of real git histories, with a runner that reads each revision's fate from a file."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.bisect.drive import Finding, bisect
from harness.bisect.history import Checkout
from harness.bisect.judgement import BisectionStoppedError, InconclusiveError, Judgement
from harness.bisect.report import render_json, render_markdown, render_text, write_finding
from harness.bisect.steps import Question, State, Steps
from harness.errors import HarnessError, Interrupted, SetupError, UsageError
from harness.run import signals
from tests.bisect.scripted import HOSTS, MOTD, runner

if TYPE_CHECKING:
    from tests.bisect.conftest import History

QUESTION = Question(("/scenario",), {"edits": ("hosts", "motd")}, {"smoke": "digest"}, "pocket")


def find(
    history: History,
    good: str,
    bad: str,
    question: Question = QUESTION,
    command: Sequence[str] = (),
    said: list[str] | None = None,
) -> Finding:
    folder = history.root.parent / "reports"
    # The bisection puts the root of this project on the step's path, as it does for the harness.
    step = [sys.executable, "-P", "-m", "tests.bisect.scripted"]
    steps = Steps(folder)
    checkout = Checkout.at(history.root)
    state = State(question, checkout.resolve(good), checkout.resolve(bad))
    say = (said if said is not None else []).append
    return bisect(checkout, state, steps, runner, command or [*step, str(folder)], say)


def tried(history: History) -> list[str]:
    return (history.root.parent / "reports/tried").read_text().split()


def first_bad(finding: Finding) -> str:
    assert finding.first_bad is not None
    return finding.first_bad.id


def test_finds_the_first_bad_commit_of_a_line(history: History) -> None:
    commits = history.commits(*["good"] * 6, *["bad"] * 5)
    said: list[str] = []
    finding = find(history, commits[0], "HEAD", said=said)
    assert first_bad(finding) == commits[6]
    assert finding.before[0].id == commits[5]
    assert list(finding.sought.cells) == [HOSTS.id]
    assert len(tried(history)) < len(commits)
    assert any("all claims hold" in line for line in said)


@pytest.mark.parametrize(
    "fate",
    [
        *("does-not-build", "no-boot", "evaluation-error", "builder-failed", "late", "leak"),
        *("other-cause", "other-missing"),
    ],
)
def test_a_revision_that_cannot_be_tested_is_skipped(history: History, fate: str) -> None:
    commits = history.commits("good", "good", fate, "good", "bad", fate, "bad", "bad")
    finding = find(history, commits[0], commits[-1])
    assert first_bad(finding) == commits[4]


def test_a_skipped_neighbour_makes_the_answer_a_set(history: History) -> None:
    commits = history.commits("good", "good", "no-boot", "bad", "bad")
    finding = find(history, commits[0], commits[-1])
    assert finding.first_bad is None
    assert {commit.id for commit in finding.candidates} == {commits[2], commits[3]}
    assert "one of these" in render_text(finding)


def test_a_commit_before_the_tree_existed_is_skipped(history: History) -> None:
    first = history.commit("good")
    shutil.rmtree(history.root / "pocket")
    history.git("commit", "--quiet", "-am", "away")
    commits = history.commits("good", "good", "bad")
    assert first_bad(find(history, first, "HEAD")) == commits[2]


def test_finds_the_commit_in_a_merged_branch(history: History) -> None:
    start = history.commit("good")
    history.git("checkout", "--quiet", "-b", "side")
    side = history.commits("good", "bad", "bad")
    history.git("checkout", "--quiet", "main")
    (history.root / "elsewhere").write_text("1")
    history.git("add", "-A")
    history.git("commit", "--quiet", "-m", "unrelated")
    history.git("merge", "--quiet", "--no-ff", "-m", "merge side", "side")
    history.commits("bad")
    finding = find(history, start, "HEAD")
    assert first_bad(finding) == side[1]
    assert not finding.first_bad or not finding.first_bad.merge


def test_finds_a_merge_whose_parents_are_good(history: History) -> None:
    start = history.commit("good")
    history.git("checkout", "--quiet", "-b", "side")
    history.commit("good")
    history.git("checkout", "--quiet", "main")
    history.commits("good")
    history.git("merge", "--quiet", "--no-commit", "-s", "ours", "side")
    merge = history.commit("bad", "merge that does not work together")
    history.commits("bad", "bad")
    finding = find(history, start, "HEAD")
    assert first_bad(finding) == merge
    assert finding.first_bad is not None
    assert finding.first_bad.merge
    assert "a merge" in render_text(finding)


def test_only_commits_that_touch_the_tree_are_tried(history: History) -> None:
    start = history.commit("good")
    for number in range(8):
        (history.root / "elsewhere").write_text(str(number))
        history.git("add", "-A")
        history.git("commit", "--quiet", "-m", "unrelated")
    bad = history.commit("bad")
    finding = find(history, start, "HEAD")
    assert first_bad(finding) == bad
    assert set(tried(history)) == {start, bad}


def test_what_fails_at_both_ends_does_not_count(history: History) -> None:
    commits = history.commits("motd-bad", "motd-bad", "both-bad", "both-bad")
    finding = find(history, commits[0], commits[-1])
    assert first_bad(finding) == commits[2]
    assert list(finding.sought.cells) == [HOSTS.id]
    judgements = {commit.id: decision.judgement for commit, decision in finding.steps}
    assert judgements[commits[0]] is Judgement.GOOD


def test_the_first_of_several_broken_cells_counts(history: History) -> None:
    commits = history.commits("good", "good", "bad", "both-bad", "both-bad")
    finding = find(history, commits[0], commits[-1])
    assert set(finding.sought.cells) == {HOSTS.id, MOTD.id}
    assert first_bad(finding) == commits[2]


def test_a_signature_chooses_the_failure(history: History) -> None:
    commits = history.commits("good", "bad", "bad", "other-missing", "other-missing")
    question = Question(("/scenario",), tree="pocket", signature="build-miss")
    assert first_bad(find(history, commits[0], commits[-1], question)) == commits[1]


def test_an_unrelated_failure_counts_when_it_is_asked_for(history: History) -> None:
    commits = history.commits("good", "good", "builder-failed", "builder-failed")
    question = Question(("/scenario",), tree="pocket", signature="builder-failed")
    assert first_bad(find(history, commits[0], commits[-1], question)) == commits[2]


def test_a_good_revision_that_is_bad(history: History) -> None:
    commits = history.commits("bad", "bad", "bad")
    with pytest.raises(UsageError, match=f"good revision {commits[0][:12]} is bad"):
        find(history, commits[0], commits[-1])


def test_a_bad_revision_that_is_good(history: History) -> None:
    commits = history.commits("good", "bad", "good")
    with pytest.raises(UsageError, match=f"bad revision {commits[-1][:12]} is good"):
        find(history, commits[0], commits[-1])


@pytest.mark.parametrize("fates", [("no-boot", "bad"), ("good", "no-boot"), ("absent", "bad")])
def test_an_end_that_cannot_be_tested(history: History, fates: tuple[str, str]) -> None:
    commits = history.commits(*fates)
    with pytest.raises(InconclusiveError, match="cannot be tested"):
        find(history, commits[0], commits[1])


def test_revisions_in_the_wrong_order(history: History) -> None:
    commits = history.commits("good", "bad")
    with pytest.raises(UsageError, match="wrong order"):
        find(history, commits[1], commits[0])


@pytest.mark.parametrize("revision", ["nonsense", "--all", "", "HEAD:pocket"])
def test_a_revision_that_does_not_exist(history: History, revision: str) -> None:
    history.commits("good", "bad")
    with pytest.raises(UsageError, match="is no commit"):
        Checkout.at(history.root).resolve(revision)


def test_the_same_revision_twice_and_an_untouched_tree(history: History) -> None:
    commits = history.commits("good", "bad")
    with pytest.raises(UsageError, match="the same commit"):
        find(history, commits[1], commits[1])
    (history.root / "elsewhere").write_text("x")
    history.git("add", "-A")
    history.git("commit", "--quiet", "-m", "unrelated")
    with pytest.raises(UsageError, match="nothing below pocket differs"):
        find(history, commits[1], "HEAD")


def test_uncommitted_changes_in_the_tree(history: History) -> None:
    commits = history.commits("good", "bad")
    (history.root / "pocket/new").write_text("x")
    with pytest.raises(UsageError, match="uncommitted changes below pocket"):
        find(history, commits[0], commits[1])


def test_a_shallow_clone(history: History, tmp_path: Path) -> None:
    commits = history.commits("good", "good", "bad", "bad")
    clone = tmp_path / "shallow"
    url = f"file://{history.root}"
    subprocess.run(["git", "clone", "--quiet", "--depth=2", url, str(clone)], check=True)
    checkout = Checkout.at(clone)
    with pytest.raises(UsageError, match="is no commit") as caught:
        checkout.resolve(commits[0])
    assert "shallow" in caught.value.hint
    subprocess.run(
        ["git", "-C", str(clone), "fetch", "--quiet", "--depth=1", "origin", commits[0]], check=True
    )
    with pytest.raises(UsageError, match="not all here"):
        checkout.check_range(commits[0], commits[-1], "pocket")


def test_a_folder_that_is_no_checkout(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no git checkout"):
        Checkout.at(tmp_path)
    with pytest.raises(UsageError, match="is no folder"):
        Checkout.at(tmp_path / "absent")


def test_branches_that_part_at_a_bad_commit(history: History) -> None:
    base = history.commit("bad")
    history.git("checkout", "--quiet", "-b", "mended")
    good = history.commit("good")
    history.git("checkout", "--quiet", "main")
    bad = history.commit("bad")
    assert base
    with pytest.raises(UsageError, match="where the branches part"):
        find(history, good, bad)


def test_the_checkout_is_not_touched(history: History) -> None:
    commits = history.commits("good", "good", "bad", "bad")
    (history.root / "elsewhere").write_text("work in progress")
    (history.root / ".git/hooks/post-checkout").write_text("#!/bin/sh\ntouch hooked\n")
    (history.root / ".git/hooks/post-checkout").chmod(0o755)

    def state() -> list[str]:
        words = [
            ("status", "--porcelain"),
            ("worktree", "list"),
            ("for-each-ref",),
            ("stash", "list"),
        ]
        return [*(history.git(*w) for w in words), (history.root / ".git/HEAD").read_text()]

    before = state()
    find(history, commits[0], commits[-1])
    assert state() == before
    assert not list(history.root.rglob("hooked"))
    assert not (history.root.parent / "reports/worktree").exists()


@pytest.mark.parametrize("fate", ["no-qemu", "no-kvm", "crash", "killed"])
def test_a_broken_step_stops_and_the_bisection_resumes(history: History, fate: str) -> None:
    commits = history.commits("good", "good", "good", fate, "bad", "bad", "bad")
    with pytest.raises(BisectionStoppedError):
        find(history, commits[0], commits[-1])
    before = tried(history)
    assert commits[3] in before
    (history.root / "x").write_text("")
    assert not (history.root.parent / "reports/worktree").exists()
    # What is mended here is the set-up; that is, the same commit can now be tested.
    step = history.root.parent / "reports/steps" / commits[3] / "step.json"
    step.parent.mkdir(parents=True, exist_ok=True)
    step.write_text(json.dumps({"judgement": "GOOD", "reason": "mended"}))
    shutil.copy(step.parent.parent / commits[0] / "results.json", step.parent)
    finding = find(history, commits[0], commits[-1])
    assert first_bad(finding) == commits[4]
    assert set(before) & set(tried(history)[len(before) :]) == set()


@pytest.mark.parametrize("status", [1, 2, 124, 126, 127])
def test_a_command_that_fails_by_itself_is_never_believed(history: History, status: int) -> None:
    commits = history.commits("good", "good", "good", "bad", "bad")
    with pytest.raises(BisectionStoppedError):
        find(history, commits[0], commits[-1], command=["sh", "-c", f"exit {status}"])


def test_a_command_that_does_not_exist(history: History) -> None:
    commits = history.commits("good", "good", "good", "bad", "bad")
    with pytest.raises(BisectionStoppedError):
        find(history, commits[0], commits[-1], command=["/nonexistent/step"])


def test_another_question_in_the_same_folder_is_refused(history: History) -> None:
    commits = history.commits("good", "bad", "bad")
    find(history, commits[0], commits[-1])
    with pytest.raises(UsageError, match="another bisection"):
        find(history, commits[0], commits[1])


def test_a_worktree_that_a_killed_bisection_left(history: History) -> None:
    commits = history.commits("good", "good", "bad")
    left = history.root.parent / "reports/worktree"
    history.git("worktree", "add", "--quiet", "--detach", str(left), commits[0])
    history.git("worktree", "lock", str(left))
    (left / "pocket/fate").write_text("dirty")
    assert first_bad(find(history, commits[0], commits[-1])) == commits[2]
    assert "reports" not in history.git("worktree", "list")


def test_two_bisections_in_one_folder(history: History) -> None:
    commits = history.commits("good", "good", "bad")
    with (
        Steps(history.root.parent / "reports").alone(),
        pytest.raises(SetupError, match="another bisection is at work"),
    ):
        find(history, commits[0], commits[-1])


def test_a_finished_bisection_runs_nothing_again(history: History) -> None:
    commits = history.commits("good", "good", "bad", "bad")
    find(history, commits[0], commits[-1])
    before = tried(history)
    assert first_bad(find(history, commits[0], commits[-1])) == commits[2]
    assert tried(history) == before


def test_an_interruption_ends_the_step_and_can_be_resumed(history: History) -> None:
    commits = history.commits("good", "good", "hangs", "bad", "bad")
    hanging = history.root.parent / "reports/hanging"

    def interrupt() -> None:
        while not hanging.exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(Interrupted), signals():
        find(history, commits[0], commits[-1])
    step = int(hanging.read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(step, 0)
    assert not (history.root.parent / "reports/worktree").exists()
    assert set(tried(history)) == {commits[0], commits[2], commits[-1]}


def test_the_report_names_the_commit_and_both_sides(history: History, tmp_path: Path) -> None:
    commits = history.commits("good", "good")
    commits.append(history.commit("bad", "evil ~~~~~~~~ `x` \x1b[31m <script> subject"))
    finding = find(history, commits[0], commits[-1])
    text = render_text(finding)
    assert commits[2] in text
    assert "before" in text
    assert "after" in text
    assert "missing" in text
    assert "\x1b" not in text
    markdown = render_markdown(finding)
    assert markdown.count("~~~~~~~~") == 6
    document = json.loads(render_json(finding))
    assert document["first-bad"]["commit"] == commits[2]
    assert document["cells"] == {HOSTS.id: "build-miss:jq"}
    write_finding(finding, tmp_path)
    assert sorted(path.name for path in tmp_path.glob("bisect.*")) == [
        *("bisect.json", "bisect.md", "bisect.txt")
    ]


def test_errors_of_the_driver_are_for_users() -> None:
    assert issubclass(BisectionStoppedError, HarnessError)
    assert issubclass(InconclusiveError, HarnessError)
