from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.reports import write_reports
from harness.reports.survivors import survivors, with_survivors
from harness.results import Cause, CellKey, CellResult, Role, RunResult, Verdict, Witness
from harness.results.document import read_results
from tests.reports.sample import cell, sample_run

KEY = CellKey(
    "strategies", "pocket", "built", "none", "kept", "down", "nix-build", "--offline", "hosts"
)
FAILED = cell(KEY, Verdict.FAILED, Cause.BUILD_MISS)


def rebuilt(strategy: str, **others: str) -> CellResult:
    return cell(replace(KEY, strategy=strategy, **others))  # type: ignore[arg-type]


def run(*cells: CellResult) -> RunResult:
    return replace(sample_run(), cells=(FAILED, *cells), planned=1 + len(cells))


def test_names_the_strategies_that_rebuilt_the_same_edit() -> None:
    assert survivors(run(), FAILED) == ()
    found = run(
        rebuilt("mirror"),
        rebuilt("rehearsed"),
        cell(replace(KEY, strategy="bundle-recipe"), Verdict.FAILED, Cause.BUILD_MISS),
    )
    assert survivors(found, FAILED) == ("mirror", "rehearsed")


def test_only_cells_that_differ_in_nothing_else_count() -> None:
    others = {
        "scenario": "smoke", "system": "nixos", "provision": "copied", "caches": "wiped",
        "network": "refused", "command": "nix", "flags": "", "edit": "hostname",
    }  # fmt: skip
    cells = [rebuilt("mirror", **{name: value}) for name, value in others.items()]
    assert survivors(run(*cells), FAILED) == ()


def test_what_proves_nothing_does_not_count() -> None:
    unproved = replace(rebuilt("mirror"), witnesses=(Witness("network-cut", False, "open"),))
    online = replace(rebuilt("none"), key=replace(KEY, role=Role.ONLINE_CONTROL))
    assert survivors(run(unproved, online), FAILED) == ()


def test_the_explanation_of_a_failed_cell_names_them() -> None:
    failed, better = with_survivors(run(rebuilt("rehearsed"))).cells
    assert failed.detail.splitlines()[-1] == "strategies that rebuild it: rehearsed"
    assert failed.detail.startswith(FAILED.detail)
    assert better == rebuilt("rehearsed")
    (alone,) = with_survivors(run()).cells
    assert alone.detail.endswith("strategies that rebuild it: none that this run has tried")


def test_reports_show_them_and_the_results_stay_as_they_are(tmp_path: Path) -> None:
    found = run(rebuilt("rehearsed"), rebuilt("mirror"))
    found = replace(found, cells=(replace(FAILED, claim=rebuilt("x").claim), *found.cells[1:]))
    write_reports(found, tmp_path)
    for name in ("report.html", "summary.md", "junit.xml"):
        told = (tmp_path / name).read_text()
        assert "strategies that rebuild it: rehearsed, mirror" in told, name
    assert read_results(tmp_path / "results.json").cells[0].detail == found.cells[0].detail
