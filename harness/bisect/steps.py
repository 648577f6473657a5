"""The question of a bisection and the judgements so far, on disk, so that it can be resumed."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.bisect.history import Checkout
from harness.bisect.judgement import (
    Decision,
    Judgement,
    Signature,
    Sought,
    UntestableError,
    judge,
    judge_error,
)
from harness.errors import HarnessError, InputError, Interrupted, Problem, SetupError, UsageError
from harness.reports.writing import make_folder, write_atomically
from harness.results import RunResult
from harness.results.codec import MisfitError, decode
from harness.results.document import parse_text, read_results, read_text

#: Runs the experiment on the revision that is checked out, and writes its reports into a folder.
Runner = Callable[[Checkout, Path], RunResult]


@dataclass(frozen=True)
class Question:
    """What is run on every revision. It stays the same for the whole bisection.

    *tree* is the folder under test, relative to the top of the checkout: a pocket system or a
    nixpkgs, by the *tier*.  *deadline* is seconds a step, 0 for none.
    """

    scenarios: tuple[str, ...]  # absolute paths of folders
    selection: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)  # of the scenarios
    tree: str = ""
    signature: str = ""
    accelerator: str = "auto"
    jobs: int = 0  # 0: as many as `harness run` takes
    deadline: float = 0.0
    tier: str = "embedded"

    @property
    def sought(self) -> Sought:
        """What is looked for before the ends of the history were tried."""
        return Sought(Signature.parse(self.signature) if self.signature else None)


@dataclass(frozen=True)
class State:
    """A question with the ends of the history that it is asked of."""

    question: Question
    good: str
    bad: str


@dataclass(frozen=True)
class Steps:
    """The folder of one bisection: ``state.json``, and a report folder for each step."""

    folder: Path

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other bisections out of the folder.  Raises `SetupError` when one is in it."""
        make_folder(self.folder)
        with (self.folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise SetupError(
                    f"another bisection is at work in {self.folder}",
                    hint="wait for it, or give this one a --report-dir of its own",
                ) from error
            yield

    def adopts(self, state: State) -> bool:
        """Whether the folder is free, or holds just this bisection."""
        return not self._state_file.exists() or self.state() == state

    def adopt(self, state: State) -> None:
        """Begin, or go on with the same.  Raises `UsageError` when another bisection lives here."""
        if not self.adopts(state):
            raise UsageError(
                f"{self.folder} holds another bisection",
                hint="give --report-dir another folder, or delete this one",
            )
        make_folder(self.folder)
        write_atomically(self._state_file, f"{json.dumps(dataclasses.asdict(state), indent=1)}\n")

    def state(self) -> State:
        """What was adopted.  Raises `InputError` when there is no such state."""
        file = str(self._state_file)
        try:
            return decode(State, parse_text(read_text(self._state_file), file))
        except MisfitError as misfit:
            raise InputError([Problem(file, 1, 1, str(misfit))]) from None

    def reports(self, commit: str) -> Path:
        """The report folder of one step."""
        return self.folder / "steps" / commit

    def run(self, commit: str) -> RunResult:
        """What a judged step found."""
        return read_results(self.reports(commit) / "results.json")

    def has_run(self, commit: str) -> bool:
        """Whether a step got as far as results."""
        return (self.reports(commit) / "results.json").exists()

    def decision(self, commit: str) -> Decision | None:
        """The judgement on *commit*, if it was passed and has not to be passed again."""
        path = self.reports(commit) / "step.json"
        if not path.exists():
            return None
        value = parse_text(read_text(path), str(path))
        try:
            decision = Decision(Judgement[str(value["judgement"])], str(value["reason"]))
        except KeyError as error:
            raise InputError([Problem(str(path), 1, 1, f"unusable: {error}")]) from None
        return None if decision.judgement is Judgement.STOP else decision

    def record(self, commit: str, decision: Decision) -> None:
        """Put down a judgement."""
        self.reports(commit).mkdir(parents=True, exist_ok=True)
        text = json.dumps({"judgement": decision.judgement.name, "reason": decision.reason})
        write_atomically(self.reports(commit) / "step.json", f"{text}\n")

    def all(self) -> dict[str, Decision]:
        """Every judgement so far, by commit."""
        commits = [path.parent.name for path in (self.folder / "steps").glob("*/step.json")]
        known = {commit: self.decision(commit) for commit in sorted(commits)}
        return {commit: decision for commit, decision in known.items() if decision is not None}

    @property
    def _state_file(self) -> Path:
        return self.folder / "state.json"


def take_step(
    checkout: Checkout, steps: Steps, sought: Sought, runner: Runner, say: Callable[[str], None]
) -> Decision:
    """Judge the revision that is checked out, unless it was judged before; say the reason.

    Raises `Interrupted`; every other error of the run becomes a judgement.
    """
    commit = checkout.head()
    name = f"{commit[:12]} {checkout.subject(commit)}"
    known = steps.decision(commit)
    if known is not None:
        say(f"{known.judgement.name.lower():4} {name}\n     (from before) {known.reason}")
        return known
    say(f"test {name}")
    decision = decide(checkout, steps.reports(commit), sought, runner)
    steps.record(commit, decision)
    say(f"{decision.judgement.name.lower():4} {name}\n     {decision.reason}")
    return decision


def decide(checkout: Checkout, folder: Path, sought: Sought, runner: Runner) -> Decision:
    """Run the experiment and judge what came of it."""
    try:
        return judge(runner(checkout, folder), sought)
    except Interrupted:
        raise
    except HarnessError as error:
        return judge_error(error)


def tree_of(checkout: Checkout, tree: str) -> Path:
    """The folder under test.  Raises `UntestableError` where this revision has none.

    It must not lead out of the checkout: another folder would be tested for every revision.
    """
    folder = checkout.root / tree
    if not folder.is_dir():
        raise UntestableError(f"there is no folder {tree} at this revision")
    if not folder.resolve().is_relative_to(checkout.root.resolve()):
        raise UntestableError(f"{tree} leads out of the checkout at this revision")
    return folder
