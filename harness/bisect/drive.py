"""From a question and two revisions to the first bad commit: `git bisect run`, checked."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.bisect.history import GIT, BisectLog, Checkout
from harness.bisect.judgement import (
    BisectionStoppedError,
    Decision,
    InconclusiveError,
    Judgement,
    Sought,
    judge,
)
from harness.bisect.steps import Runner, State, Steps, take_step
from harness.errors import HarnessError, UsageError
from harness.process import spawn, terminate
from harness.results import RunResult

#: Seconds in which an interrupted step puts its machines away before it is killed.
_PATIENCE = 60.0


@dataclass(frozen=True)
class Commit:
    """A commit as reports name it."""

    id: str
    subject: str
    merge: bool = False


@dataclass(frozen=True)
class Finding:
    """What a bisection found.  *first_bad* is None when only skipped commits were left."""

    state: State
    sought: Sought
    first_bad: Commit | None
    candidates: tuple[Commit, ...]
    before: tuple[Commit, RunResult]  # the last good one
    after: tuple[Commit, RunResult]  # the first bad one, or the bad end
    steps: tuple[tuple[Commit, Decision], ...]


def check(checkout: Checkout, state: State) -> None:
    """Raise `UsageError` unless the bisection can be begun."""
    tree = state.question.tree
    checkout.check_range(state.good, state.bad, tree)
    changes = checkout.changes(tree)
    if changes:
        raise UsageError(
            f"uncommitted changes below {tree} would not be tested: {changes[0].strip()}"
            + (f" and {len(changes) - 1} more" if len(changes) > 1 else ""),
            hint="commit or stash them: a bisection tests commits",
        )


def bisect(
    checkout: Checkout,
    state: State,
    steps: Steps,
    runner: Runner,
    command: Sequence[str],
    say: Callable[[str], None],
) -> Finding:
    """Find the first bad commit.

    *runner* tries the two ends; *command* is what `git bisect run` starts in the worktree for the
    rest, and must come to the same as `take_step` with *steps* and `sought_in`.  Raises
    `UsageError` when the ends are not what they are said to be, `BisectionStoppedError` when a
    step stopped it, `InconclusiveError` when an end cannot be tested.
    """
    check(checkout, state)
    steps.adopt(state)
    place = steps.folder / "worktree"
    with steps.alone(), checkout.worktree(place, state.bad) as worktree:
        _try_ends(worktree, state, steps, runner, say)
        worktree.start_bisect(state.good, state.bad, state.question.tree)
        _run_git(worktree, steps.folder / "git-bisect.log", command)
        log = worktree.bisect_log()
        _check_judgements(log, steps)
        return _finding(worktree, state, steps, log)


def sought_in(steps: Steps, state: State) -> Sought:
    """What breaks between the tried ends.  Raises `UsageError` when nothing does."""
    good, bad = steps.run(state.good), steps.run(state.bad)
    sought = state.question.sought.narrowed(good, bad)
    if not sought.cells:
        raise UsageError(
            f"the good revision {state.good[:12]} is bad: what fails at {state.bad[:12]} does not "
            "pass there",
            hint="choose an older --good",
        )
    return sought


def _try_ends(
    worktree: Checkout, state: State, steps: Steps, runner: Runner, say: Callable[[str], None]
) -> None:
    """Make sure that the bad end is bad; then that the good end is not bad in the same way."""
    wide = state.question.sought
    _check_tested("bad", take_step(worktree, steps, wide, runner, say), state.bad, steps)
    if (bad := judge(steps.run(state.bad), wide)).judgement is Judgement.GOOD:
        raise UsageError(
            f"the bad revision {state.bad[:12]} is good: {bad.reason}",
            hint="check --bad and the filters: what is looked for does not fail there",
        )
    _check_judgement("bad", bad, state.bad)
    worktree.switch(state.good)
    _check_tested("good", take_step(worktree, steps, wide, runner, say), state.good, steps)
    sought = sought_in(steps, state)
    good = judge(steps.run(state.good), sought)
    _check_judgement("good", good, state.good)
    steps.record(state.good, good)  # cells that fail at both ends do not count any more
    steps.record(state.bad, judge(steps.run(state.bad), sought))


def _check_tested(name: str, decision: Decision, commit: str, steps: Steps) -> None:
    """Raise unless an end of the history came to a result at all."""
    if decision.judgement is Judgement.STOP:
        raise BisectionStoppedError(decision.reason, hint="mend this and run again")
    if decision.judgement is Judgement.SKIP and not steps.has_run(commit):
        raise _untestable_end(name, decision, commit)


def _check_judgement(name: str, decision: Decision, commit: str) -> None:
    if decision.judgement.name.lower() != name:
        raise _untestable_end(name, decision, commit)


def _untestable_end(name: str, decision: Decision, commit: str) -> InconclusiveError:
    return InconclusiveError(
        f"the {name} revision {commit[:12]} cannot be tested: {decision.reason}",
        hint=f"choose another one near it, or delete steps/{commit} to try it again",
    )


def _run_git(worktree: Checkout, log: Path, command: Sequence[str]) -> None:
    """Let git choose the commits; its own words go into *log*, the steps' onto standard error."""
    words = [*GIT, "-C", str(worktree.root), "bisect", "run", *command]
    # This harness, and not the one that may lie in the worktree.
    env = {"PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    with log.open("wb") as output:
        child = spawn(words, cwd=worktree.root, env=env, stdout=output, stderr=None)
        try:
            child.wait()
        except BaseException:
            terminate(child)
            _await_group(child.pid)
            raise
    terminate(child)


def _await_group(leader: int) -> None:
    """Wait while the step, whom git does not wait for when it is ended, puts its machines away."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            os.killpg(leader, 0 if time.monotonic() < until else signal.SIGKILL)
        except ProcessLookupError:
            return
        time.sleep(0.1)


def _check_judgements(log: BisectLog, steps: Steps) -> None:
    """git must not have taken a broken command's status for a judgement."""
    for word, commit in log.judged:
        decision = steps.decision(commit)
        if decision is None or decision.judgement.name.lower() != word:
            raise BisectionStoppedError(
                f"git counts {commit[:12]} as {word}, and no step said so",
                hint="see git-bisect.log in the report folder",
            )


def _finding(worktree: Checkout, state: State, steps: Steps, log: BisectLog) -> Finding:
    first = log.first_bad
    if first is None and not log.candidates:
        raise _unfinished(worktree, state, steps, log)
    judged = steps.all()
    if first is not None and judged.get(first, Decision(Judgement.STOP, "")).judgement is not (
        Judgement.BAD
    ):
        raise BisectionStoppedError(f"git found {first[:12]}, which no step judged bad")
    parents = worktree.parents(first) if first else []
    good = [p for p in parents if p in judged and judged[p].judgement is Judgement.GOOD]
    before, after = (good or [state.good])[0], first or state.bad
    order = [state.bad, state.good, *(commit for _, commit in log.judged)]
    return Finding(
        state=state,
        sought=sought_in(steps, state),
        first_bad=_commit(worktree, first) if first else None,
        candidates=tuple(_commit(worktree, commit) for commit in log.candidates),
        before=(_commit(worktree, before), steps.run(before)),
        after=(_commit(worktree, after), steps.run(after)),
        steps=tuple((_commit(worktree, c), judged[c]) for c in dict.fromkeys(order)),
    )


def _unfinished(worktree: Checkout, state: State, steps: Steps, log: BisectLog) -> HarnessError:
    base = steps.decision(worktree.merge_base(state.good, state.bad))
    if base is not None and base.judgement is Judgement.BAD:
        return UsageError(
            "the good revision is on another branch, and where the branches part it is bad already",
            hint="choose a --good that is an ancestor of --bad",
        )
    return BisectionStoppedError(
        f"a step stopped the bisection after {len(log.judged)} commits",
        hint="mend what it said and run again: what is judged is kept",
    )


def _commit(checkout: Checkout, commit: str) -> Commit:
    merge = len(checkout.parents(commit)) > 1
    return Commit(commit, checkout.subject(commit), merge)
