"""What a rehearsal keeps: enough, nothing too much, and the proof of both can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.embedded import Embedded
from harness.minimality import Minimality, Need, controlled, rehearsed_branches, verify_minimal
from harness.plan import Plan, plan
from harness.protocol import Experiment, Provisioned
from harness.scenario import Selection, load_scenario
from harness.strategies import registry
from harness.strategies.base import Site
from harness.strategies.rehearsed import ROOT, Rehearsed

pytestmark = pytest.mark.vm

SCENARIOS = Path(__file__).parents[2] / "scenarios"

Verify = Callable[[], Minimality]


@contextmanager
def verification(name: str, edits: tuple[str, ...], folder: Path) -> Iterator[Verify]:
    """Everything up to the branch of a scenario that rehearses these edits."""
    scenario = load_scenario(SCENARIOS / name, registry())
    selection = Selection(provisions=("cached-packages",), strategies=("rehearsed",), edits=edits)
    (group,) = plan([scenario], selection).groups
    (branch,) = rehearsed_branches(group)
    prepared = Embedded().prepare(Plan((group,)), folder, print)
    experiment: Experiment = prepared.open("rehearsed", group)
    try:
        base: Provisioned = controlled(experiment, group, prepared.published(group), {})
        yield lambda: verify_minimal(experiment, base, branch, print)
    finally:
        experiment.close()


def test_every_root_is_needed_and_a_needless_one_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with verification("rehearsed", ("hosts", "service", "new-package"), tmp_path) as verify:
        found = verify()
        assert (found.covered, found.others) == (("hosts", "service"), ())
        assert {trial.edit for trial in found.trials} == {"hosts", "service"}
        assert found.superfluous == ()

        original = Rehearsed.protect

        def protect(self: Rehearsed, site: Site) -> None:
            original(self, site)
            spare = site.machine.succeed("echo > /run/spare && nix-store --add /run/spare").strip()
            site.store.root(f"{ROOT}-spare", [spare])

        monkeypatch.setattr(Rehearsed, "protect", protect)
        spoilt = verify()
        assert [trial.need for trial in spoilt.trials if trial.path.endswith("-spare")] == [
            Need.NOT_MISSED
        ]


def test_what_evaluation_imports_is_needed_too(tmp_path: Path) -> None:
    with verification("rehearsed-ifd", ("identical", "hosts"), tmp_path) as verify:
        found = verify()
    assert found.covered == ("identical", "hosts")
    assert found.superfluous == ()
    needs = {trial.path.partition("-")[2]: trial.need for trial in found.trials}
    assert not needs["sites.nix"].superfluous
