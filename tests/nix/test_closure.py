from __future__ import annotations

from collections.abc import Mapping

import pytest

from harness.nix.closure import (
    Size,
    build_closure,
    changed_derivations,
    irredundant,
    minimal_set,
    offline_rebuild,
    runtime_closure,
    total_size,
)
from harness.nix.derivation import Derivation, Output, Selection, write_derivation
from harness.nix.graph import GraphError, load_graph
from tests.nix.toys import (
    EDIT_SOURCES,
    SYSTEM,
    Recipe,
    Toy,
    path,
)


@pytest.fixture
def system() -> Toy:
    return Toy(SYSTEM)


def test_build_closure(system: Toy) -> None:
    closure = build_closure(system.graph, system.nodes("etc1"))
    names = ["etc1", "tool", "cc", "lib", "seed", "lib-src", "curl"]
    assert sorted(system.names(closure.derivations)) == sorted(names)
    assert closure.sources == {path("hosts1"), path("cc.patch")}
    assert path("lib-doc") in closure.outputs  # a build makes all outputs
    assert path("prog-out") not in closure.outputs


def test_an_edit_changes_what_its_text_reaches(system: Toy) -> None:
    assert system.changed("top1", "top2") == ["top2", "etc2"]
    assert system.changed("top2", "top1") == ["top1", "etc1"]
    assert system.changed("top1", "top1") == []


def test_a_changed_recipe_behind_an_unchanged_fixed_output_is_no_change() -> None:
    toy = Toy(
        {
            "curl1": Recipe(),
            "curl2": Recipe(),
            "src1": Recipe(["curl1"], gives="src", fixed=True),
            "src2": Recipe(["curl2"], gives="src", fixed=True),
            # The same output path: Nix leaves the recipes of fixed outputs out of the hash.
            "prog1": Recipe(["src1"], gives="prog"),
            "prog2": Recipe(["src2"], gives="prog"),
            "top1": Recipe(["prog1"]),
            "top2": Recipe(["prog2", "src2"]),
        }
    )
    assert toy.changed("top1", "top2") == ["top2"]
    assert toy.missing("top1", "top2", "prog-out") == {"src-out": ["top2", "src2"]}


def test_what_a_new_fixed_output_is_fetched_with_counts() -> None:
    toy = Toy(
        {
            "src1": Recipe(fixed=True),
            "curl2": Recipe(),
            "src2": Recipe(["curl2"], fixed=True),
            "top1": Recipe(["src1"]),
            "top2": Recipe(["src2"]),
        }
    )
    assert toy.changed("top1", "top2") == ["top2", "src2", "curl2"]


def test_outputs_that_only_a_build_can_tell_are_told_apart_by_recipe() -> None:
    drvs = {name: path(f"{name}.drv") for name in ("ca", "top1", "top2")}
    floating = {"out": Output("", "r:sha256")}
    taken = {drvs["ca"]: Selection(frozenset({"out"}))}
    deferred = {"out": Output("")}

    def text(outputs: Mapping[str, Output], inputs: Mapping[str, Selection], builder: str) -> str:
        return write_derivation(Derivation(outputs, inputs, frozenset(), "x", builder, (), {}))

    texts = {
        drvs["ca"]: text(floating, {}, "/bin/sh"),
        drvs["top1"]: text(deferred, taken, "1"),
        drvs["top2"]: text(deferred, taken, "2"),
    }
    graph = load_graph([drvs["top1"], drvs["top2"]], texts.__getitem__)
    top1, top2 = graph.node(drvs["top1"]), graph.node(drvs["top2"])
    assert changed_derivations(graph, [top1], [top2]) == (top2,)
    assert offline_rebuild(graph, [top1], [top2], {drvs["ca"] + "!out"}).missing == ()


def test_nothing_is_missing_when_the_inputs_of_the_edit_are_there(system: Toy) -> None:
    rebuild = offline_rebuild(
        system.graph,
        system.nodes("top1"),
        system.nodes("top2"),
        set(map(path, ["hosts2", "tool-out", "prog-out"])),
    )
    assert rebuild.missing == ()
    assert system.names(rebuild.edit) == ["top2", "etc2"]
    assert rebuild.again == ()


def test_the_missing_one_is_that_nearest_to_the_edit(system: Toy) -> None:
    """And not the seed, which everything lacks in the end."""
    rebuild = offline_rebuild(
        system.graph,
        system.nodes("top1"),
        system.nodes("top2"),
        set(map(path, ["hosts2", "prog-out"])),
    )
    (one,) = rebuild.missing
    assert (one.key, one.output) == (path("tool-out"), "out")
    assert system.names([one.node] if one.node is not None else []) == ["tool"]
    assert not one.fixed
    assert not one.of_edit
    assert system.names(one.chain) == ["top2", "tool"]  # not by way of etc2


def test_the_chain_is_the_shortest_through_what_is_built() -> None:
    toy = Toy(
        {
            "tool": Recipe(fixed=True),
            "text2": Recipe(["tool"]),
            "unit2": Recipe(["text2"]),
            "etc2": Recipe(["unit2"]),
            "top1": Recipe(),
            "top2": Recipe(["etc2", "unit2", "text2"]),
        }
    )
    assert toy.missing("top1", "top2") == {"tool-out": ["top2", "text2", "tool"]}
    assert sorted(toy.changed("top1", "top2")) == ["etc2", "text2", "tool", "top2", "unit2"]


def test_an_absent_output_that_can_be_built_again_is_not_missing(system: Toy) -> None:
    rebuild = offline_rebuild(
        system.graph,
        system.nodes("top1"),
        system.nodes("top2"),
        set(map(path, [*EDIT_SOURCES, "prog-out", "seed-out", "lib-src-out"])),
    )
    assert rebuild.missing == ()
    assert sorted(system.names(rebuild.again)) == ["cc", "lib", "tool"]
    assert system.names(rebuild.edit) == ["top2", "etc2"]


def test_outputs_count_one_by_one(system: Toy) -> None:
    here = ["hosts2", "cc-out", "prog-out"]
    assert system.missing("top1", "top2", *here, "lib-dev") == {}
    assert system.missing("top1", "top2", *here, "lib-out") == {"tool-out": ["top2", "tool"]}
    here += ["lib-src-out"]  # then lib can be built again, for the sake of its dev
    assert system.missing("top1", "top2", *here, "lib-out") == {}


def test_an_absent_source_of_an_unchanged_derivation(system: Toy) -> None:
    here = ["hosts2", "prog-out", "seed-out", "lib-dev"]
    assert system.missing("top1", "top2", *here) == {"tool-out": ["top2", "tool"]}
    assert system.missing("top1", "top2", *here, "cc.patch") == {}


def test_an_absent_source_of_the_edit(system: Toy) -> None:
    assert system.missing("top1", "top2", "tool-out", "prog-out") == {"hosts2": ["top2", "etc2"]}


def test_a_new_fixed_output_cannot_be_had_whatever_is_there() -> None:
    toy = Toy(
        {
            "curl": Recipe(),
            "src1": Recipe(["curl"], fixed=True),
            "src2": Recipe(["curl"], fixed=True),
            "prog1": Recipe(["src1"]),
            "prog2": Recipe(["src2"]),
            "top1": Recipe(["prog1"]),
            "top2": Recipe(["prog2"]),
        }
    )
    rebuild = offline_rebuild(
        toy.graph, toy.nodes("top1"), toy.nodes("top2"), {path("curl-out"), path("src1-out")}
    )
    (one,) = rebuild.missing
    assert one.key == path("src2-out")
    assert one.fixed
    assert one.of_edit
    assert toy.names(one.chain) == ["top2", "prog2", "src2"]


def test_the_identical_configuration(system: Toy) -> None:
    assert system.missing("top1", "top1", "top1-out") == {}
    assert system.missing("top1", "top1") == {"top1-out": ["top1"]}
    assert system.missing("top1", "top1", "etc1-out", "prog-out", "tool-out") == {}


def test_what_evaluation_imports_is_needed_too(system: Toy) -> None:
    rebuild = offline_rebuild(
        system.graph,
        system.nodes("top1", "prog"),
        system.nodes("top1", "prog"),
        {path("top1-out")},
    )
    assert [one.key for one in rebuild.missing] == [path("prog-out")]


def test_minimal_set_of_a_text_edit(system: Toy) -> None:
    base, following = system.nodes("top1"), system.nodes("top2")
    found = minimal_set(system.graph, base, following, {path("prog-out"), path("lib-out")})
    assert [root.key for root in found.roots] == [path("tool-out")]
    assert system.names(found.rebuilt) == ["top2", "etc2"]
    assert found.sources == {path("hosts2")}


def test_minimal_set_of_a_patched_library() -> None:
    toy = Toy(
        {
            **SYSTEM,
            "lib3": Recipe(["cc", "lib-src"], ["lib.patch"], outputs=("out", "dev", "doc")),
            "tool3": Recipe(["cc", "lib3!dev"]),
            "prog3": Recipe(["cc", "lib3!dev", "lib3!out"]),
            "etc3": Recipe(["tool3"], ["hosts1"]),
            "top3": Recipe(["etc3", "prog3", "tool3"]),
        }
    )
    found = minimal_set(
        toy.graph, toy.nodes("top1"), toy.nodes("top3"), {path("prog-out"), path("lib-out")}
    )
    assert {root.key for root in found.roots} == {path("cc-out"), path("lib-src-out")}
    assert sorted(toy.names(found.rebuilt)) == ["etc3", "lib3", "prog3", "tool3", "top3"]


def test_minimal_set_keeps_new_sources() -> None:
    toy = Toy(
        {
            "src2": Recipe(fixed=True),
            "prog2": Recipe(["src2"]),
            "top1": Recipe(),
            "top2": Recipe(["prog2"]),
        }
    )
    found = minimal_set(toy.graph, toy.nodes("top1"), toy.nodes("top2"), {path("top1-out")})
    assert [root.key for root in found.roots] == [path("src2-out")]


def test_what_is_there_anyway_is_not_rebuilt(system: Toy) -> None:
    """Even if base's own graph does not know it (another profile keeps it)."""
    found = minimal_set(
        system.graph,
        system.nodes("top1"),
        system.nodes("top2"),
        {path("prog-out"), path("tool-out"), path("etc2-out")},
    )
    assert system.names(found.rebuilt) == ["top2"]
    assert (found.roots, found.sources) == ((), frozenset())


def test_nothing_need_be_kept_for_the_identical_configuration(system: Toy) -> None:
    base = system.nodes("top1")
    found = minimal_set(system.graph, base, base, {path("top1-out")})
    assert (found.roots, found.rebuilt, found.sources) == ((), (), frozenset())


def test_a_recipe_that_depends_on_itself_is_an_error_and_no_endless_loop() -> None:
    toy = Toy(
        {
            "a": Recipe(["b"]),
            "b": Recipe(["a"]),
            "top1": Recipe(["a"]),
            "top2": Recipe(["a"]),
        }
    )
    with pytest.raises(GraphError, match="depends on itself"):
        toy.missing("top1", "top2")
    assert toy.changed("top1", "top2") == ["top2"]


def test_a_chain_of_many_thousand_derivations() -> None:
    length = 20_000
    recipes = {f"p{number}": Recipe([f"p{number + 1}"]) for number in range(length)}
    toy = Toy({**recipes, f"p{length}": Recipe(), "q": Recipe(["p0"])})
    rebuild = offline_rebuild(toy.graph, toy.nodes("p0"), toy.nodes("q"), set())
    assert rebuild.missing == ()
    assert len(rebuild.again) == length + 1
    (last,) = toy.nodes(f"p{length}")
    assert len(changed_derivations(toy.graph, [last], toy.nodes("p0"))) == length


REFERENCES = {
    "app": ["app", "lib"],
    "lib": ["lib", "libc"],
    "libc": ["libc"],
    "tool": ["libc"],
    "doc": [],
}


def test_runtime_closure() -> None:
    assert runtime_closure(["app", "app"], REFERENCES.__getitem__) == {"app", "lib", "libc"}
    assert runtime_closure([], REFERENCES.__getitem__) == frozenset()
    with pytest.raises(KeyError):  # what the caller's function raises, not silence
        runtime_closure(["nowhere"], REFERENCES.__getitem__)


def test_roots_that_other_roots_keep_are_dropped() -> None:
    paths = ["doc", "lib", "libc", "app", "lib", "tool"]
    assert irredundant(paths, REFERENCES.__getitem__) == ("doc", "app", "tool")
    assert irredundant(["libc", "tool"], REFERENCES.__getitem__) == ("tool",)
    assert irredundant(["lib"], REFERENCES.__getitem__) == ("lib",)


def test_sizes() -> None:
    here, cache = {"app": 10, "lib": 5}, {"lib": 999, "tool": 7}
    assert total_size(["app", "lib", "app", "tool", "doc"], here, cache) == Size(22, ("doc",))
    assert total_size([], here) == Size(0, ())
