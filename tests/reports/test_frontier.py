from __future__ import annotations

from dataclasses import replace

from harness.reports.frontier import Frontier, frontiers
from harness.reports.plot import HEIGHT, WIDTH, plot
from harness.results import BranchResult, CellResult, RunResult, Verdict, Witness
from tests.reports.sample import sample_run

RUN = sample_run()
CELLS = [c for c in RUN.cells if c.key.scenario == "strategies"]


def frontier(provision: str = "cached-packages", run: RunResult = RUN) -> Frontier:
    return next(f for f in frontiers(run) if (f.scenario, f.provision) == ("strategies", provision))


def without(*strategies: str) -> RunResult:
    return replace(
        RUN,
        cells=tuple(c for c in RUN.cells if c.key.strategy not in strategies),
        branches=tuple(b for b in RUN.branches if b.strategy not in strategies),
    )


def test_bytes_are_counted_from_doing_nothing_with_the_bundle() -> None:
    points = {point.strategy: point for point in frontier().points}
    assert points["none"].extra == 0
    assert points["keep-derivations"].extra == -64_000
    assert points["pin-sources"].extra == 33_829_000
    assert points["bundle-full"].extra == 49_871_000
    assert (points["keep-outputs"].survived, points["keep-outputs"].decided) == (9, 14)
    assert points["keep-outputs"].share == 9 / 14
    assert points["pin-sources"].builds == 31


def test_points_are_ordered_by_edits_then_bytes() -> None:
    order = [(-point.share, point.extra) for point in frontier().points]
    assert order == sorted(order)


def test_the_best_are_beaten_by_no_other() -> None:
    best = frontier().best
    assert [point.strategy for point in best] == [
        "keep-derivations",
        "extra-dependencies",
        "pin-sources",
    ]
    for chosen in best:
        assert not any(
            other.extra < chosen.extra and other.survived >= chosen.survived
            for other in frontier().points
        )


def test_the_sentence_names_the_cheapest_and_the_quickest() -> None:
    sentence = frontier().sentence()
    assert sentence.startswith("12 of 14 edits survive at best. Use `pin-sources`, which keeps")
    assert "33.8 MB more than `none`" in sentence
    assert "31 builds a rebuild), to keep the least" in sentence
    assert "or `keep-outputs-realised`, which keeps 49.2 MB" in sentence
    assert "`extra-dependencies` survives 2 and keeps 530 kB" in sentence


def test_where_one_is_both_the_sentence_names_one() -> None:
    sentence = frontier(run=without("pin-sources")).sentence()
    assert "Use `keep-outputs-realised`, which keeps 49.2 MB more than `none`" in sentence
    assert "quickest" not in sentence


def test_where_nothing_helps_the_sentence_says_so() -> None:
    ifd = next(f for f in frontiers(RUN) if f.scenario == "ifd")
    assert ifd.sentence() == "No strategy survives anything here."
    poor = frontier(run=without(*(p.strategy for p in frontier().points if p.survived > 1)))
    assert poor.sentence() == "No strategy survives more than doing nothing does: 1 of 14 edits."


def test_without_a_baseline_bytes_count_from_the_smallest() -> None:
    found = frontier(run=without("none", "keep-derivations"))
    assert found.baseline == "bundle-recipe" or found.baseline == "derivation-json"
    assert min(point.extra for point in found.points) == 0
    assert f"more than `{found.baseline}`" in found.sentence()


def test_what_cannot_be_trusted_does_not_count() -> None:
    leak = Witness("network-cut", False, "got through")

    def spoil(cell: CellResult) -> CellResult:
        if cell.key.strategy == "pin-sources" and cell.key.edit == "hosts":
            return replace(cell, witnesses=(leak,))
        return cell

    run = replace(RUN, cells=tuple(map(spoil, RUN.cells)))
    point = next(p for p in frontier(run=run).points if p.strategy == "pin-sources")
    assert (point.survived, point.decided, point.undecided) == (11, 13, 1)
    sentence = frontier(run=run).sentence()
    assert "Use `keep-outputs-realised`" in sentence
    assert sentence.endswith("Not fully measured: `pin-sources`.")


def test_controls_and_lonely_strategies_are_no_points() -> None:
    assert not any(f.scenario == "flags" for f in frontiers(RUN))
    assert sum(p.decided + p.undecided for p in frontier().points) == 11 * 14


def test_several_rebuilds_of_an_edit_are_called_rebuilds() -> None:
    cells: list[CellResult] = []
    branches: list[BranchResult] = []
    for caches in ("kept", "wiped"):
        cells += [replace(c, key=replace(c.key, caches=caches)) for c in CELLS]
        branches += [replace(b, caches=caches) for b in RUN.branches if b.scenario != "ifd"]
    found = frontier(run=replace(RUN, cells=tuple(cells), branches=tuple(branches)))
    assert "24 of 28 rebuilds survive" in found.sentence()


def test_the_plot_has_every_strategy_inside_its_axes() -> None:
    for found in frontiers(RUN):
        drawn = plot(found)
        points = [point for mark in drawn.marks for point in mark.points]
        assert sorted(p.strategy for p in points) == sorted(p.strategy for p in found.points)
        for mark in drawn.marks:
            assert drawn.left <= mark.x <= drawn.right <= WIDTH
            assert drawn.top <= mark.y <= drawn.bottom <= HEIGHT
        assert 2 <= len(drawn.x_ticks) <= 8
        assert drawn.x_ticks[-1].at <= drawn.right + 0.01


def test_marks_that_would_hide_each_other_are_one() -> None:
    drawn = plot(frontier())
    together = {tuple(sorted(p.strategy for p in mark.points)) for mark in drawn.marks}
    assert ("bundle-full", "include-build-dependencies", "keep-outputs-realised", "mirror") in (
        together
    )
    assert ("pin-sources",) in together
    assert [mark.number for mark in drawn.marks] == list(range(1, len(drawn.marks) + 1))


def test_a_run_of_nothing_but_errors_has_no_frontier() -> None:
    cells = tuple(replace(c, verdict=Verdict.ERROR, cause=None) for c in RUN.cells)
    assert frontiers(replace(RUN, cells=cells)) == []
