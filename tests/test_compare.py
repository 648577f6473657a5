"""Base against head: what counts as broken, what cannot be compared, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import JUnitXml

from harness.cli import main
from harness.compare import (
    Change,
    Comparison,
    IncomparableError,
    Limits,
    NothingToCompareError,
    compare,
)
from harness.errors import ExitCode
from harness.reports.comparison import (
    RENDERERS,
    render_json,
    render_junit,
    render_markdown,
    render_text,
    write_comparison,
)
from harness.reports.text import one_line
from harness.results import (
    BranchResult,
    Cause,
    CellKey,
    CellResult,
    Claim,
    Ending,
    Outcome,
    Role,
    RunResult,
    Verdict,
    Witness,
)
from harness.results.document import render
from tests.reports.sample import sample_run

KEY = CellKey("smoke", "pocket", "built", "keep-outputs", "kept", "down", "nix-build", "", "hosts")
OTHER = replace(KEY, edit="motd")
REBUILT, MISS = Claim(Verdict.REBUILT), Claim(Verdict.FAILED, Cause.BUILD_MISS)
LEAK = Witness("internet-silent", False, "1 connection")


def cell(
    cause: Cause | None = None, claim: Claim = REBUILT, key: CellKey = KEY, **more: object
) -> CellResult:
    verdict = Verdict.FAILED if cause else Verdict.REBUILT
    made = CellResult(key, claim, verdict, cause)
    return replace(made, **more)  # type: ignore[arg-type]


def run(*cells: CellResult, **more: object) -> RunResult:
    made = RunResult(
        started="2026-03-01T12:00:00+00:00",
        seconds=1.0,
        complete=True,
        ended=Ending.FINISHED,
        planned=len(cells),
        cells=cells,
        facts={"protocol": "1"},
        scenarios={"smoke": "digest"},
    )
    return replace(made, **more)  # type: ignore[arg-type]


def change(base: CellResult, head: CellResult) -> Change:
    (found,) = compare(run(base), run(head)).cells
    return found.change


GOOD, BAD = cell(), cell(Cause.BUILD_MISS)
AS_CLAIMED = cell(Cause.BUILD_MISS, MISS)
SURPRISE = cell(claim=MISS)
WORSE = cell(Cause.EVALUATION_ERROR, MISS)
ERROR = cell(verdict=Verdict.ERROR)
UNPROVED = cell(witnesses=(LEAK,))
SKIPPED = cell(verdict=Verdict.SKIPPED)


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        (GOOD, GOOD, Change.UNCHANGED),
        (GOOD, BAD, Change.NEWLY_BROKEN),
        (BAD, GOOD, Change.FIXED),
        (BAD, BAD, Change.STILL_FAILING),
        (AS_CLAIMED, AS_CLAIMED, Change.UNCHANGED),
        (AS_CLAIMED, SURPRISE, Change.FIXED),
        (SURPRISE, AS_CLAIMED, Change.NEWLY_BROKEN),
        (AS_CLAIMED, WORSE, Change.NEWLY_BROKEN),
        (WORSE, AS_CLAIMED, Change.FIXED),
        (GOOD, ERROR, Change.UNDECIDED),
        (GOOD, UNPROVED, Change.UNDECIDED),
        (GOOD, SKIPPED, Change.UNDECIDED),
        (ERROR, BAD, Change.UNDECIDED),
        (ERROR, ERROR, Change.UNDECIDED),
        (ERROR, GOOD, Change.FIXED),
        (UNPROVED, GOOD, Change.FIXED),
        (SKIPPED, SKIPPED, Change.UNCHANGED),
    ],
)
def test_what_becomes_of_a_cell(base: CellResult, head: CellResult, expected: Change) -> None:
    assert change(base, head) is expected


def test_a_control_is_judged_by_its_claim() -> None:
    key = replace(KEY, role=Role.NEGATIVE_CONTROL)
    holds, broken = cell(Cause.BUILD_MISS, MISS, key), cell(None, MISS, key)
    assert change(holds, broken) is Change.NEWLY_BROKEN
    assert change(broken, holds) is Change.FIXED


def test_new_and_gone_cells() -> None:
    found = compare(run(GOOD, cell(key=OTHER)), run(GOOD, cell(key=replace(KEY, edit="new"))))
    assert {c.key.edit: c.change for c in found.cells} == {
        "hosts": Change.UNCHANGED,
        "new": Change.NEW,
        "motd": Change.GONE,
    }
    assert found.conclusion is Outcome.PASSED


def test_conclusions_and_exit_codes() -> None:
    assert compare(run(GOOD), run(BAD)).exit_code is ExitCode.CLAIM_FAILED
    assert compare(run(BAD), run(BAD)).exit_code is ExitCode.OK
    assert compare(run(GOOD), run(ERROR)).exit_code is ExitCode.SETUP
    assert compare(run(GOOD), run(GOOD)).exit_code is ExitCode.OK


@pytest.mark.parametrize("side", ["base", "head"])
def test_an_incomplete_run_is_never_a_pass(side: str) -> None:
    part = run(GOOD, complete=False, ended=Ending.DEADLINE, planned=3, message="late")
    runs = {"base": run(GOOD), "head": run(GOOD), side: part}
    found = compare(runs["base"], runs["head"])
    assert found.conclusion is Outcome.ERROR
    assert f"the {side} run is incomplete (deadline): 1 of 3 cells" in found.problems[0]
    broken = compare(replace(runs["base"], cells=(GOOD,)), replace(runs["head"], cells=(BAD,)))
    assert broken.conclusion is Outcome.FAILED


def test_what_is_not_comparable_is_refused() -> None:
    base = run(GOOD)
    with pytest.raises(IncomparableError, match="different protocol versions: 1 in base, 2 in"):
        compare(base, run(GOOD, facts={"protocol": "2"}))
    with pytest.raises(IncomparableError, match="different protocol versions"):
        compare(base, run(GOOD, facts={}))
    with pytest.raises(IncomparableError, match="files of these scenarios differ"):
        compare(base, run(GOOD, scenarios={"smoke": "other"}))
    with pytest.raises(IncomparableError, match="different scenarios"):
        compare(base, run(GOOD, scenarios={"flags": "digest"}))
    with pytest.raises(NothingToCompareError, match="base run has no cells"):
        compare(run(), base)
    with pytest.raises(NothingToCompareError, match="no cell in common"):
        compare(base, run(cell(key=OTHER)))


def branch(**costs: object) -> BranchResult:
    made = BranchResult(*KEY.branch, store_before=2000, store_after=1000, protect_seconds=10.0)
    return replace(made, **costs)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("head", "limits", "dear"),
    [
        ({"store_after": 1050}, Limits(growth=0.05), []),
        ({"store_after": 1051}, Limits(growth=0.05), ["store after the collection"]),
        ({"store_after": 900}, Limits(growth=0.0), []),
        ({"bundle": 1}, Limits(growth=0.5), ["bundle"]),
        ({"store_after": 9000, "protect_seconds": 99.0}, Limits(), []),
        ({"protect_seconds": 99.0}, Limits(growth=0.0), []),
        ({"protect_seconds": 99.0}, Limits(slowdown=1.0), ["time to protect"]),
    ],
)
def test_costs_and_their_limits(head: dict[str, object], limits: Limits, dear: list[str]) -> None:
    found = compare(run(GOOD, branches=(branch(),)), run(GOOD, branches=(branch(**head),)), limits)
    assert [cost.what for cost in found.too_dear] == dear
    assert found.conclusion is (Outcome.FAILED if dear else Outcome.PASSED)


def test_more_builds_are_a_cost_of_the_cells_that_both_rebuilt() -> None:
    base = run(cell(built=("etc",)), cell(Cause.BUILD_MISS, key=OTHER), branches=(branch(),))
    head = run(cell(built=("etc", "jq")), cell(key=OTHER, built=("x",) * 9), branches=(branch(),))
    (cost,) = compare(base, head, Limits(growth=0.5)).too_dear
    assert (cost.what, cost.base, cost.head) == ("derivations built", 1, 2)


def test_the_suspects_are_told() -> None:
    facts = {"protocol": "1", "nix": "2.26.3"}
    found = compare(run(GOOD, facts=facts), run(BAD, facts={**facts, "nix": "2.34.8"}))
    assert found.facts == {"nix": ("2.26.3", "2.34.8")}
    assert "nix: 2.26.3 -> 2.34.8" in render_text(found)


def everything() -> Comparison:
    """One of each kind of change, with names that no format likes."""
    keys = [replace(KEY, edit=f"e{n}\x1b[31m|<&>`%\n]]>") for n in range(7)]
    good = [cell(key=key) for key in keys]
    bad = [cell(Cause.BUILD_MISS, key=key) for key in keys]
    broke = replace(good[4], verdict=Verdict.ERROR)
    base = [good[0], bad[1], bad[2], good[3], good[4], good[5]]
    head = [bad[0], bad[1], good[2], good[3], broke, good[6]]
    head = [replace(c, message="why|\n") for c in head]
    dear = branch(store_after=5000)
    return compare(
        run(*base, branches=(branch(),)),
        run(*head, branches=(dear,), complete=False, planned=9, ended=Ending.ERROR),
        Limits(growth=0.05),
    )


def test_every_format_tells_the_same(tmp_path: Path) -> None:
    found = everything()
    write_comparison(found, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(RENDERERS)
    counts = json.loads(render_json(found))["counts"]
    assert counts == {str(change): len(found.of(change)) for change in Change}
    assert set(counts.values()) == {1}
    junit = JUnitXml.fromstring(render_junit(found).encode())
    assert junit.failures == counts[Change.NEWLY_BROKEN] + len(found.too_dear)
    assert junit.errors == counts[Change.UNDECIDED] + len(found.problems)
    assert junit.skipped == counts[Change.STILL_FAILING] + counts[Change.GONE]
    text = render_text(found)
    assert text.splitlines()[-1].startswith("REGRESSION: 1 cost beyond the limit")
    assert "\x1b" not in text + render_markdown(found)
    for changed in found.cells:
        told = changed.change is not Change.UNCHANGED
        assert (one_line(changed.key.id) in text) == told
    for line in render_markdown(found).splitlines():
        if line.startswith("| ") and "---" not in line:
            assert line.replace("\\|", "").count("|") in (3, 4, 5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(), st.text(), st.text()), min_size=1, max_size=5))
def test_no_text_spoils_a_report(texts: Sequence[tuple[str, str, str]]) -> None:
    keys = [replace(KEY, edit=edit, strategy=s) for edit, s, _ in texts]
    unique = dict(zip(keys, (message for *_, message in texts), strict=True))
    base = run(*(cell(key=key) for key in unique))
    head = run(*(cell(Cause.BUILD_MISS, key=k, message=m, detail=m) for k, m in unique.items()))
    found = compare(base, head)
    assert JUnitXml.fromstring(render_junit(found).encode()).failures == len(unique)
    json.loads(render_json(found))
    render_text(found).encode(errors="strict")
    render_markdown(found).encode(errors="strict")


def store(path: Path, result: RunResult) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(result))
    return str(path)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base = store(tmp_path / "base/results.json", run(GOOD))
    head = store(tmp_path / "head/results.json", run(BAD))
    out = tmp_path / "out"
    assert main(["compare", str(tmp_path / "base"), head, "--report-dir", str(out)]) == 1
    assert "newly broken (1)" in capsys.readouterr().out
    assert (out / "compare-junit.xml").exists()
    assert main(["compare", base, base, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["conclusion"] == "passed"


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("", 2, "cut short"),
        ('{"format":"offline-rebuild-results","schema":999}', 2, "update this harness"),
        ('{"format":"offline-rebuild-results","schema":0}', 2, "make the results again"),
        ('{"tests": 3}', 2, "no results of this harness"),
        (None, 2, "No such file"),
    ],
)
def test_bad_input_leaves_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, code: int, word: str
) -> None:
    base = store(tmp_path / "results.json", run(GOOD))
    head = tmp_path / "head.json"
    if text is not None:
        head.write_text(text)
    assert main(["compare", base, str(head), "--report-dir", str(tmp_path / "out")]) == code
    assert word in capsys.readouterr().err
    assert JUnitXml.fromfile(str(tmp_path / "out/compare-junit.xml")).errors == 1


@pytest.mark.parametrize("limit", ["-1", "5x", "nan", "inf", ""])
def test_a_limit_that_is_no_percentage(limit: str) -> None:
    assert main(["compare", "a", "b", f"--max-growth={limit}"]) == ExitCode.USAGE


def test_a_sample_run_compared_with_itself() -> None:
    sample = sample_run()
    found = compare(sample, sample)
    assert not found.of(Change.NEWLY_BROKEN)
    assert len(found.cells) == len(sample.cells)
    assert found.conclusion is Outcome.ERROR  # a run with errors proves nothing, even to itself


def test_ten_thousand_cells_of_every_format() -> None:
    cells = tuple(cell(key=replace(KEY, edit=f"e{n}")) for n in range(10_000))
    found = compare(run(*cells), run(*cells))
    assert all(render_as(found) for render_as in RENDERERS.values())
    assert len(found.of(Change.UNCHANGED)) == len(cells)


def test_reports_of_a_comparison_do_not_name_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "hunter2hunter2")
    write_comparison(Comparison(problems=(f"{Path.home()}/x/hunter2hunter2: gone",)), tmp_path)
    for file in tmp_path.iterdir():
        text = file.read_text()
        assert "hunter2" not in text
        assert f"{Path.home()}/x" not in text


def test_a_shard_by_itself_is_not_compared_with_a_whole_run() -> None:
    whole = sample_run()
    found = compare(whole, replace(whole, facts={**whole.facts, "shard": "1/2"}))
    assert found.exit_code == ExitCode.SETUP
    assert any("harness merge" in problem for problem in found.problems)
    part = replace(whole, facts={**whole.facts, "shard": "1/2"})
    assert compare(part, part).exit_code == compare(whole, whole).exit_code
