from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings

from harness.errors import HarnessError, InputError, SetupError
from harness.results import Ending, RunResult
from harness.results.document import ForeignResultsError
from harness.results.log import ResultsLog, read_log
from tests.reports.sample import sample_run
from tests.results.generated import runs

SAMPLE = replace(
    sample_run(), cells=sample_run().cells[:3], branches=sample_run().branches[:1], planned=3
)


def write(path: Path, run: RunResult, *, end: bool = True) -> None:
    with ResultsLog(path, replace(run, facts={})) as log:
        log.facts(0.0, run.facts)
        for number, cell in enumerate(run.cells):
            log.cell(number / 10, cell)
        for branch in run.branches:
            log.branch(1.0, branch)
        if end:
            log.end(run)


@settings(max_examples=60, deadline=None)
@given(run=runs())
def test_what_is_logged_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, run: RunResult
) -> None:
    path = tmp_path_factory.mktemp("log") / "results.jsonl"
    write(path, run)
    logged = read_log(path)
    assert logged.torn is None
    assert logged.run == run


def test_a_branch_that_was_tried_again_on_a_new_machine(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    again = replace(SAMPLE.branches[0], store_after=7)
    write(path, replace(SAMPLE, branches=(*SAMPLE.branches, again)))
    assert read_log(path).run.branches == (again,)


def test_each_line_is_on_disk_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with ResultsLog(path, replace(SAMPLE, facts={})) as log:
        for number, cell in enumerate(SAMPLE.cells, start=1):
            log.cell(number, cell)
            run = read_log(path).run
            assert run.cells == SAMPLE.cells[:number]
            assert run.seconds == number
            assert not run.complete
            assert run.ended is Ending.RUNNING
            assert "no end" in run.message


def test_a_torn_last_line_is_told_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write(path, SAMPLE, end=False)
    whole = path.read_bytes().rstrip(b"\n")
    last = whole.rindex(b"\n") + 1
    for length in range(last + 1, len(whole)):
        path.write_bytes(whole[:length])
        logged = read_log(path)
        assert logged.torn is not None
        assert logged.torn.line == whole.count(b"\n") + 1
        assert logged.run.cells == SAMPLE.cells
        assert logged.run.branches == ()
    path.write_bytes(whole)  # only the line end is missing: nothing is lost
    logged = read_log(path)
    assert logged.torn is None
    assert logged.run.branches == SAMPLE.branches


def test_a_log_cut_anywhere_gives_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write(path, SAMPLE)
    text = path.read_bytes()
    first = text.index(b"\n")
    for length in range(0, len(text), 211):
        path.write_bytes(text[:length])
        if length < first:
            with pytest.raises(HarnessError):
                read_log(path)
        else:
            run = read_log(path).run
            assert run.cells == SAMPLE.cells[: len(run.cells)]


@pytest.mark.parametrize(
    ("number", "line", "said"),
    [
        (1, "", "an object|cut short"),
        (2, "{", ":2:1: .*cut short|:2:2: "),
        (3, "null", ":3:1: an object"),
        (3, '{"at": 1}', ":3:1: just one of"),
        (3, '{"at": 1, "cell": {}, "end": {}}', ":3:1: just one of"),
        (3, '{"at": -1, "facts": {}}', ":3:1: a number from 0"),
        (3, '{"at": 1, "facts": {"nix": 2}}', ":3:1: facts.nix: text is wanted"),
        (3, '{"at": 1, "cell": {"key": 1}}', ":3:1: missing: "),
        (3, '{"at": 1, "noise": {}}', ":3:1: just one of"),
    ],
)
def test_any_other_fault_is_named_with_its_line(
    tmp_path: Path, number: int, line: str, said: str
) -> None:
    path = tmp_path / "results.jsonl"
    write(path, SAMPLE)
    lines = path.read_text().splitlines()
    lines[number - 1] = line
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=said):
        read_log(path)


def test_nothing_may_follow_the_end_and_no_cell_comes_twice(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    write(path, SAMPLE)
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[2]]))
    with pytest.raises(InputError, match="nothing may follow the end"):
        read_log(path)
    path.write_text("".join([*lines[:-1], lines[2]]))
    with pytest.raises(InputError, match="the same twice"):
        read_log(path)


def test_foreign_logs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"event": "start"}\n')
    with pytest.raises(ForeignResultsError):
        read_log(path)
    write(path, SAMPLE)
    lines = path.read_text().splitlines(keepends=True)
    newer = {**json.loads(lines[0]), "schema": 99}
    path.write_text(json.dumps(newer) + "\n" + "".join(lines[1:]))
    with pytest.raises(ForeignResultsError, match="99"):
        read_log(path)


def test_two_runs_do_not_share_a_log(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with ResultsLog(path, SAMPLE):
        with pytest.raises(SetupError, match="another run is writing"):
            ResultsLog(path, SAMPLE)
        assert read_log(path).run.planned == SAMPLE.planned
    write(path, SAMPLE)  # afterwards the next run takes its place
    assert read_log(path).run.complete


def test_a_full_disk_is_said_so() -> None:
    with pytest.raises(SetupError, match="cannot write /dev/full: No space left") as caught:
        ResultsLog(Path("/dev/full"), SAMPLE)
    assert "disk" in caught.value.hint


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="No such file"):
        ResultsLog(tmp_path / "gone" / "results.jsonl", SAMPLE)
