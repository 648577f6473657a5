"""The verification of minimal sets, on a machine that is made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.errors import MachineError
from harness.machines.base import Output
from harness.minimality import Need, Trial, controlled, rehearsed_branches, verify_minimal
from harness.plan import Branch, Cell, Group
from harness.protocol import Experiment, Provisioned
from harness.results import BranchResult, Cause, CellKey, CellResult, Claim, Verdict, Witness
from harness.transcript import Transcript

HASH = "0" * 32
JQ, LINT, LIB, SPARE = (f"/nix/store/{HASH}-{name}" for name in ("jq", "lint", "lib", "spare"))
ETC_DRV, JQ_DRV = f"/nix/store/{HASH}-etc.drv", f"/nix/store/{HASH}-jq.drv"
BASE = cast(Provisioned, SimpleNamespace())


@dataclass(frozen=True)
class MadeCutOff:
    result: BranchResult
    available: frozenset[str] = frozenset()


@dataclass
class Made:
    """A store with GC roots, of which each edit needs some; checkpoints are copies of the roots."""

    needs: Mapping[str, set[str]]
    roots: set[str] = field(default_factory=lambda: {JQ, LINT})
    #: Paths that stay valid without a root.
    sticky: set[str] = field(default_factory=set)
    #: Paths whose loss means that a derivation of base is built again.
    rebuilt: Mapping[str, str] = field(default_factory=dict)
    witness: bool = True
    saved: dict[str, set[str]] = field(default_factory=dict)

    scenario = SimpleNamespace(name="made-up")

    @property
    def machine(self) -> Made:
        return self

    store = machine

    # What a machine does

    def checkpoint(self, tag: str) -> None:
        self.saved[tag] = set(self.roots)

    def restore(self, tag: str) -> None:
        self.roots = set(self.saved[tag])

    def succeed(self, command: str) -> str:
        self.roots = {root for root in self.roots if root not in command}
        return ""

    # What a store does

    def rooted(self, name: str) -> list[str]:
        return sorted(self.roots)

    def is_valid(self, path: str) -> bool:
        return path in self.roots | self.sticky

    def registrations(self) -> set[str]:
        return self.roots | self.sticky

    def size(self) -> int:
        return 1000 * len(self.roots)

    def collect_garbage(self) -> str:
        return ""

    # What an experiment does

    def protect_and_cut(self, base: Provisioned, branch: Branch) -> Any:
        self.checkpoint("cut")
        witness = Witness("garbage-collected", self.witness, "the canary")
        keys = ("made-up", "pocket", "built", "rehearsed", "kept", "down")
        return MadeCutOff(BranchResult(*keys, witnesses=(witness,)))

    def recipes_of_base(self) -> frozenset[str]:
        return frozenset({JQ_DRV})

    def rebuild(self, cutoff: Any, cell: Cell, transcript: Transcript, *, start: str) -> CellResult:
        self.restore(start)
        if start != "cut":  # a diagnosis looks for what is missing in what is left
            assert cutoff.available == self.registrations()
        edit = cell.key.edit
        result = CellResult(cell.key, cell.claim, Verdict.REBUILT)
        lost = self.needs[edit] - self.roots - self.sticky
        again = [self.rebuilt[path] for path in sorted(lost) if path in self.rebuilt]
        built = "".join(f"building '{drv}'...\n" for drv in [*again, ETC_DRV])
        transcript.add("nix-build", Output(0, "", built))
        if lost - self.rebuilt.keys():
            message = f"missing: {min(lost)}"
            result = replace(
                result, verdict=Verdict.FAILED, cause=Cause.BUILD_MISS, message=message
            )
        if edit == "broken":
            result = replace(result, verdict=Verdict.ERROR, message="the machine hangs")
        return result


def branch(*edits: str) -> Branch:
    keys = [
        CellKey("made-up", "pocket", "built", "rehearsed", "kept", "down", "nix-build", "", edit)
        for edit in edits
    ]
    cells = tuple(Cell(key, Claim(Verdict.REBUILT)) for key in keys)
    return Branch("built", "rehearsed", "kept", "down", cells)


def verified(made: Made) -> Any:
    return verify_minimal(cast(Experiment, made), BASE, branch(*made.needs), lambda _text: None)


def test_every_root_is_missed_by_an_edit() -> None:
    found = verified(Made({"hosts": {JQ}, "service": {JQ, LINT}}))
    assert found.superfluous == ()
    assert found.trials == (
        Trial(JQ, 1000, Need.FAILS, "hosts", f"build-miss: missing: {JQ}"),
        Trial(LINT, 1000, Need.FAILS, "service", f"build-miss: missing: {LINT}"),
    )
    assert (found.covered, found.others) == (("hosts", "service"), ())


def test_building_something_of_base_again_is_missing_it_too() -> None:
    found = verified(Made({"hosts": {JQ, LINT}}, rebuilt={JQ: JQ_DRV}))
    assert [trial.need for trial in found.trials] == [Need.BUILDS_BASE, Need.FAILS]
    assert found.trials[0].evidence == "jq"


def test_a_root_that_nothing_misses_is_reported() -> None:
    found = verified(Made({"hosts": {JQ, LINT}}, roots={JQ, LINT, SPARE}))
    assert [trial.path for trial in found.superfluous] == [SPARE]
    assert found.superfluous[0].need is Need.NOT_MISSED


def test_a_root_of_what_is_kept_anyway_is_reported() -> None:
    made = Made({"hosts": {JQ, LINT, LIB}}, roots={JQ, LINT, LIB}, sticky={LIB})
    assert [trial.need for trial in verified(made).superfluous] == [Need.KEPT_ANYWAY]


def test_an_edit_that_the_rehearsal_does_not_cover_proves_nothing() -> None:
    found = verified(Made({"hosts": {JQ, LINT}, "new-package": {SPARE}}))
    assert (found.covered, found.others) == (("hosts",), ("new-package",))
    assert not found.superfluous


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (Made({"hosts": {JQ}}, witness=False), "garbage-collected does not hold"),
        (Made({"hosts": {SPARE}}), "no edit rebuilds with all roots"),
        (Made({"broken": {JQ}}), "the machine hangs"),
        (Made({"hosts": {SPARE}}, rebuilt={SPARE: JQ_DRV}), "builds base again: jq"),
    ],
)
def test_a_broken_experiment_is_never_a_proof(made: Made, message: str) -> None:
    with pytest.raises(MachineError, match=message):
        verified(made)


def test_only_branches_that_rehearse_are_verified() -> None:
    failing = Claim(Verdict.FAILED, Cause.BUILD_MISS)
    cells = [*branch("hosts").cells, replace(branch("new-package").cells[0], claim=failing)]
    branches = (replace(branch(), cells=tuple(cells)), replace(branch("hosts"), strategy="none"))
    group = cast(Group, SimpleNamespace(branches=branches))
    (found,) = rehearsed_branches(group)
    assert found.strategy == "rehearsed"
    assert [cell.key.edit for cell in found.cells] == ["hosts"]


def test_controls_must_hold() -> None:
    cell = branch("hosts").cells[0]
    failed = CellResult(cell.key, cell.claim, Verdict.FAILED, Cause.BUILD_MISS, "no compiler")
    experiment = SimpleNamespace(
        prepare=lambda: None,
        provision=lambda name, published, outputs: BASE,
        online_control=lambda base, control, transcript: failed,
    )
    group = cast(Group, SimpleNamespace(provision="built", controls=(cell,)))
    with pytest.raises(MachineError, match="no compiler"):
        controlled(cast(Experiment, experiment), group, "", {})
