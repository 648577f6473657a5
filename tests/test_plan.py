from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.commands.shell import first_selected
from harness.errors import ExitCode, Problem, UsageError
from harness.machines.base import MachineSize
from harness.plan import Branch, Cell, Group, NothingToRun, Plan, _cuts, plan, shard
from harness.results import Cause, Claim, Role, Verdict
from harness.scenario import (
    SUBSTITUTION_OFF,
    Caches,
    ClaimRule,
    Command,
    Edit,
    Exclusion,
    Matrix,
    NetworkMode,
    Provision,
    Scenario,
    Selection,
    SystemName,
)

HERE = Path("/s")


def scenario(name: str = "example", *, ifd: bool = False, **changes: tuple[str, ...]) -> Scenario:
    """Two provisions, three strategies, two caches, three edits: `none` fails for two of them."""
    edits = (
        Edit("identical", "nothing changed", HERE / "identical.nix", changes_nothing=True, line=5),
        Edit("hosts", "a line", HERE / "hosts.nix", line=6),
        Edit("motd", "a file", HERE / "motd.nix", line=7),
    )
    matrix = Matrix(
        system=(SystemName.POCKET,),
        provisions=(Provision.BUILT, Provision.COPIED),
        strategies=("none", "keep-outputs", "mirror"),
        caches=(Caches.KEPT, Caches.WIPED),
        network=(NetworkMode.DOWN,),
        commands=(Command.NIX_BUILD,),
        flags=(SUBSTITUTION_OFF,),
        edits=tuple(edit.name for edit in edits),
    )
    names = frozenset(edit.name for edit in edits)
    loss = Cause.EVALUATION_FETCH if ifd else Cause.BUILD_MISS
    return Scenario(
        name=name,
        folder=HERE,
        file=f"{name}/scenario.yaml",
        title="A title",
        description="",
        machine=MachineSize(),
        patience=60,
        base=HERE / "base.nix",
        ifd=ifd,
        edits=edits,
        matrix=replace(matrix, **changes),  # type: ignore[arg-type]
        claims=(
            ClaimRule(Selection(), frozenset({"identical"}), loss, f"{name}/scenario.yaml", 20),
            ClaimRule(Selection(strategies=("mirror",)), names, None, f"{name}/scenario.yaml", 21),
        ),
        files=(),
        digest="0" * 64,
        warnings=(Problem("x", 1, 1, "unused"),),
    )


def roles(found: Plan, role: Role) -> list[Cell]:
    return [cell for cell in found.cells if cell.key.role is role]


def shape(found: Plan) -> list[tuple[str, list[tuple[str, str, int]]]]:
    return [
        (
            f"{group.scenario.name}/{group.system}/{group.provision}",
            [(branch.strategy, branch.caches, len(branch.cells)) for branch in group.branches],
        )
        for group in found.groups
    ]


def test_the_tree_follows_the_order_of_the_scenario() -> None:
    branches = [
        (strategy, caches, 3)
        for strategy in ("none", "keep-outputs", "mirror")
        for caches in ("kept", "wiped")
    ]
    assert shape(plan([scenario()])) == [
        ("example/pocket/built", branches),
        ("example/pocket/copied", branches),
    ]


def test_every_cell_is_planned_once_with_its_claim() -> None:
    given_scenario = scenario()
    cells = roles(plan([given_scenario]), Role.CELL)
    assert {cell.key for cell in cells} == set(given_scenario.cells)
    assert len(cells) == len(given_scenario.cells) == 2 * 3 * 2 * 3
    assert all(cell.claim == given_scenario.claim(cell.key) for cell in cells)


def test_flags_and_commands_share_a_branch() -> None:
    both = scenario(flags=("", SUBSTITUTION_OFF), commands=("nix-build", "nix"))
    assert {len(branch.cells) for group in plan([both]).groups for branch in group.branches} == {12}


def test_every_edit_has_an_online_control_and_every_provision_has_one_that_changes_something() -> (
    None
):
    found = plan([scenario()])
    assert [[cell.key.edit for cell in group.controls] for group in found.groups] == [
        ["identical", "hosts", "motd"],
        ["hosts"],
    ]
    for group in found.groups:
        for cell in group.controls:
            assert cell.key.provision == group.provision
            assert (cell.key.network, cell.key.flags) == ("up", "")
            assert cell.claim.verdict is Verdict.REBUILT
            assert cell.claim.file == "example/scenario.yaml"
    assert [cell.claim.line for cell in found.groups[0].controls] == [5, 6, 7]


def _controlled_once(found: Plan) -> None:
    """An edit's control comes in the first group that has the edit; no group is without one."""
    before: set[str] = set()
    for group in found.groups:
        online = {cell.key.edit for cell in group.controls}
        offline = {cell.key.edit for branch in group.branches for cell in branch.cells}
        assert offline - before <= online <= offline
        assert online - {"identical"}
        assert len(online & before) <= 1
        before |= online


def test_an_edit_that_only_a_later_provision_has_is_controlled_there() -> None:
    left_out = Exclusion(Selection(provisions=("built",), edits=("motd",)))
    whole = scenario()
    found = plan([replace(whole, matrix=replace(whole.matrix, exclusions=(left_out,)))])
    assert [[cell.key.edit for cell in group.controls] for group in found.groups] == [
        ["identical", "hosts"],
        ["motd"],
    ]


def test_scenarios_do_not_stand_for_one_another() -> None:
    found = plan([scenario(), replace(scenario(), name="another")])
    assert [len(group.controls) for group in found.groups] == [3, 1, 3, 1]


def test_a_claimed_failure_without_a_strategy_is_control_enough() -> None:
    assert roles(plan([scenario()]), Role.NEGATIVE_CONTROL) == []


SELECTIONS = {
    "no none": Selection(strategies=("keep-outputs", "mirror")),
    "none, but identical alone": Selection(strategies=("none",), edits=("identical",)),
    "one edit that survives": Selection(strategies=("mirror",), edits=("motd",)),
}


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS)
@pytest.mark.parametrize("ifd", [False, True])
def test_otherwise_each_provision_gets_a_negative_control(selection: Selection, ifd: bool) -> None:
    found = plan([scenario(ifd=ifd)], selection)
    controls = roles(found, Role.NEGATIVE_CONTROL)
    assert [control.key.provision for control in controls] == ["built", "copied"]
    for group, control in zip(found.groups, controls, strict=True):
        assert control in group.branches[0].cells, "it runs first"
        assert (group.branches[0].strategy, group.branches[0].caches) == ("none", "kept")
        assert control.key.edit == "hosts"
        assert control.key.flags.startswith(SUBSTITUTION_OFF)
        cause = Cause.EVALUATION_FETCH if ifd else Cause.BUILD_MISS
        assert (control.claim.verdict, control.claim.cause) == (Verdict.FAILED, cause)
        assert "hosts" in {cell.key.edit for branch in group.branches for cell in branch.cells}
    _controlled_once(found)


def test_a_failure_for_another_cause_is_no_control() -> None:
    plain = scenario(flags=("",))
    queries = ClaimRule(Selection(), frozenset({"identical"}), Cause.CACHE_QUERY, "f", 1)
    found = plan([replace(plain, claims=(queries,))])
    assert len(roles(found, Role.NEGATIVE_CONTROL)) == 2


def test_a_negative_control_joins_the_branch_that_it_needs() -> None:
    found = plan([scenario()], Selection(strategies=("none", "mirror"), edits=("identical",)))
    assert shape(found)[0][1] == [
        ("none", "kept", 2),
        ("none", "wiped", 1),
        ("mirror", "kept", 1),
        ("mirror", "wiped", 1),
    ]


def test_selected_values_limit_the_cells() -> None:
    selection = Selection(
        provisions=("copied",), strategies=("mirror",), caches=("wiped",), edits=("hosts", "motd")
    )
    cells = roles(plan([scenario()], selection), Role.CELL)
    assert [cell.key.id for cell in cells] == [
        f"example/pocket/copied/mirror/wiped/down/nix-build/substitute-false/{edit}"
        for edit in ("hosts", "motd")
    ]


@pytest.mark.parametrize(
    ("selection", "says"),
    [
        (
            Selection(strategies=("miror",)),
            "unknown value of 'strategies' 'miror'; did you mean ",
        ),
        (Selection(edits=("",)), "unknown value of 'edits' ''"),
        (Selection(system=("nixos",)), "unknown value of 'system' 'nixos'"),
        (Selection(flags=("--offline",)), "unknown value of 'flags' '--offline'"),
    ],
)
def test_unknown_values_are_refused(selection: Selection, says: str) -> None:
    with pytest.raises(UsageError) as error:
        plan([scenario()], selection)
    assert says in error.value.message
    assert error.value.exit_code == ExitCode.USAGE


def test_all_unknown_values_are_named() -> None:
    with pytest.raises(UsageError) as error:
        plan([scenario()], Selection(provisions=("x",), edits=("y", "z")))
    assert len(error.value.message.splitlines()) == 3


def test_a_value_of_one_scenario_is_enough() -> None:
    one, two = scenario("one", strategies=("none",)), scenario("two", strategies=("mirror",))
    found = plan([one, two], Selection(strategies=("mirror",)))
    assert [group.scenario.name for group in found.groups] == ["two", "two"]
    assert found.scenarios == (two,)


@pytest.mark.parametrize("chosen", [[], ["one", "two"]])
def test_nothing_to_run_is_an_error_of_its_own(chosen: list[str]) -> None:
    scenarios = [
        scenario("one", strategies=("none",), provisions=("built",)),
        scenario("two", strategies=("mirror",), provisions=("copied",)),
    ]
    selection = Selection(strategies=("none",), provisions=("copied",)) if chosen else Selection()
    with pytest.raises(NothingToRun) as error:
        plan([s for s in scenarios if s.name in chosen], selection)
    assert error.value.exit_code == ExitCode.NOTHING_RAN


def test_ids_are_unique_and_stable() -> None:
    many = [
        scenario(name, flags=("", "--offline", SUBSTITUTION_OFF), commands=("nix-build", "nix"))
        for name in ("one", "two")
    ]
    first, second = plan(many), plan(many)
    ids = [cell.key.id for cell in first.cells]
    assert len(set(ids)) == len(ids)
    assert first == second


def test_description_is_plain_data() -> None:
    found = plan([scenario()], SELECTIONS["no none"])
    described = found.describe()
    assert json.loads(json.dumps(described)) == described
    assert described["cells"] == 24
    assert described["controls"] == (3 + 1) + (1 + 1)
    assert described["branches"] == 2 * (4 + 1)
    text = json.dumps(described)
    assert all(cell.key.id in text for cell in found.cells)
    assert "failed: build-miss" in text


# Shards


def parts(whole: Plan, count: int, weights: dict[str, float] | None = None) -> list[Plan]:
    return [shard(whole, index, count, weights) for index in range(1, count + 1)]


def keys(found: Plan) -> list[str]:
    return [cell.key.id for cell in roles(found, Role.CELL)]


@pytest.mark.parametrize("count", range(1, 13))
@pytest.mark.parametrize("selection", [None, *SELECTIONS.values()])
def test_shards_cover_everything_once(count: int, selection: Selection | None) -> None:
    whole = plan([scenario()], selection)
    branches = {cell.key.branch for cell in roles(whole, Role.CELL)}
    if count > len(branches):
        with pytest.raises(UsageError, match="cannot be split"):
            shard(whole, 1, count)
        return
    shards = parts(whole, count)
    assert [key for part in shards for key in keys(part)] == keys(whole)
    split = [{cell.key.branch for cell in roles(part, Role.CELL)} for part in shards]
    assert sum(map(len, split)) == len(branches), "a branch is never divided"


@pytest.mark.parametrize("count", [2, 3, 5])
def test_every_shard_proves_its_own_experiment(count: int) -> None:
    for part in parts(plan([scenario()]), count):
        for group in part.groups:
            cells = [cell for branch in group.branches for cell in branch.cells]
            assert any(
                c.key.strategy == "none" and c.claim.cause is Cause.BUILD_MISS for c in cells
            )
        _controlled_once(part)


def test_one_shard_is_the_plan() -> None:
    for selection in (None, *SELECTIONS.values()):
        whole = plan([scenario()], selection)
        assert shard(whole, 1, 1) == whole


def test_times_of_an_earlier_run_balance_the_shards() -> None:
    whole = plan([scenario()])
    slow = keys(whole)[0]
    first, second = parts(whole, 2, {**dict.fromkeys(keys(whole), 1.0), slow: 1000.0})
    assert slow in keys(first)
    assert len(keys(first)) < len(keys(second))


@pytest.mark.parametrize(("index", "count"), [(0, 2), (3, 2), (1, 0), (-1, 2), (1, 13)])
def test_shards_that_do_not_exist(index: int, count: int) -> None:
    with pytest.raises(UsageError):
        shard(plan([scenario()]), index, count)


@given(
    st.lists(st.floats(0.0, 1e6), min_size=1, max_size=40).flatmap(
        lambda loads: st.tuples(st.just(loads), st.integers(1, len(loads)))
    )
)
def test_cuts_leave_no_piece_empty(case: tuple[list[float], int]) -> None:
    loads, count = case
    bounds = [0, *_cuts(loads, count), len(loads)]
    assert len(bounds) == count + 1
    assert all(low < high for low, high in itertools.pairwise(bounds))


@given(st.integers(1, 60), st.integers(1, 12))
def test_equal_loads_are_cut_evenly(size: int, count: int) -> None:
    if count > size:
        return
    bounds = [0, *_cuts([1.0] * size, count), size]
    lengths = [high - low for low, high in itertools.pairwise(bounds)]
    assert max(lengths) - min(lengths) <= 1


def test_the_parts_of_the_tree_are_plain_to_make() -> None:
    """Other tests build trees by hand."""
    at: Callable[[Scenario], Cell] = lambda s: Cell(s.cells[0], Claim(Verdict.REBUILT))  # noqa: E731
    one = scenario()
    branch = Branch("built", "none", "kept", "down", (at(one),))
    assert branch.label == "built/none/kept/down"
    assert Plan((Group(one, "pocket", "built", (), (branch,)),)).cells == (at(one),)


def test_a_shell_goes_to_what_was_asked_for_and_not_to_a_control() -> None:
    group = plan([scenario()], Selection(strategies=("keep-outputs",))).groups[0]
    assert group.branches[0].strategy == "none", "the negative control comes first"
    assert first_selected(group).strategy == "keep-outputs"
