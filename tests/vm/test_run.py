"""Whole runs as users start them: reports, interruption, deadlines, and nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import junitparser
import pytest

from harness.embedded import Embedded
from harness.plan import plan
from harness.results import Outcome, Trouble
from harness.results.document import read_results
from harness.results.log import read_log
from harness.scenario import load_scenario
from harness.strategies import registry

pytestmark = pytest.mark.vm

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "scenarios" / "smoke"
#: An edit whose build takes more than the machine's disk.
GREEDY = """\
{ pkgs, ... }:
{
  environment.etc.big.source = pkgs.runCommand "big" { } "dd if=/dev/zero of=$out bs=1M count=4000";
}
"""


@pytest.fixture(scope="module", autouse=True)
def _image(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Build what is cached outside the timed parts of these tests."""
    smoke = plan([load_scenario(SMOKE, registry())])
    Embedded().prepare(smoke, tmp_path_factory.mktemp("prepare"), print)


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A TMPDIR of its own, which a run must leave empty."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


def harness(scratch: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness", *words],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def altered_smoke(tmp_path: Path, before: str, after: str) -> Path:
    """A copy of the smoke scenario with another text in its scenario file."""
    folder = tmp_path / "altered"
    shutil.copytree(SMOKE, folder)
    text = (folder / "scenario.yaml").read_text()
    assert before in text
    (folder / "scenario.yaml").write_text(text.replace(before, after))
    return folder


def machines(scratch: Path) -> list[str]:
    """Command lines of QEMUs whose disks lie in *scratch*."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue  # it ended while we looked
            if str(scratch) in words and "qemu" in words:
                found.append(words)
    return found


def wait_for(log: Path, count: int, seconds: float = 300) -> None:
    """Until the log of results has *count* finished cells."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if log.exists() and log.read_text().count('"cell"') >= count:
            return
        time.sleep(0.2)
    raise AssertionError("no cell was finished in time")


def test_a_run_writes_every_report(scratch: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    words = ("run", "smoke", "--edit", "hosts", "--report-dir", str(report))
    process = harness(scratch, *words)
    stdout, stderr = process.communicate(timeout=600)
    assert process.returncode == 0, stderr
    assert "keep-outputs" in stdout
    run = read_results(report / "results.json")
    assert run.complete
    assert run.count(Outcome.PASSED) == run.planned == len(run.cells) == 3
    assert "package nix-bin" in run.facts
    assert read_log(report / "results.jsonl").run.cells == run.cells
    suites = junitparser.JUnitXml.fromfile(str(report / "junit.xml"))
    assert suites.tests == 3
    assert suites.failures == suites.errors == 0
    assert all((report / cell.log).read_text() for cell in run.cells)
    for text in ("summary.md", "report.html"):
        assert str(Path.home()) not in (report / text).read_text()
    assert machines(scratch) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_it_finished(
    scratch: Path, tmp_path: Path, number: signal.Signals
) -> None:
    report = tmp_path / "report"
    process = harness(scratch, "run", "smoke", "--report-dir", str(report))
    wait_for(report / "results.jsonl", 2)
    assert machines(scratch)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "interrupted" in stderr
    run = read_results(report / "results.json")
    assert not run.complete
    assert 2 <= len(run.cells) < run.planned
    assert all(cell.outcome is Outcome.PASSED for cell in run.cells)
    assert junitparser.JUnitXml.fromfile(str(report / "junit.xml")).errors == 1
    assert machines(scratch) == []


def test_a_killed_run_leaves_a_readable_log_and_no_machine(tmp_path: Path) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    report = tmp_path / "report"
    process = harness(scratch, "run", "smoke", "--report-dir", str(report))
    wait_for(report / "results.jsonl", 1)
    process.kill()
    process.communicate(timeout=60)
    assert read_log(report / "results.jsonl").run.cells
    deadline = time.monotonic() + 10
    while machines(scratch) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert machines(scratch) == []


def test_a_deadline_ends_a_run_in_order(scratch: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    words = ("run", "smoke", "--report-dir", str(report), "--deadline", "8")
    process = harness(scratch, *words)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 3, stderr
    assert json.loads((report / "results.json").read_text())
    assert machines(scratch) == []


def test_two_runs_do_not_share_a_report_folder(scratch: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    first = harness(scratch, "run", "smoke", "--report-dir", str(report))
    wait_for(report / "results.jsonl", 1)
    second = harness(scratch, "run", "smoke", "--report-dir", str(report))
    _, stderr = second.communicate(timeout=60)
    assert second.returncode == 4
    assert "another run is writing" in stderr
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    assert first.returncode == 130


def test_a_full_disk_in_the_machine_is_no_failed_edit(scratch: Path, tmp_path: Path) -> None:
    folder = altered_smoke(tmp_path, "patience: 120\n", "patience: 120\nmachine: {disk: 1024}\n")
    (folder / "edits/new-package.nix").write_text(GREEDY)
    report = tmp_path / "report"
    words = ("run", str(folder), "--strategy", "keep-outputs", "--edit", "hosts,new-package")
    process = harness(scratch, *words, "--report-dir", str(report))
    _, stderr = process.communicate(timeout=600)
    assert process.returncode == 4, stderr
    cells = read_results(report / "results.json").cells
    full = [cell for cell in cells if cell.trouble is Trouble.SPACE]
    assert {cell.key.edit for cell in full} == {"new-package"}
    assert "the machine's disk is full" in full[0].message
    assert all(cell.outcome is Outcome.PASSED for cell in cells if cell.key.edit == "hosts")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk_on_the_host_is_told(tmp_path: Path) -> None:
    scratch = tmp_path / "tmp"
    scratch.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(scratch)]
    if subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        report = tmp_path / "report"
        process = harness(scratch, "run", "smoke", "--jobs", "1", "--report-dir", str(report))
        _, stderr = process.communicate(timeout=600)
        assert process.returncode == 4, stderr
        cells = read_results(report / "results.json").cells
        assert {cell.outcome for cell in cells} == {Outcome.ERROR}
        assert {cell.trouble for cell in cells} == {Trouble.SPACE}
        assert "the host's disk is full" in cells[0].message
        assert machines(scratch) == []
        assert list(scratch.iterdir()) == []
    finally:
        subprocess.run(["umount", str(scratch)], check=True)


def test_a_false_claim_is_found(scratch: Path, tmp_path: Path) -> None:
    folder = altered_smoke(tmp_path, "rebuilt: [identical]\n", "rebuilt: [identical, hosts]\n")
    report = tmp_path / "report"
    words = ("run", str(folder), "--strategy", "none", "--edit", "hosts")
    process = harness(scratch, *words, "--report-dir", str(report))
    _, stderr = process.communicate(timeout=600)
    assert process.returncode == 1, stderr
    (failed,) = [c for c in read_results(report / "results.json").cells if c.outcome == "failed"]
    assert failed.key.edit == "hosts"
