from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from junitparser import JUnitXml

from harness import process
from harness.errors import ExitCode, SetupError
from harness.reports import Redactor, ReportsError, write_reports, writing
from harness.reports.writing import write_atomically
from harness.results import RunResult
from harness.results.document import read_results
from tests.reports.sample import sample_run

RUN = sample_run()
FILES = {"results.json", "junit.xml", "summary.md", "report.html"}
NOTHING: Mapping[str, str] = {}


def test_all_reports_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "reports"
    write_reports(RUN, folder, Redactor(NOTHING, []))
    assert {file.name for file in folder.iterdir()} == FILES
    assert read_results(folder / "results.json") == RUN
    assert JUnitXml.fromfile(str(folder / "junit.xml"))
    assert "# Offline rebuild" in (folder / "summary.md").read_text()
    assert (folder / "report.html").read_text().endswith("</html>\n")
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o644}


def test_a_failing_report_does_not_lose_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(run: RunResult) -> str:
        raise ZeroDivisionError("no cells")

    renderers = {**writing.RENDERERS, "junit.xml": fail, "results.json": fail}
    monkeypatch.setattr(writing, "RENDERERS", renderers)
    with pytest.raises(ReportsError) as caught:
        write_reports(RUN, tmp_path)
    assert caught.value.exit_code is ExitCode.INTERNAL
    assert set(caught.value.failures) == {"junit.xml", "results.json"}
    assert "junit.xml: ZeroDivisionError: no cells" in caught.value.message
    assert {file.name for file in tmp_path.iterdir()} == {"summary.md", "report.html"}


def test_a_large_run_is_written_by_two_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_reports(RUN, tmp_path / "one", Redactor(NOTHING, []))
    writers: list[str] = []

    def apart(work: Callable[[], None]) -> Callable[[], bool]:
        writers.append("copy")
        work()
        return lambda: True

    monkeypatch.setattr(writing, "_MANY", 1)
    monkeypatch.setattr(process, "apart", apart)
    write_reports(RUN, tmp_path / "two", Redactor(NOTHING, []))
    assert writers == ["copy"]
    for name in FILES:
        assert (tmp_path / "one" / name).read_text() == (tmp_path / "two" / name).read_text()


@pytest.mark.parametrize("broken", ["report.html", "results.json"])
def test_a_failure_in_either_process_is_told_and_loses_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def fail(run: RunResult) -> str:
        raise ZeroDivisionError(f"in {broken}")

    monkeypatch.setattr(writing, "_MANY", 1)
    monkeypatch.setattr(writing, "RENDERERS", {**writing.RENDERERS, broken: fail})
    with pytest.raises(ReportsError, match=f"{broken}: ZeroDivisionError: in {broken}"):
        write_reports(RUN, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == FILES - {broken}


def test_no_report_names_the_host(tmp_path: Path) -> None:
    home = Redactor({"/nix/store": "$STORE", "scenarios": "x"}, ["zlib-1.3"])
    write_reports(RUN, tmp_path, home)
    for file in tmp_path.iterdir():
        text = file.read_text()
        assert "/nix/store/" not in text
        assert "zlib-1.3" not in text
        assert "$STORE/" in text


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    write_atomically(file, "old")
    with file.open() as reader:
        write_atomically(file, "new")
        assert reader.read() == "old"
    assert file.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["junit.xml"]


def test_what_cannot_be_written_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(file, "\ud800")
    assert file.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["junit.xml"]


def test_a_place_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot write"):
        write_atomically(tmp_path / "gone" / "junit.xml", "text")
    with pytest.raises(SetupError, match="cannot make the folder"):
        write_reports(RUN, tmp_path / "file" / "reports")


def test_every_report_is_of_the_same_run(tmp_path: Path) -> None:
    write_reports(RUN, tmp_path)
    document = json.loads((tmp_path / "results.json").read_text())
    suites = JUnitXml.fromfile(str(tmp_path / "junit.xml"))
    assert len(document["cells"]) == sum(len(list(suite)) for suite in suites)
