"""What a run found: verdicts, causes, cells, evidence, and the whole run, with a schema version.

One data type in, many renderings out: every report is made from `RunResult` and from nothing else.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from harness.errors import ExitCode

#: Raised whenever the meaning or the shape of `results.json` changes.
SCHEMA_VERSION = 1

#: Raised whenever the way of experimenting changes so that a verdict could: results of different
#: protocols are not compared.
PROTOCOL_VERSION = 1


#: The fact that tells which part of a run a result is, as ``2/5``.
SHARD = "shard"


class Verdict(enum.StrEnum):
    """How an experiment on one cell ended."""

    REBUILT = "rebuilt"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


class Cause(enum.StrEnum):
    """Why a rebuild failed; a claim of failure names the one it expects."""

    BUILD_MISS = "build-miss"  # an input of the build is neither here nor to be had offline
    EVALUATION_FETCH = "evaluation-fetch"  # evaluation itself needs something (IFD, fetchTarball)
    EVALUATION_ERROR = "evaluation-error"  # the configuration does not evaluate, online or not
    CACHE_QUERY = "cache-query"  # nothing is missing: asking an unreachable cache failed
    UNSUPPORTED_FLAG = "unsupported-flag"  # this Nix command does not know the flag
    BUILDER_FAILED = "builder-failed"  # a builder ran and refused
    STALLED = "stalled"  # the rebuild did not end within the scenario's patience
    CRASHED = "crashed"  # Nix died of a signal
    WRONG_OUTPUT = "wrong-output"  # the output path differs from the online control's
    ACTIVATION_FAILED = "activation-failed"
    CHECK_FAILED = "check-failed"  # an assertion about the activated state is false


class Trouble(enum.StrEnum):
    """What broke an experiment whose verdict is `error`."""

    BOOT = "boot"  # the machine never came up
    MACHINE = "machine"  # it died, hung or panicked later
    TIME = "time"  # the run's deadline, or a stage's own limit
    SPACE = "space"  # a disk is full, of the host or of the machine
    SCENARIO = "scenario"  # its files cannot be used: the base does not build, a check is broken
    SETUP = "setup"  # the host lacks something
    HARNESS = "harness"  # an error of the harness itself


class Ending(enum.StrEnum):
    """How a run came to its end."""

    RUNNING = "running"  # not yet, or it was killed before it could say more
    FINISHED = "finished"
    DEADLINE = "deadline"
    INTERRUPTED = "interrupted"
    ERROR = "error"


class Outcome(enum.StrEnum):
    """How a cell counts: does the scenario's claim hold?"""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


class Role(enum.StrEnum):
    """What a cell is for."""

    CELL = "cell"  # a claim of the scenario
    ONLINE_CONTROL = "online-control"  # the edit must rebuild while the network is up
    NEGATIVE_CONTROL = "negative-control"  # without a strategy the edit must fail


#: The coordinates of a branch: scenario, system, provision, strategy, caches, network.
BranchKey = tuple[str, str, str, str, str, str]


@dataclass(frozen=True, order=True)
class CellKey:
    """The coordinates of one cell. `flags` is one command line's worth, "" for none."""

    scenario: str
    system: str
    provision: str
    strategy: str
    caches: str
    network: str
    command: str
    flags: str
    edit: str
    role: Role = Role.CELL

    def __hash__(self) -> int:
        return hash(self.id)  # made once; reports of large runs look keys up dozens of times

    @cached_property
    def id(self) -> str:
        """A stable name of letters, digits, dashes and slashes, unique within a run."""
        flags = "-".join(self.flags.replace('""', "empty").replace("--", "").split()) or "no-flags"
        parts = [self.scenario, self.system, self.provision, self.strategy]
        parts += [self.caches, self.network, self.command, flags.replace("option-", ""), self.edit]
        if self.role is not Role.CELL:
            parts.append(self.role.value)
        return "/".join(parts)

    @property
    def branch(self) -> BranchKey:
        """The branch that an offline cell runs in."""
        return (
            self.scenario,
            self.system,
            self.provision,
            self.strategy,
            self.caches,
            self.network,
        )


@dataclass(frozen=True)
class Claim:
    """What the scenario expects of a cell, and where it says so (line 1 is the first)."""

    verdict: Verdict
    cause: Cause | None = None
    file: str = ""
    line: int = 1
    why: str = ""

    def __str__(self) -> str:
        return f"{self.verdict}: {self.cause}" if self.cause else str(self.verdict)


@dataclass(frozen=True)
class Witness:
    """One piece of evidence beside the exit status. A witness that does not hold is an error."""

    name: str
    holds: bool
    evidence: str


@dataclass(frozen=True)
class CellResult:
    """One finished cell. Times are seconds of wall clock, sizes are bytes."""

    key: CellKey
    claim: Claim
    verdict: Verdict
    cause: Cause | None = None
    message: str = ""  # one line for people
    detail: str = ""  # the explanation, several lines
    seconds: float = 0.0  # the whole cell
    rebuild_seconds: float = 0.0  # the rebuild command alone
    built: tuple[str, ...] = ()  # names of the derivations that were built
    missing: tuple[str, ...] = ()  # names of what the rebuild lacked
    output: str = ""  # the rebuilt toplevel
    expected_output: str = ""  # the online control's
    witnesses: tuple[Witness, ...] = ()
    log: str = ""  # path of the full log, relative to the report folder
    log_tail: str = ""
    trouble: Trouble | None = None  # of a verdict `error`, where it is known

    @cached_property  # reports of large runs ask for it dozens of times a cell
    def outcome(self) -> Outcome:
        """Whether the claim holds: for the claimed reason, and with every witness in order."""
        if self.verdict is Verdict.SKIPPED:
            return Outcome.SKIPPED
        if self.verdict is Verdict.ERROR or not all(w.holds for w in self.witnesses):
            return Outcome.ERROR
        held = self.verdict is self.claim.verdict
        if self.verdict is Verdict.FAILED:  # never just any failure: the claimed kind
            held = held and self.cause is not None and self.cause is self.claim.cause
        return Outcome.PASSED if held else Outcome.FAILED


@dataclass(frozen=True)
class BranchResult:
    """What one strategy cost on one provision, and the evidence of its collection and cut.

    `store_before` and `store_after` are the sum of NAR sizes of all valid paths around the
    collection; `bundle` is the size of what is kept outside the store (a file, a mirror).
    """

    scenario: str
    system: str
    provision: str
    strategy: str
    caches: str
    network: str
    store_before: int = 0
    store_after: int = 0
    bundle: int = 0
    protect_seconds: float = 0.0
    collect_seconds: float = 0.0
    restore_seconds: float = 0.0
    witnesses: tuple[Witness, ...] = ()

    @property
    def key(self) -> BranchKey:
        """Its coordinates."""
        return (
            self.scenario,
            self.system,
            self.provision,
            self.strategy,
            self.caches,
            self.network,
        )

    @property
    def holds(self) -> bool:
        """Whether the collection and the cut are proved: every witness is in order."""
        return all(witness.holds for witness in self.witnesses)


@dataclass(frozen=True)
class RunResult:
    """A whole run: what was asked, on what, and all that it found.

    `complete` is false while cells are outstanding, and `ended` says why.
    """

    started: str  # ISO 8601 with zone
    seconds: float
    complete: bool
    ended: Ending
    planned: int
    cells: tuple[CellResult, ...]
    branches: tuple[BranchResult, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    scenarios: Mapping[str, str] = field(default_factory=dict)  # name to content digest
    message: str = ""  # what ended an incomplete run

    def count(self, outcome: Outcome) -> int:
        """How many cells came out so."""
        return sum(1 for cell in self.cells if cell.outcome is outcome)

    @property
    def conclusion(self) -> Outcome:
        """The worst of what was found. A run that is incomplete or proves nothing is an error."""
        outcomes = {cell.outcome for cell in self.cells}
        unproved = not all(branch.holds for branch in self.branches)
        if unproved or not self.complete or not outcomes or Outcome.ERROR in outcomes:
            return Outcome.ERROR
        if Outcome.FAILED in outcomes:
            return Outcome.FAILED
        return Outcome.PASSED if Outcome.PASSED in outcomes else Outcome.SKIPPED

    @property
    def exit_code(self) -> ExitCode:
        """What the run means to the caller of the process."""
        if not self.cells:
            return ExitCode.NOTHING_RAN
        return {
            Outcome.PASSED: ExitCode.OK,
            Outcome.FAILED: ExitCode.CLAIM_FAILED,
            Outcome.ERROR: ExitCode.SETUP,
            Outcome.SKIPPED: ExitCode.NOTHING_RAN,
        }[self.conclusion]


def with_branch(branches: Iterable[BranchResult], result: BranchResult) -> tuple[BranchResult, ...]:
    """*branches* and *result*, which replaces an earlier try of the same branch.

    A branch is tried again on a new machine when one breaks; what was not proved once stays so.
    """
    found = {branch.key: branch for branch in branches}
    before = found.get(result.key)
    if before is None or before.holds:
        found[result.key] = result
    return tuple(found.values())


def worst_first(cells: Iterable[CellResult]) -> list[CellResult]:
    """Errors, then failures, then skipped, then passed; stable within each."""
    order = [Outcome.ERROR, Outcome.FAILED, Outcome.SKIPPED, Outcome.PASSED]
    return sorted(cells, key=lambda cell: order.index(cell.outcome))
