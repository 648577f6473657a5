"""What a rehearsal keeps, beside all build dependencies and beside the least that can do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from harness.bench import Measurement
from harness.embedded import Prepared
from harness.minimality import controlled
from harness.nix.closure import minimal_set, runtime_closure
from harness.nix.graph import load_graph
from harness.plan import Branch, Group
from harness.protocol import CutOff, Experiment, Provisioned
from harness.results import Verdict

BASELINE, REHEARSED, EVERYTHING = "none", "rehearsed", "include-build-dependencies"


def measure(
    prepared: Prepared, group: Group, progress: Callable[[str], None]
) -> Iterator[Measurement]:
    """Measure a *group* of a scenario that has these three strategies."""
    experiment = prepared.open("kept", group)
    try:
        progress(f"{group.scenario.name}: provision {group.provision}, online controls")
        base = controlled(experiment, group, prepared.published(group), {})
        branches = {branch.strategy: branch for branch in group.branches}
        edits = [
            cell.key.edit
            for cell in branches[REHEARSED].cells
            if cell.claim.verdict is Verdict.REBUILT
        ]
        yield from _compared(experiment, base, branches, edits, progress)
        yield from _compared(experiment, base, branches, edits[:1], progress)
    finally:
        experiment.close()


def _compared(
    experiment: Experiment,
    base: Provisioned,
    branches: dict[str, Branch],
    edits: Sequence[str],
    progress: Callable[[str], None],
) -> Iterator[Measurement]:
    cut: dict[str, CutOff] = {}
    for name in (BASELINE, REHEARSED, EVERYTHING):
        progress(f"{name}, for {', '.join(edits)}")
        cells = tuple(cell for cell in branches[name].cells if cell.key.edit in edits)
        cut[name] = experiment.protect_and_cut(base, replace(branches[name], cells=cells))
    least = _least(experiment, base, edits, cut[EVERYTHING])
    left = {name: one.result.store_after for name, one in cut.items()}
    kept = left[REHEARSED] - left[BASELINE]
    everything = left[EVERYTHING] - left[BASELINE]
    what = f"{len(edits)} edits" if len(edits) > 1 else edits[0]
    yield Measurement(f"kept for {what}: rehearsed", kept / 1000, "kB")
    yield Measurement(f"kept for {what}: rehearsed / {EVERYTHING}", 100 * kept / everything, "%")
    yield Measurement(f"kept for {what}: rehearsed / the least", kept / least, "x", "1 x")


def _least(
    experiment: Experiment, base: Provisioned, edits: Sequence[str], everything: CutOff
) -> int:
    """The bytes that these very edits need, told from the graphs: no strategy has a say in it."""
    plan = experiment.evaluate_edits(edits)
    graph = load_graph([plan.base, *plan.following, *plan.imported], plan.recipes.__getitem__)
    known = everything.available
    runtime = runtime_closure([base.base_output], lambda path: known[path].references)
    first = [graph.node(drv) for drv in (plan.base, *plan.imported_by_base)]
    following = [graph.node(drv) for drv in (*plan.following, *plan.imported)]
    roots = [root.key for root in minimal_set(graph, first, following, runtime).roots]
    needed = runtime_closure(roots, lambda path: known[path].references) - runtime
    return sum(known[path].size for path in needed)
