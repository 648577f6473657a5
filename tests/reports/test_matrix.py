from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings

from harness.reports.cells import mark
from harness.reports.matrix import control_matrices, matrices
from harness.results import Role, RunResult
from tests.reports.sample import EDITS, PROVISIONS, STRATEGIES, sample_run
from tests.results.generated import runs

RUN = sample_run()


def test_strategies_are_rows_and_edits_are_columns() -> None:
    table = next(m for m in matrices(RUN) if (m.scenario, m.provision) == ("strategies", "copied"))
    assert table.title == "strategies: pocket, provision copied"
    assert table.columns == tuple(EDITS)
    assert [row.label for row in table.rows] == list(STRATEGIES)
    for row in table.rows:
        marks = "".join(mark(row.cells[edit]) for edit in EDITS)
        assert marks == STRATEGIES[row.label][0][PROVISIONS.index("copied")]
        assert row.branch is not None
        assert (row.branch.strategy, row.branch.provision) == (row.label, "copied")


def test_with_one_edit_the_columns_are_networks_and_caches() -> None:
    (table,) = (m for m in matrices(RUN) if m.scenario == "flags")
    assert table.title == (
        "flags: pocket, provision cached-packages, keep-outputs-realised, hosts"
    )  # fmt: skip
    assert table.columns[:3] == ("down, kept", "down, wiped", "no-interface, kept")
    assert table.rows[0].label == "nix-build, no flags"
    assert len(table.rows) == 14
    assert all(row.branch is None for row in table.rows)
    assert mark(table.rows[0].cells["down, kept"]) == "."
    assert mark(table.rows[0].cells["down, wiped"]) == "P"


def test_what_varies_is_in_the_label() -> None:
    cells = [
        replace(cell, key=replace(cell.key, caches=caches))
        for cell in RUN.cells[:28]
        for caches in ("kept", "wiped")
    ]
    (table,) = matrices(replace(RUN, cells=tuple(cells)))
    assert [row.label for row in table.rows] == [
        "none, kept",
        "none, wiped",
        "keep-outputs, kept",
        "keep-outputs, wiped",
    ]


def test_controls_have_tables_of_their_own() -> None:
    tables = control_matrices(RUN)
    labels = {row.label for table in tables for row in table.rows}
    assert labels == {
        "online control",
        "online control of include-build-dependencies",
        "online control of extra-dependencies",
        "negative control",
    }
    assert all(cell.key.role is not Role.CELL for table in tables for cell in table.cells)


def test_the_time_of_a_rebuild_is_that_of_those_that_worked() -> None:
    rows = {row.label: row for table in matrices(RUN)[-1:] for row in table.rows}
    assert rows["none"].rebuild_seconds is None
    row = matrices(RUN)[0].rows[1]
    times = [c.rebuild_seconds for c in row.cells.values() if c.verdict == "rebuilt"]
    assert row.rebuild_seconds == sum(times) / len(times)


@settings(max_examples=100, deadline=None)
@given(run=runs())
def test_every_cell_is_in_just_one_table(run: RunResult) -> None:
    shown = [c for table in [*matrices(run), *control_matrices(run)] for c in table.cells]
    assert sorted(c.key for c in shown) == sorted(c.key for c in run.cells)
