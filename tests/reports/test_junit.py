from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import junitparser
import pytest
from hypothesis import given, settings
from junitparser import Error, Failure, JUnitXml, Skipped

from harness.reports import junit
from harness.reports.text import one_line
from harness.results import (
    Cause,
    CellResult,
    Claim,
    Ending,
    Outcome,
    Role,
    RunResult,
    Trouble,
    Verdict,
    Witness,
)
from tests.reports.sample import cell, sample_run
from tests.results.generated import runs, wild_text

CELL = cell(sample_run().cells[0].key)


def run_of(*cells: CellResult, **changes: Any) -> RunResult:
    run = replace(sample_run(), cells=cells, branches=(), planned=len(cells))
    return replace(run, **changes)


def parse(run: RunResult) -> JUnitXml:
    """The report as an independent reader sees it."""
    return JUnitXml.fromstring(junit.render(run).encode())


def cases(run: RunResult) -> list[tuple[junitparser.TestSuite, junitparser.TestCase]]:
    return [(suite, case) for suite in parse(run) for case in suite]


def only(run: RunResult) -> junitparser.TestCase:
    ((_, case),) = cases(run)
    return case


def properties(suite: junitparser.TestSuite) -> dict[str, str]:
    return {p.get("name"): p.get("value") for p in suite._elem.iterfind("properties/property")}


def result(case: junitparser.TestCase) -> Any:
    """Its one result child, or None."""
    assert len(case.result) <= 1
    return case.result[0] if case.result else None


def test_every_cell_is_read_back() -> None:
    run = sample_run()
    found = cases(run)
    assert len(found) == len(run.cells)
    names = {(case.classname, case.name): case for _, case in found}
    assert len(names) == len(run.cells)
    for expected in run.cells:
        case = names[f"offline.{expected.key.strategy}", junit.test_name(expected.key)]
        assert case.time == pytest.approx(expected.seconds)
        assert case._elem.get("file") == expected.claim.file
        assert case._elem.get("line") == str(expected.claim.line) == "42"
        assert case.system_out is not None
        kind: type | None = {Outcome.FAILED: Failure, Outcome.ERROR: Error}.get(expected.outcome)
        if expected.outcome is Outcome.SKIPPED or (kind is None and expected.cause):
            kind = Skipped
        assert type(result(case)) is (kind or type(None))


def test_there_is_a_flat_suite_for_each_strategy_system_and_provision() -> None:
    run = sample_run()
    suites = list(parse(run))
    places = {(c.key.strategy, c.key.system, c.key.provision) for c in run.cells}
    assert {suite.name for suite in suites} == {f"{s} on {y}, {p}" for s, y, p in places}
    for suite in suites:
        assert not suite._elem.findall("testsuite")
        kinds = Counter(type(result(case)) for case in suite)
        element = suite._elem
        assert int(element.get("tests")) == kinds.total()
        assert int(element.get("failures")) == kinds[Failure]
        assert int(element.get("errors")) == kinds[Error]
        assert int(element.get("skipped")) == kinds[Skipped]
        assert float(element.get("time")) == pytest.approx(sum(case.time for case in suite))
        assert element.get("timestamp") == "2026-03-01T12:34:56+01:00"
        assert element.get("hostname") == "runner-3"
        facts = properties(suite)
        assert facts["nix"] == "nix (Nix) 2.26.3"
        assert facts["accelerator"].startswith("tcg")


def test_the_root_has_all_counters() -> None:
    run = sample_run()
    root = parse(run)._elem
    assert root.tag == "testsuites"
    assert root.attrib == {
        "name": "offline rebuild",
        "tests": str(len(run.cells)),
        "failures": str(run.count(Outcome.FAILED)),
        "errors": str(run.count(Outcome.ERROR)),
        "skipped": str(
            run.count(Outcome.SKIPPED)
            + sum(c.outcome is Outcome.PASSED and c.verdict is Verdict.FAILED for c in run.cells)
        ),
        "time": "812.400",
        "timestamp": "2026-03-01T12:34:56+01:00",
    }


def test_costs_are_properties_of_the_suite() -> None:
    run = sample_run()
    branch = replace(run.branches[0], store_before=70, store_after=50, bundle=7)
    (suite,) = parse(replace(run_of(CELL), branches=(branch,)))
    found = properties(suite)
    place = "[strategies, caches kept, network down]"
    assert found[f"store-bytes-before {place}"] == "70"
    assert found[f"store-bytes-after {place}"] == "50"
    assert found[f"bundle-bytes {place}"] == "7"


BUILD_MISS = Claim(Verdict.FAILED, Cause.BUILD_MISS)


@pytest.mark.parametrize(
    ("changes", "kind", "type_", "message"),
    [
        ({"verdict": Verdict.REBUILT}, None, "", ""),
        (
            {"verdict": Verdict.FAILED, "cause": Cause.BUILD_MISS, "message": "jq is gone"},
            Failure,
            "OfflineMiss",
            "claimed rebuilt, found failed: build-miss. jq is gone",
        ),
        ({"verdict": Verdict.FAILED, "cause": Cause.STALLED}, Failure, "OverBudget", "stalled"),
        (
            {"verdict": Verdict.FAILED, "cause": Cause.WRONG_OUTPUT},
            Failure,
            "AssertionFailed",
            "wrong-output",
        ),
        (
            {"claim": BUILD_MISS},
            Failure,
            "AssertionFailed",
            "claimed failed: build-miss, found rebuilt.",
        ),
        (
            {"claim": BUILD_MISS, "verdict": Verdict.FAILED, "cause": Cause.BUILD_MISS},
            Skipped,
            "skipped",
            "expected failure: build-miss",
        ),
        (
            {"claim": BUILD_MISS, "verdict": Verdict.FAILED, "cause": Cause.CACHE_QUERY},
            Failure,
            "OfflineMiss",
            "found failed: cache-query",
        ),
        ({"verdict": Verdict.SKIPPED, "message": "no KVM"}, Skipped, "skipped", "no KVM"),
        ({"verdict": Verdict.SKIPPED}, Skipped, "skipped", "a requirement is not met"),
        ({"verdict": Verdict.ERROR}, Error, "HarnessError", "the experiment broke"),
        (
            {"verdict": Verdict.ERROR, "trouble": Trouble.BOOT, "message": "no shell"},
            Error,
            "VmBootError",
            "no shell",
        ),
        ({"verdict": Verdict.ERROR, "trouble": Trouble.TIME}, Error, "HarnessTimeout", ""),
        ({"verdict": Verdict.ERROR, "trouble": Trouble.SPACE}, Error, "NoSpace", ""),
        ({"verdict": Verdict.ERROR, "trouble": Trouble.SCENARIO}, Error, "ScenarioError", ""),
        (
            {"witnesses": (Witness("network-cut", False, "a probe got through"),)},
            Error,
            "WitnessFailed",
            "network-cut (a probe got through)",
        ),
    ],
)
def test_results(changes: dict[str, Any], kind: type | None, type_: str, message: str) -> None:
    found = result(only(run_of(replace(CELL, **changes))))
    assert found is None if kind is None else isinstance(found, kind)
    if found is not None:
        assert found.type == type_
        assert message in found.message


def test_what_failed_has_its_explanation_and_the_end_of_its_log() -> None:
    log = "".join(f"line {n}\n" for n in range(1000))
    broken = replace(
        CELL, verdict=Verdict.FAILED, cause=Cause.BUILD_MISS, detail="needs jq", log_tail=log
    )
    case = only(run_of(broken))
    text = result(case).text
    assert text.startswith("claimed rebuilt")
    assert "needs jq" in text
    for shown in (text, case.system_out):
        assert shown.endswith("line 999")
        assert "line 800\n" in shown
        assert "line 799\n" not in shown
        assert "[the beginning is cut]" in shown


def test_a_log_of_one_huge_line_is_cut_to_64_kib() -> None:
    broken = replace(CELL, verdict=Verdict.ERROR, log_tail="é" * 1_000_000)
    case = only(run_of(broken))
    assert 64_000 <= len(case.system_out.encode()) <= 64 * 1024 + 30


def test_all_logs_together_stay_below_what_gitlab_takes() -> None:
    run = sample_run()
    wide = ("x" * 500 + "\n") * 300
    broken = tuple(
        replace(c, verdict=Verdict.ERROR, cause=None, detail=wide, log_tail=wide) for c in run.cells
    )
    assert len(junit.render(run_of(*broken)).encode()) < 30_000_000
    assert len(junit.render(run_of(*broken[::2], *run.cells[1::2])).encode()) < 30_000_000


def test_controls_are_test_cases_with_names_of_their_own() -> None:
    keys = [replace(CELL.key, role=role) for role in Role]
    found = cases(run_of(*(replace(CELL, key=key) for key in keys)))
    assert [case.name for _, case in found] == [
        "strategies / pocket / built / identical",
        "strategies / pocket / built / identical [online control]",
        "strategies / pocket / built / identical [negative control]",
    ]


def test_unusual_coordinates_are_in_the_name() -> None:
    key = replace(CELL.key, caches="wiped", network="refused", command="nix", flags="")
    assert junit.test_name(key) == (
        "strategies / pocket / built / identical "
        "[caches wiped, network refused, command nix, no flags]"
    )
    assert junit.test_name(replace(key, flags="--offline")).endswith("command nix, --offline]")


def test_names_that_only_differ_in_forbidden_characters_stay_apart() -> None:
    keys = [replace(CELL.key, edit=edit) for edit in ("x", "x\x00", "x\x1b[0m", "x (2)")]
    names = [case.name for _, case in cases(run_of(*(replace(CELL, key=key) for key in keys)))]
    assert len(set(names)) == 4


@pytest.mark.parametrize(
    ("changes", "type_", "message"),
    [
        ({"cells": ()}, "NothingRan", "no cell ran"),
        (
            {"complete": False, "ended": Ending.DEADLINE, "planned": 9},
            "HarnessTimeout",
            "incomplete (deadline): 1 of 9 cells are finished",
        ),
        (
            {"complete": False, "ended": Ending.INTERRUPTED, "message": "SIGINT"},
            "Interrupted",
            "SIGINT",
        ),
        ({"complete": False, "ended": Ending.ERROR}, "HarnessError", "error"),
        ({"complete": False, "ended": Ending.RUNNING}, "Unfinished", "running"),
        ({"complete": False, "ended": Ending.ERROR, "cells": ()}, "HarnessError", "0 of 1"),
    ],
)
def test_a_run_that_is_empty_or_incomplete_has_an_error_that_says_so(
    changes: dict[str, Any], type_: str, message: str
) -> None:
    run = run_of(CELL, **changes)
    found = [case for suite, case in cases(run) if suite.name == "the run"]
    assert len(found) == 1
    error = result(found[0])
    assert type(error) is Error
    assert error.type == type_
    assert message in error.message
    assert parse(run)._elem.get("errors") == "1"


def test_a_branch_that_proves_nothing_is_an_error() -> None:
    branch = replace(
        sample_run().branches[0], witnesses=(Witness("canary-collected", False, "still there"),)
    )
    errors = [
        case
        for _, case in cases(replace(run_of(CELL), branches=(branch,)))
        if isinstance(result(case), Error)
    ]
    assert [case.name for case in errors] == [
        "strategies / pocket / built / witnesses [caches kept, network down]"
    ]
    assert "still there" in result(errors[0]).message


def test_without_a_claimed_file_there_is_no_line() -> None:
    case = only(run_of(replace(CELL, claim=Claim(Verdict.REBUILT))))
    assert case._elem.get("file") is None
    assert case._elem.get("line") is None


def all_texts(run: RunResult) -> Iterator[str]:
    for suite, case in cases(run):
        yield from (suite.name, case.name, case.classname)
        for found in case.result:
            yield from (found.message, found.type)


@settings(max_examples=150, deadline=None)
@given(run=runs(wild_text))
def test_any_text_is_read_back_by_a_strict_reader(run: RunResult) -> None:
    found = cases(run)
    names = [(case.classname, case.name) for _, case in found]
    assert len(set(names)) == len(names)
    written = {(classname, name) for classname, name in names}
    for expected in run.cells:
        classname = one_line(f"offline.{expected.key.strategy}")
        name = one_line(junit.test_name(expected.key))
        assert any(c == classname and n.startswith(name) for c, n in written)
    assert all(all_texts(run))
    bad = sum(isinstance(result(case), Failure | Error) for _, case in found)
    trouble = run.conclusion in (Outcome.FAILED, Outcome.ERROR)
    assert bool(bad) == trouble
