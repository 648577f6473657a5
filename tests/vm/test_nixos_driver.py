"""The engine inside the genuine NixOS test driver, on the embedded guest.

Runs where ``NIXOS_TEST_DRIVER`` is the folder that holds the driver's package ``test_driver``
(nixpkgs, nixos/lib/test-driver, or its ``src`` since 2025) and ``NIXOS_TEST_DRIVER_PYTHON`` is a
Python that has what both need (default: this one; the driver imports colorama, ptpython and
junit_xml, newer ones ipython and pydantic as well).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.results import Ending, Outcome
from harness.results.log import read_log

pytestmark = pytest.mark.vm

HERE = Path(__file__).parent
DRIVER = os.environ.get("NIXOS_TEST_DRIVER", "")
SCRIPT = """\
import sys

sys.path.insert(0, {here!r})
from in_driver import run

run(create_machine, driver.out_dir)
"""
LIMIT = 1800


def command_lines(script: Path, out: Path) -> list[list[str]]:
    """How releases take their arguments: a configuration file (2026), or flags."""
    config = out.parent / "driver.json"
    keys = {"vms": {}, "containers": {}, "vlans": [], "global_timeout": LIMIT}
    config.write_text(
        json.dumps({**keys, "enable_ssh_backdoor": False, "test_script": str(script)})
    )
    flags = ["--global-timeout", str(LIMIT), "-o", str(out), str(script)]
    return [["-c", str(config), "-o", str(out)], flags]


@pytest.mark.skipif(not DRIVER, reason="NIXOS_TEST_DRIVER names no driver")
def test_the_smoke_scenario_holds_in_the_genuine_driver(tmp_path: Path) -> None:
    out, state, script = tmp_path / "out", tmp_path / "s", tmp_path / "script.py"
    out.mkdir()
    state.mkdir()
    script.write_text(SCRIPT.format(here=str(HERE)))
    python = os.environ.get("NIXOS_TEST_DRIVER_PYTHON", sys.executable)
    # Empty lists are given by the environment: as flags, old releases take them for missing.
    env = {**os.environ, "startScripts": "", "vlans": "", "TMPDIR": str(state)}
    env["PYTHONPATH"] = f"{DRIVER}:{HERE.parents[1]}"
    env["XDG_RUNTIME_DIR"] = str(state)
    start = [python, "-c", "import test_driver; test_driver.main()"]
    usage = subprocess.run([*start, "--help"], capture_output=True, text=True, env=env, check=True)
    by_file, by_flags = command_lines(script, out)
    arguments = by_file if "--config" in usage.stdout else by_flags
    done = subprocess.run(
        [*start, *arguments], env=env, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    log = f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    assert done.returncode == 0, log
    run = read_log(out / "results.jsonl").run
    assert run.ended is Ending.FINISHED
    assert run.complete, log
    assert {cell.outcome for cell in run.cells} == {Outcome.PASSED}, log
    assert len(run.cells) == run.planned > 10
