"""`junit.xml`, in the dialect that GitHub's reporters, GitLab and Jenkins all read.

One flat suite for each strategy on each system and provision, a test case for each cell.  What
the consumers want was read from dorny/test-reporter, mikepenz/action-junit-report,
EnricoMi/publish-unit-test-result-action, GitLab's and Jenkins's parsers:

- GitLab tells test cases apart by class and name alone, so a name has all coordinates of its cell;
- every counter is there, and `skipped` carries its reason in the attribute (Jenkins reads only it);
- `file` and `line` (from 1) point at the claim in the scenario;
- a claim of failure that holds is `skipped` with "expected failure", as pytest writes its xfail;
- a run that is incomplete, or found nothing, has an error that says so: never a green empty file.

The junit-xml package makes the elements.  It leaves out a `time` of zero, the message of some
results and most attributes of the root: this module fills them in, and nothing else does.
"""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from junit_xml import TestCase, TestSuite

from harness.reports.cells import explain, had_to_fail
from harness.reports.text import clean, one_line, tail
from harness.results import (
    BranchResult,
    Cause,
    CellKey,
    CellResult,
    Ending,
    Outcome,
    Role,
    RunResult,
    Trouble,
    Verdict,
)

LOG_LINES = 200
LOG_BYTES = 64 * 1024
#: All logs together: GitLab refuses a file of 30 MB. Failures hold theirs twice.
_LOGS_BYTES = 8 * 1024 * 1024
_DETAIL_BYTES = 16 * 1024

_FAILURE_TYPES: Mapping[Cause | None, str] = {
    Cause.BUILD_MISS: "OfflineMiss",
    Cause.EVALUATION_FETCH: "OfflineMiss",
    Cause.CACHE_QUERY: "OfflineMiss",
    Cause.STALLED: "OverBudget",
}
_ERROR_TYPES: Mapping[Trouble | None, str] = {
    Trouble.BOOT: "VmBootError",
    Trouble.MACHINE: "VmError",
    Trouble.TIME: "HarnessTimeout",
    Trouble.SPACE: "NoSpace",
    Trouble.SCENARIO: "ScenarioError",
    Trouble.SETUP: "SetupError",
}
_ENDING_TYPES: Mapping[Ending, str] = {
    Ending.RUNNING: "Unfinished",
    Ending.DEADLINE: "HarnessTimeout",
    Ending.INTERRUPTED: "Interrupted",
}
# The usual coordinates are left out of a name, so that it stays readable.
_USUAL = {"caches": "kept", "network": "down", "command": "nix-build"}
_USUAL_FLAGS = (
    "--option substitute false",
    "--option substitute false --option download-attempts 1",
)


@dataclass(frozen=True)
class _Result:
    """The one result child of a test case. *kind* is failure, error or skipped.

    The package writes the type of a failure or error alone; skipped always has its own.
    """

    kind: str
    type: str
    message: str


def render(run: RunResult) -> str:
    """The whole document, as text to be stored in UTF-8."""
    root = ET.Element("testsuites", {"name": "offline rebuild"})
    suites = _suites(run)
    cases = [case for suite in suites.values() for case in suite.cases]
    writer = _Writer(run, sum(case.bad for case in cases), len(cases))
    for name, suite in suites.items():
        root.append(writer.suite(name, suite))
    counters = ("tests", "failures", "errors", "skipped")
    for counter in counters:
        root.set(counter, str(sum(int(suite.get(counter, "0")) for suite in root)))
    root.set("time", f"{run.seconds:.3f}")
    root.set("timestamp", run.started)
    ET.indent(root, " ")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def test_name(key: CellKey) -> str:
    """A cell's name within its class ``offline.<strategy>``: all its other coordinates."""
    unusual = [
        f"{coordinate} {getattr(key, coordinate)}"
        for coordinate, usual in _USUAL.items()
        if getattr(key, coordinate) != usual
    ]
    if key.flags not in _USUAL_FLAGS:
        unusual.append(key.flags or "no flags")
    if key.role is not Role.CELL:
        unusual.append(key.role.value.replace("-", " "))
    name = f"{key.scenario} / {key.system} / {key.provision} / {key.edit}"
    return f"{name} [{', '.join(unusual)}]" if unusual else name


@dataclass(frozen=True)
class _Case:
    """A test case before it is written."""

    classname: str
    name: str
    seconds: float
    result: _Result | None
    detail: str = ""
    log: str = ""
    file: str = ""
    line: int = 0

    @property
    def bad(self) -> bool:
        return self.result is not None and self.result.kind in ("failure", "error")


@dataclass(frozen=True)
class _Suite:
    cases: list[_Case]
    branches: list[BranchResult]


def _suites(run: RunResult) -> Mapping[str, _Suite]:
    suites: dict[str, _Suite] = {}

    def of(strategy: str, system: str, provision: str) -> _Suite:
        name = one_line(f"{strategy} on {system}, {provision}")
        return suites.setdefault(name, _Suite([], []))

    for cell in run.cells:
        of(cell.key.strategy, cell.key.system, cell.key.provision).cases.append(_cell_case(cell))
    for branch in run.branches:
        suite = of(branch.strategy, branch.system, branch.provision)
        suite.branches.append(branch)
        suite.cases.extend(_broken_branch_cases(branch))
    verdict = _run_result(run)
    if verdict is not None:
        case = _Case("offline.run", "the run is complete", run.seconds, verdict, run.message)
        suites["the run"] = _Suite([case], [])
    return {name: suite for name, suite in suites.items() if suite.cases}


def _cell_case(cell: CellResult) -> _Case:
    return _Case(
        classname=f"offline.{cell.key.strategy}",
        name=test_name(cell.key),
        seconds=cell.seconds,
        result=_cell_result(cell),
        detail=cell.detail,
        log=cell.log_tail,
        file=cell.claim.file,
        line=cell.claim.line,
    )


def _cell_result(cell: CellResult) -> _Result | None:
    match cell.outcome:
        case Outcome.SKIPPED:
            return _Result("skipped", "", explain(cell))
        case Outcome.ERROR if cell.verdict is Verdict.ERROR:
            return _Result("error", _ERROR_TYPES.get(cell.trouble, "HarnessError"), explain(cell))
        case Outcome.ERROR:
            return _Result("error", "WitnessFailed", explain(cell))
        case Outcome.FAILED:
            kind = _FAILURE_TYPES.get(cell.cause, "AssertionFailed")
            return _Result("failure", kind, explain(cell))
    if had_to_fail(cell):
        return _Result("skipped", "", f"expected failure: {cell.cause}")
    return None


def _broken_branch_cases(branch: BranchResult) -> Iterator[_Case]:
    """A witness of the collection or the cut that does not hold spoils the whole branch."""
    if not branch.holds:
        broken = [f"{w.name}: {w.evidence}" for w in branch.witnesses if not w.holds]
        where = f"{branch.scenario} / {branch.system} / {branch.provision}"
        name = f"{where} / witnesses [caches {branch.caches}, network {branch.network}]"
        message = f"the experiment proves nothing: {'; '.join(broken)}"
        result = _Result("error", "WitnessFailed", message)
        yield _Case(f"offline.{branch.strategy}", name, 0.0, result)


def _run_result(run: RunResult) -> _Result | None:
    """What is wrong with the run as a whole, if anything."""
    done = f"{len(run.cells)} of {run.planned} cells are finished"
    if not run.complete:
        kind = _ENDING_TYPES.get(run.ended, "HarnessError")
        return _Result("error", kind, f"the run is incomplete ({run.ended}): {done}. {run.message}")
    if not run.cells:
        return _Result("error", "NothingRan", f"no cell ran. {run.message}")
    return None


class _Writer:
    """Makes the elements of one document: names stay unique, and all logs together fit."""

    def __init__(self, run: RunResult, bad: int, all_cases: int) -> None:
        self._run = run
        self._names: set[tuple[str, str]] = set()
        self._bad_log_bytes = min(LOG_BYTES, _LOGS_BYTES // (2 * max(1, bad)))
        self._good_log_bytes = min(LOG_BYTES, _LOGS_BYTES // max(1, all_cases - bad))

    def suite(self, name: str, suite: _Suite) -> ET.Element:
        made = TestSuite(
            name,
            [self._case(case) for case in suite.cases],
            hostname=one_line(self._run.facts.get("hostname", "")) or "localhost",
            timestamp=self._run.started,
            properties=_properties(self._run, suite.branches),
        )
        element: ET.Element = made.build_xml_doc()
        element.attrib.pop("disabled")  # no consumer reads it, and nothing ever is
        element.set("time", f"{sum(case.seconds for case in suite.cases):.3f}")
        for case, child in zip(suite.cases, element.iterfind("testcase"), strict=True):
            child.set("time", f"{case.seconds:.3f}")
        return element

    def _case(self, case: _Case) -> TestCase:
        classname, name = self._unique(one_line(case.classname), one_line(case.name))
        size = self._bad_log_bytes if case.bad else self._good_log_bytes
        log = tail(case.log, lines=LOG_LINES, size=size)
        made = TestCase(
            name,
            classname,
            elapsed_sec=case.seconds,
            stdout=log or None,
            file=one_line(case.file) or None,
            line=case.line if case.file else None,
        )
        if case.result is not None:
            _add_result(made, case.result, clean(case.detail[:_DETAIL_BYTES]), log)
        return made

    def _unique(self, classname: str, wanted: str) -> tuple[str, str]:
        """Names only meet when they differ in characters that had to be left out."""
        names = itertools.chain([wanted], (f"{wanted} ({n})" for n in itertools.count(2)))
        name = next(name for name in names if (classname, name) not in self._names)
        self._names.add((classname, name))
        return classname, name


def _add_result(made: TestCase, result: _Result, detail: str, log: str) -> None:
    message = one_line(result.message, 1000) or result.type or result.kind
    text = "\n\n".join(part for part in (message, detail, log) if part)
    match result.kind:
        case "failure":
            made.add_failure_info(message, text, result.type)
        case "error":
            made.add_error_info(message, text, result.type)
        case _:
            made.add_skipped_info(message, detail or None)


def _properties(run: RunResult, branches: list[BranchResult]) -> dict[str, str]:
    found = {one_line(name): one_line(value) for name, value in run.facts.items()}
    for branch in branches:
        place = f"[{branch.scenario}, caches {branch.caches}, network {branch.network}]"
        found[one_line(f"store-bytes-before {place}")] = str(branch.store_before)
        found[one_line(f"store-bytes-after {place}")] = str(branch.store_after)
        found[one_line(f"bundle-bytes {place}")] = str(branch.bundle)
    return found
