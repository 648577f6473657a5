"""Workflow commands: escapes, how many, and a log in which no machine gives commands."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.annotations import MOST, annotate, command, deaf, grouped_log
from harness.forge import SUMMARY_LIMIT, Forge, ForgeFileError
from harness.results import CellResult, Ending, Outcome, RunResult, Verdict
from tests.reports.sample import sample_run

SAMPLE = sample_run()


def unescape(text: str) -> str:
    """What the runner makes of the data of a command (actions/runner, ActionCommand.cs)."""
    return text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def unescape_property(text: str) -> str:
    return unescape(text.replace("%3A", ":").replace("%2C", ","))


def parse(line: str) -> tuple[str, dict[str, str], str]:
    found = re.fullmatch(r"::([a-z-]+)(?: ([^:]*))?::(.*)", line, re.DOTALL)
    assert found, line
    words = found[2].split(",") if found[2] else []
    pairs = (word.split("=", 1) for word in words)
    return found[1], {key: unescape_property(value) for key, value in pairs}, unescape(found[3])


@given(st.text(), st.text())
def test_the_runner_reads_back_what_was_said(message: str, title: str) -> None:
    line = command("error", message, title=title)
    assert "\n" not in line
    assert "\r" not in line
    assert parse(line) == ("error", {"title": title}, message)


def test_known_escapes() -> None:
    assert command("error", "50%\r\n", file="a,b:c") == "::error file=a%2Cb%3Ac::50%25%0D%0A"
    assert command("endgroup") == "::endgroup::"


def wrong(run: RunResult) -> int:
    return run.count(Outcome.ERROR) + run.count(Outcome.FAILED)


def bad_run(count: int) -> RunResult:
    cells = [replace(c, verdict=Verdict.ERROR, cause=None, message="broke") for c in SAMPLE.cells]
    return replace(SAMPLE, cells=tuple(cells[:count]), planned=count, branches=())


@pytest.mark.parametrize(("count", "lines"), [(0, 0), (1, 1), (9, 9), (10, 10), (500, 10)])
def test_at_most_nine_and_one_that_counts_the_rest(count: int, lines: int) -> None:
    found = annotate(bad_run(count))
    assert len(found) == lines
    if count > MOST:
        assert found[-1].message.startswith(f"and {count - MOST} more")
        assert not found[-1].file


def test_the_number_can_be_chosen() -> None:
    assert annotate(bad_run(50), 0) == []
    assert len(annotate(bad_run(50), 3)) == 4
    assert len(annotate(bad_run(2), 3)) == 2


def test_the_worst_comes_first_and_points_at_the_claim() -> None:
    found = annotate(SAMPLE, 9)
    assert len(found) == wrong(SAMPLE)
    titles = [annotation.title for annotation in found]
    assert titles == sorted(titles, key=["rebuild error", "claim failed"].index)
    assert {(a.file, a.line) for a in found} == {("scenarios/strategies/scenario.yaml", 42)}
    name, properties, message = parse(str(found[0]))
    assert name == "error"
    assert properties["line"] == "42"
    assert "Out of memory" in message


@pytest.mark.parametrize("file", ["/abs/scenario.yaml", "../scenario.yaml", ""])
def test_a_file_outside_of_the_workspace_is_left_out(file: str) -> None:
    run = bad_run(1)
    cell = replace(run.cells[0], claim=replace(run.cells[0].claim, file=file))
    assert annotate(replace(run, cells=(cell,)))[0].file == ""


def test_an_incomplete_run_is_the_first_annotation() -> None:
    run = replace(SAMPLE, complete=False, ended=Ending.DEADLINE, planned=5000, message="late")
    assert annotate(run)[0].title == "incomplete run"
    assert "deadline" in annotate(run)[0].message


def commands(lines: list[str]) -> list[str]:
    """The commands that the runner obeys: those outside of what it is deaf for."""
    found, token = [], ""
    for line in lines:
        if token:
            token = "" if line == f"::{token}::" else token
        elif line.lstrip().startswith("::"):
            name, _, message = parse(line.lstrip())
            found.append(name)
            token = message if name == "stop-commands" else ""
    return found


@given(st.text())
def test_no_machine_gives_commands(text: str) -> None:
    lines = list(deaf([text, "::error::from a machine", "  ::add-mask::x"]))
    assert commands([piece for line in lines for piece in line.split("\n")]) == ["stop-commands"]


def test_failures_stand_open_and_the_rest_is_folded() -> None:
    evil = [replace(c, log_tail="::set-output name=x::y\n::endgroup::") for c in SAMPLE.cells]
    lines = list(grouped_log(replace(SAMPLE, cells=tuple(evil))))
    assert [name for name in commands(lines) if name != "stop-commands"] == ["group", "endgroup"]
    folded = lines[lines.index(next(line for line in lines if line.startswith("::group"))) :]
    opened = lines[: len(lines) - len(folded)]
    assert sum("FAILED" in line or "ERROR" in line for line in opened) == wrong(SAMPLE)
    assert not any("FAILED" in line or "ERROR" in line for line in folded)


def test_a_good_run_is_all_folded() -> None:
    good: tuple[CellResult, ...] = SAMPLE.cells[100:110]
    lines = list(grouped_log(replace(SAMPLE, cells=good)))
    assert lines[0].startswith("::group::10 cells")
    assert lines[-1] == "::endgroup::"


@pytest.mark.parametrize("prefix", ["GITHUB", "GITEA", "FORGEJO"])
def test_each_forge_has_its_names(prefix: str, tmp_path: Path) -> None:
    summary, output = tmp_path / "summary", tmp_path / "output"
    forge = Forge.of(
        {
            f"{prefix}_ACTIONS": "true",
            f"{prefix}_STEP_SUMMARY": str(summary),
            f"{prefix}_OUTPUT": str(output),
        }
    )
    assert forge.active
    forge.add_summary("one\n")
    forge.add_summary("two\n")
    assert summary.read_text() == "one\ntwo\n"
    assert forge.summary_budget() == SUMMARY_LIMIT - 8


def test_an_own_name_wins_over_githubs(tmp_path: Path) -> None:
    names = {"GITHUB_STEP_SUMMARY": "/github", "GITEA_STEP_SUMMARY": "/gitea"}
    assert Forge.of(names).summary == Path("/gitea")


def test_no_forge_at_all() -> None:
    forge = Forge.of({"CI": "true", "GITHUB_STEP_SUMMARY": ""})
    assert (forge.active, forge.summary, forge.output) == (False, None, None)
    with pytest.raises(ForgeFileError):
        forge.add_summary("x")
    with pytest.raises(ForgeFileError):
        forge.set_output("a", "b")


@given(value=st.text().filter(lambda text: "\r" not in text))
def test_an_output_is_one_value(value: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("output") / "file"
    Forge(True, None, path).set_output("name", value + "\nother=x")
    text = path.read_text(errors="strict")
    name, end = text.split("\n", 1)[0].split("<<")
    assert name == "name"
    assert text.endswith(f"\nother=x\n{end}\n")
    assert text.count(end) == 2


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    forge = Forge(True, tmp_path / "absent/summary", tmp_path)
    with pytest.raises(ForgeFileError, match="cannot write"):
        forge.add_summary("x")
    with pytest.raises(ForgeFileError, match="cannot write"):
        forge.set_output("a", "b")
