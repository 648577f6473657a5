"""The protocol on a real machine with real Nix, and the sabotage of each of its witnesses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.embedded import Embedded, Prepared
from harness.errors import MachineError
from harness.machines.base import Link
from harness.plan import Branch, Cell, Group, Plan, plan
from harness.protocol import CutOff, Experiment, Provisioned
from harness.results import Cause, CellResult, Outcome, Trouble, Verdict
from harness.scenario import Selection, load_scenario
from harness.strategies import registry
from harness.transcript import Transcript

pytestmark = pytest.mark.vm

SMOKE = Path(__file__).parents[2] / "scenarios" / "smoke"
STRATEGIES = ("none", "keep-outputs", "pin-sources")


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    """The smoke scenario's only group, with one more strategy."""
    scenario = load_scenario(SMOKE, registry())
    matrix = replace(scenario.matrix, strategies=STRATEGIES)
    return plan([replace(scenario, matrix=matrix)], Selection(edits=("identical", "hosts"))).groups[
        0
    ]


@pytest.fixture(scope="module")
def prepared(group: Group, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Embedded().prepare(Plan((group,)), tmp_path_factory.mktemp("machines"), print)


@pytest.fixture(scope="module")
def experiment(prepared: Prepared, group: Group) -> Iterator[Experiment]:
    opened = prepared.open("protocol", group)
    try:
        opened.prepare()
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="module")
def base(experiment: Experiment, group: Group) -> Provisioned:
    """The provisioned machine, after its online controls held."""
    provisioned = experiment.provision(group.provision, "", {})
    for cell in group.controls:
        result = experiment.online_control(provisioned, cell, Transcript())
        assert result.outcome is Outcome.PASSED, result
    return provisioned


def branch(group: Group, strategy: str) -> Branch:
    return next(found for found in group.branches if found.strategy == strategy)


def cell(group: Group, strategy: str, edit: str) -> Cell:
    return next(found for found in branch(group, strategy).cells if found.key.edit == edit)


def rebuild(experiment: Experiment, cutoff: CutOff, planned: Cell) -> CellResult:
    return experiment.rebuild(cutoff, planned, Transcript())


def broken_witnesses(result: CellResult) -> set[str]:
    return {witness.name for witness in result.witnesses if not witness.holds}


def test_without_a_strategy_an_edit_fails_for_want_of_inputs(
    experiment: Experiment, base: Provisioned, group: Group
) -> None:
    cutoff = experiment.protect_and_cut(base, branch(group, "none"))
    assert cutoff.result.store_after < cutoff.result.store_before
    kept = rebuild(experiment, cutoff, cell(group, "none", "identical"))
    lost = rebuild(experiment, cutoff, cell(group, "none", "hosts"))
    assert (kept.verdict, kept.outcome) == (Verdict.REBUILT, Outcome.PASSED)
    assert (lost.verdict, lost.cause) == (Verdict.FAILED, Cause.BUILD_MISS)
    assert lost.missing
    assert "needed by" in lost.detail


def test_keep_outputs_rebuilds_the_same_output(
    experiment: Experiment, base: Provisioned, group: Group
) -> None:
    cutoff = experiment.protect_and_cut(base, branch(group, "keep-outputs"))
    result = rebuild(experiment, cutoff, cell(group, "keep-outputs", "hosts"))
    assert (result.verdict, result.outcome) == (Verdict.REBUILT, Outcome.PASSED), result
    assert result.output == base.targets["hosts"].output != base.base_output
    assert result.built


def test_a_wrong_output_is_never_a_rebuild(
    experiment: Experiment, base: Provisioned, group: Group
) -> None:
    cutoff = experiment.protect_and_cut(base, branch(group, "keep-outputs"))
    wrong = replace(base.targets["hosts"], output=base.base_output)
    forged = replace(cutoff, targets={**base.targets, "hosts": wrong})
    result = rebuild(experiment, forged, cell(group, "keep-outputs", "hosts"))
    assert (result.verdict, result.cause) == (Verdict.FAILED, Cause.WRONG_OUTPUT)


def test_a_missing_control_is_an_error(
    experiment: Experiment, base: Provisioned, group: Group
) -> None:
    cutoff = experiment.protect_and_cut(base, branch(group, "keep-outputs"))
    result = rebuild(experiment, replace(cutoff, targets={}), cell(group, "keep-outputs", "hosts"))
    assert result.outcome is Outcome.ERROR


def test_sabotage_the_network_stays_up(
    experiment: Experiment, base: Provisioned, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = experiment.machine
    real = machine.set_link
    monkeypatch.setattr(machine, "set_link", lambda _state: real(Link.UP))
    cutoff = experiment.protect_and_cut(base, branch(group, "keep-outputs"))
    result = rebuild(experiment, cutoff, cell(group, "keep-outputs", "hosts"))
    assert "network-cut" in broken_witnesses(result)
    assert result.outcome is Outcome.ERROR


def test_sabotage_something_asks_the_cache_after_the_cut(
    experiment: Experiment, base: Provisioned, group: Group
) -> None:
    cutoff = experiment.protect_and_cut(base, branch(group, "keep-outputs"))
    heard = experiment.uplink.now()
    go = experiment.machine.branch

    def branch_with_a_leak(tag: str) -> None:
        go(tag)
        experiment.machine.set_link(Link.UP)
        experiment.machine.execute(
            "ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0;"
            " busybox wget -q -T 5 -O /dev/null http://10.0.2.100/nix-cache-info"
        )
        experiment.machine.set_link(Link.DOWN)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment.machine, "branch", branch_with_a_leak)
        result = rebuild(experiment, cutoff, cell(group, "keep-outputs", "hosts"))
    assert experiment.uplink.heard_since(heard)
    assert broken_witnesses(result) == {"network-cut"}
    assert result.outcome is Outcome.ERROR


def test_sabotage_the_collection_does_not_collect(
    experiment: Experiment, base: Provisioned, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment.store, "collect_garbage", lambda *_options: "0 paths deleted")
    cutoff = experiment.protect_and_cut(base, branch(group, "none"))
    result = rebuild(experiment, cutoff, cell(group, "none", "hosts"))
    assert result.verdict is Verdict.REBUILT, "nothing was collected, so nothing is missing"
    assert broken_witnesses(result) == {"garbage-collected"}
    assert result.outcome is Outcome.ERROR


def test_sabotage_the_settings_are_not_in_force(
    experiment: Experiment, base: Provisioned, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment.store, "configure", lambda _settings: None)
    cutoff = experiment.protect_and_cut(base, branch(group, "keep-outputs"))
    result = rebuild(experiment, cutoff, cell(group, "keep-outputs", "identical"))
    assert broken_witnesses(result) == {"strategy-settings"}
    assert result.outcome is Outcome.ERROR


def test_sabotage_the_roots_are_gone(
    experiment: Experiment, base: Provisioned, group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect = experiment.store.collect_garbage

    def collect_without_roots(*options: str) -> str:
        experiment.machine.succeed("rm -r /nix/var/nix/gcroots/harness")
        return collect(*options)

    monkeypatch.setattr(experiment.store, "collect_garbage", collect_without_roots)
    cutoff = experiment.protect_and_cut(base, branch(group, "pin-sources"))
    result = rebuild(experiment, cutoff, cell(group, "pin-sources", "identical"))
    assert broken_witnesses(result) == {"strategy-applied"}
    assert result.outcome is Outcome.ERROR


def test_sabotage_the_edit_does_nothing(
    experiment: Experiment, base: Provisioned, group: Group
) -> None:
    nothing = experiment.scenario.edit("identical").file
    scenario = experiment.scenario
    edits = tuple(replace(e, file=nothing) if e.name == "hosts" else e for e in scenario.edits)
    control = next(c for c in group.controls if c.key.edit == "hosts")
    with pytest.MonkeyPatch.context() as patch:
        unchecked = tuple(replace(e, check=None) for e in edits)
        patch.setattr(experiment, "scenario", replace(scenario, edits=unchecked))
        forgetful = replace(base, targets={})
        result = experiment.online_control(forgetful, control, Transcript())
    assert broken_witnesses(result) == {"edit-changes-output"}
    assert result.outcome is Outcome.ERROR
    assert not forgetful.targets, "no offline cell may be held against it"


def test_sabotage_another_provision_gave_something_else(
    experiment: Experiment, base: Provisioned, group: Group
) -> None:
    known = base.targets["hosts"]
    other = replace(base, targets={"hosts": replace(known, output=base.base_output)})
    control = next(c for c in group.controls if c.key.edit == "hosts")
    result = experiment.online_control(other, control, Transcript())
    assert broken_witnesses(result) == {"one-output-everywhere"}
    assert other.targets["hosts"].output == base.base_output


def test_sabotage_the_edit_is_masked_offline(
    experiment: Experiment, base: Provisioned, group: Group
) -> None:
    cutoff = experiment.protect_and_cut(base, branch(group, "keep-outputs"))
    masked = replace(cutoff, base_output=base.targets["hosts"].output)
    result = rebuild(experiment, masked, cell(group, "keep-outputs", "hosts"))
    assert broken_witnesses(result) == {"edit-changes-output"}
    assert result.outcome is Outcome.ERROR


def test_sabotage_a_check_that_cannot_fail(
    experiment: Experiment, base: Provisioned, group: Group, tmp_path: Path
) -> None:
    blind = tmp_path / "test_blind.py"
    blind.write_text("def test_blind(host):\n    assert host.run('true').succeeded\n")
    scenario = experiment.scenario
    edits = tuple(replace(e, check=blind) for e in scenario.edits)
    control = next(c for c in group.controls if c.key.edit == "hosts")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "scenario", replace(scenario, edits=edits))
        result = experiment.online_control(replace(base, targets={}), control, Transcript())
    assert broken_witnesses(result) == {"check-discriminates"}
    assert result.outcome is Outcome.ERROR


def test_a_check_that_asserts_nothing_is_no_verdict(
    experiment: Experiment, base: Provisioned, group: Group, tmp_path: Path
) -> None:
    empty = tmp_path / "test_empty.py"
    empty.write_text("")
    cutoff = experiment.protect_and_cut(base, branch(group, "keep-outputs"))
    scenario: Any = experiment.scenario
    edits = tuple(replace(e, check=empty) for e in scenario.edits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "scenario", replace(scenario, edits=edits))
        result = rebuild(experiment, cutoff, cell(group, "keep-outputs", "hosts"))
    assert (result.verdict, result.trouble) == (Verdict.ERROR, Trouble.SCENARIO)


def test_a_machine_that_dies_in_a_cell_is_no_verdict(prepared: Prepared, group: Group) -> None:
    doomed = prepared.open("doomed", group)
    try:
        doomed.prepare()
        doomed.machine.crash()
        with pytest.raises(MachineError):
            doomed.provision(group.provision, "", {})
    finally:
        doomed.close()
