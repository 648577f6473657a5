from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.nix.closure import offline_rebuild
from harness.nix.explanation import Explanation, Gone, Known, Phase, explain, explain_import
from tests.nix.toys import EDIT_SOURCES, SYSTEM, Recipe, Toy, path

#: What a collection without any protection leaves of the miniature system.
RUNTIME = ("top1-out", "etc1-out", "prog-out", "lib-out")


def known(*available: str, **rest: object) -> Known:
    there = {path(name) for name in (*available, *EDIT_SOURCES)}
    return replace(Known(there), **rest)  # type: ignore[arg-type]


def told(about: Known, toy: Toy | None = None, following: str = "top2") -> Explanation:
    toy = toy or Toy(SYSTEM)
    return explain(toy.graph, toy.nodes("top1"), toy.nodes(following), about)


def why(about: Known, toy: Toy | None = None) -> Mapping[str, Gone]:
    return {item.name: item.why for item in told(about, toy).missing}


def drv(name: str) -> str:
    return path(f"{name}.drv")


def test_names_the_nearest_missing_output_and_the_way_to_it() -> None:
    found = told(known(*RUNTIME))
    assert found.phase is Phase.BUILD
    (missing,) = found.missing
    assert (missing.name, missing.output) == ("tool-out", "out")
    # The toplevel needs the tool itself, so the shortest chain does not lead through etc.
    assert missing.chain == ("top2",)
    assert found.edit == ("top2", "etc2")
    assert found.lines()[0] == "the build stops: 1 path is missing, nearest to the edit first:"
    assert "needed by top2" in found.lines()[2]
    assert found.lines()[-1] == "the edit itself rebuilds 2 derivations (top2, etc2), as expected"


def test_says_when_nothing_is_missing() -> None:
    found = told(known(*RUNTIME, "tool-out"))
    assert (found.phase, found.missing) == (Phase.NOTHING, ())
    assert "nothing is missing" in found.lines()[0]
    assert "--option substitute false" in found.lines()[0]


def test_says_when_there_is_nothing_to_build() -> None:
    assert told(known("top2-out")).lines()[1] == "no derivation has to be built"


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        (known(*RUNTIME), Gone.NEVER_HERE),  # what is there was fetched
        (known(*RUNTIME, built_here={path("etc1-out")}), Gone.COLLECTED_BUILD_INPUT),
        (known(*RUNTIME, derivers={path("etc1-out"): drv("etc1")}), Gone.NEVER_HERE),
        (known(*RUNTIME, derivers={path("etc1-out"): drv("other")}), Gone.DERIVER_MISMATCH),
        (known(*RUNTIME, earlier={path("tool-out")}), Gone.COLLECTED_BUILD_INPUT),
        (known(*RUNTIME, earlier={path("etc1-out")}), Gone.NEVER_HERE),
        (
            known(*RUNTIME, earlier={path("tool-out")}, derivers={path("top1-out"): drv("other")}),
            Gone.DERIVER_MISMATCH,
        ),
        (known(*RUNTIME, damaged={path("tool-out")}), Gone.DAMAGED),
        (known("lib-out"), Gone.ABSENT),  # nothing that is there used it
    ],
)
def test_says_why_it_is_gone(about: Known, reason: Gone) -> None:
    assert why(about)["tool-out"] is reason


def test_what_the_edit_brings_is_new() -> None:
    toy = Toy({**SYSTEM, "new": Recipe(fixed=True), "top2": Recipe(["etc2", "tool", "new"])})
    assert why(known(*RUNTIME, "tool-out"), toy) == {"new-out": Gone.NEW}


def test_a_source_is_called_a_source() -> None:
    toy = Toy({**SYSTEM, "prog2": Recipe(["cc", "lib-src"]), "top2": Recipe(["etc2", "prog2"])})
    about = known(*RUNTIME, "tool-out", "cc-out", built_here={path("lib-out")})
    assert why(about, toy) == {"lib-src-out": Gone.COLLECTED_SOURCE}


def test_looks_past_users_that_are_gone_too() -> None:
    """tool was needed for etc1, which is gone, which was needed for top1, which is there."""
    about = known("top1-out", "prog-out", built_here={path("top1-out")})
    toy = Toy({**SYSTEM, "top1": Recipe(["etc1", "prog"])})
    assert why(about, toy)["tool-out"] is Gone.COLLECTED_BUILD_INPUT


def test_a_fixed_output_has_many_rightful_derivers() -> None:
    toy = Toy({"src": Recipe(fixed=True), "top1": Recipe(["src"]), "top2": Recipe(["src", "x"]),
               "x": Recipe(["src"])})  # fmt: skip
    about = known(
        "top1-out", derivers={path("src-out"): drv("other"), path("top1-out"): drv("top1")}
    )
    assert why(about, toy) == {"src-out": Gone.NEVER_HERE}


def test_an_import_stops_the_evaluation() -> None:
    toy = Toy(SYSTEM)
    (node,) = toy.nodes("etc1")
    base = toy.nodes("top1")
    found = explain_import(toy.graph, base, node, known(sizes={path("etc1-out"): 1500}))
    assert found.phase is Phase.EVALUATION
    assert [(item.name, item.why, item.size) for item in found.missing] == [
        ("etc1", Gone.IMPORTED, 1500)
    ]
    assert found.lines()[0] == (
        "the evaluation stops, since it imports from a derivation: 1 path is missing:"
    )
    assert "import from derivation" in found.lines()[1]
    assert "1.5 kB" in found.lines()[1]
    assert explain_import(toy.graph, base, node, known("etc1-out")).phase is Phase.NOTHING


def test_a_changed_import_lacks_what_making_it_takes() -> None:
    toy = Toy(SYSTEM)
    (node,) = toy.nodes("etc2")
    about = known(*RUNTIME, earlier={path("etc1-out"), path("tool-out")})
    found = explain_import(toy.graph, toy.nodes("top1"), node, about)
    assert found.phase is Phase.EVALUATION
    assert [(item.name, item.why, item.chain) for item in found.missing] == [
        ("tool-out", Gone.COLLECTED_BUILD_INPUT, ("etc2",))
    ]


def test_long_lists_are_counted() -> None:
    parts = {f"part{number:02}": Recipe(fixed=True) for number in range(30)}
    toy = Toy({**parts, "top1": Recipe(), "top2": Recipe(parts)})
    found = told(known("top1-out"), toy)
    assert len(found.missing) == 30
    lines = found.lines()
    assert len(lines) < 20
    assert "  and 22 more" in lines


def test_sizes_in_json() -> None:
    parts = {"a": Recipe(fixed=True), "b": Recipe(fixed=True)}
    toy = Toy({**parts, "top1": Recipe(), "top2": Recipe(parts)})
    shown = told(known("top1-out", sizes={path("a-out"): 7}), toy).as_json()
    assert shown["missing_size"] == {"known": 7, "unknown": 1}


@given(st.sets(st.sampled_from([f"{name}-out" for name in SYSTEM] + ["lib-dev"])))
def test_every_missing_path_has_a_reason_and_a_chain_of_the_edit(there: set[str]) -> None:
    toy = Toy(SYSTEM)
    about = known(*there)
    found = told(about, toy)
    plan = offline_rebuild(toy.graph, toy.nodes("top1"), toy.nodes("top2"), about.available)
    assert [item.path for item in found.missing] == [item.key for item in plan.missing]
    assert (found.phase is Phase.NOTHING) == (not plan.missing)
    for item in found.missing:
        assert item.why in Gone
        assert not item.chain or item.chain[0] == "top2"
