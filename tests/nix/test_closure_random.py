"""Random graphs, against the plainest reading of what Nix does."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from harness.nix.closure import (
    build_closure,
    changed_derivations,
    minimal_set,
    offline_rebuild,
)
from tests.nix.toys import (
    Recipe,
    Recipes,
    Toy,
    path,
)


@st.composite
def random_systems(draw: st.DrawFn) -> tuple[Toy, set[str]]:
    """Two toplevels over shared and changed derivations, and some store paths that are there."""
    recipes: dict[str, Recipe] = {}
    takable: list[str] = []
    for number in range(draw(st.integers(1, 7))):
        fixed = draw(st.booleans())
        outputs = ("out",) if fixed else draw(st.sampled_from([("out",), ("dev", "out")]))
        recipes[f"d{number}"] = Recipe(
            draw(some_of(takable)) if takable else [],
            draw(st.sampled_from([(), ("s1",), ("s1", "s2")])),
            outputs,
            gives=f"d{number}",
            fixed=fixed,
        )
        takable += [f"d{number}!{output}" for output in outputs]
    new: dict[str, str] = {}

    def renewed(inputs: Iterable[str]) -> list[str]:
        parts = (one.partition("!") for one in inputs)
        return [f"{new.get(drv, drv)}!{output}" for drv, _, output in parts]

    for name, old in list(recipes.items()):
        edited = draw(st.booleans())
        takes = renewed(old.inputs)
        if not edited and takes == old.inputs:
            continue
        # As with Nix: with another input the outputs are others too, unless they are fixed.
        gives = name if old.fixed and not edited else f"{name}-new"
        new[name] = f"{name}-new"
        recipes[new[name]] = Recipe(takes, old.sources, old.outputs, gives, old.fixed)
    used = draw(some_of(takable, least=1))
    recipes["top1"] = Recipe(used, gives="top1")
    recipes["top2"] = Recipe(renewed(used), ["edit"], gives="top2")
    paths = [f"{one.gives}-{output}" for one in recipes.values() for output in one.outputs]
    return Toy(recipes), draw(st.sets(st.sampled_from([*paths, "s1", "s2", "edit"])))


def some_of(takable: list[str], least: int = 0) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(takable), min_size=least, max_size=4, unique=True)


def can_be_had(recipes: Recipes, here: set[str], name: str, output: str) -> bool:
    """What Nix would do offline: take it, or build it from what it takes."""
    recipe = recipes[name]
    return f"{recipe.gives}-{output}" in here or (
        not recipe.fixed
        and here.issuperset(recipe.sources)
        and all(can_be_had(recipes, here, *one.split("!")) for one in recipe.inputs)
    )


@given(random_systems())
def test_something_is_missing_exactly_if_nix_would_fail(case: tuple[Toy, set[str]]) -> None:
    toy, here = case
    missing = toy.missing("top1", "top2", *here)
    assert bool(missing) is not can_be_had(toy.recipes, here, "top2", "out")
    assert not here.intersection(missing)
    assert toy.missing("top1", "top2", *here, *missing) == {}  # they are enough
    for key, chain in missing.items():
        assert chain[0] == "top2"
        for user, taken in pairwise(chain):
            assert taken in {one.partition("!")[0] for one in toy.recipes[user].inputs}
        last = toy.recipes[chain[-1]]
        assert key in last.sources or key in {f"{last.gives}-{one}" for one in last.outputs}


@given(random_systems())
def test_only_outputs_that_base_lacks_are_changed(case: tuple[Toy, set[str]]) -> None:
    toy, _here = case
    below = build_closure(toy.graph, toy.nodes("top1")).outputs
    changed = changed_derivations(toy.graph, toy.nodes("top1"), toy.nodes("top2"))
    assert all(below.isdisjoint(toy.graph.outputs[node].values()) for node in changed)
    for user in changed:  # whole: no input of one is left out
        for node, _output, key in toy.graph.taken(user):
            assert (node in changed) is (key not in below)


@given(random_systems(), st.data())
def test_a_minimal_set_suffices_and_every_root_is_needed(
    case: tuple[Toy, set[str]], data: st.DataObject
) -> None:
    toy, _here = case
    base, following = toy.nodes("top1"), toy.nodes("top2")
    known = sorted(build_closure(toy.graph, base).outputs)
    runtime = {path("top1-out"), *data.draw(st.sets(st.sampled_from(known)))}
    found = minimal_set(toy.graph, base, following, runtime)
    sources = build_closure(toy.graph, following).sources
    keys = {root.key for root in found.roots}
    enough = offline_rebuild(toy.graph, base, following, runtime | keys | sources)
    assert enough.missing == ()
    assert enough.again == ()
    assert set(enough.edit) == set(found.rebuilt)
    for key in keys:
        less = offline_rebuild(toy.graph, base, following, (runtime | keys | sources) - {key})
        assert less.missing or less.again
