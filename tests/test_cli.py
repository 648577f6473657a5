"""The command line: help, bad input with the right exit codes, and no tracebacks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.errors import ExitCode

VERBS = ["run", "list", "show", "doctor", "setup", "shell", "bench"]


def test_help_names_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "exit codes" in capsys.readouterr().out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"usage: harness {verb}")


@pytest.mark.parametrize(
    "words",
    [
        ["frobnicate"],
        ["run", "--jobs", "0"],
        ["run", "--jobs", "two"],
        ["run", "--deadline", "-1"],
        ["run", "--deadline", "soon"],
        ["run", "--accelerator", "magic"],
        ["list", "everything"],
    ],
)
def test_bad_usage_is_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "smokey"], "smoke"),
        (["show", "smoke", "--strategy", "keep-output"], "keep-outputs"),
        (["show", "smoke", "--edit", "host"], "hosts"),
        (["show", "smoke", "--provision", "build"], "cached-packages"),
        (["show", "smoke", "--flags", "--offlin"], "substitute"),
        (["show", "/nowhere"], "/nowhere"),
    ],
)
def test_unknown_names_get_the_allowed_ones(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if "--flags" in words:
        words = [*words[:-2], f"--flags={words[-1]}"]
    assert main(words) == 2
    found = capsys.readouterr().err
    assert said in found
    assert "Traceback" not in found


def test_an_empty_matrix_is_code_5(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["show", "smoke", "flags", "--strategy", "none", "--caches", "wiped"]
    assert main(words) == 5
    assert "no cell" in capsys.readouterr().err


def test_all_problems_of_a_scenario_come_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "scenario.yaml").write_text("version: 1\ntitel: x\nstrategies: [nonne]\n")
    assert main(["run", str(tmp_path), "--report-dir", str(tmp_path / "r")]) == 2
    said = capsys.readouterr().err
    assert "scenario.yaml:2:1" in said
    assert "'none'" in said
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("what", ["scenarios", "strategies", "provisions", "edits", "cells"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_list(what: str, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", what, "--format", form]) == 0
    assert capsys.readouterr().out.strip()


@pytest.mark.parametrize("form", ["text", "json"])
def test_show(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "smoke", "--format", form]) == 0
    assert "keep-outputs" in capsys.readouterr().out


def harness(words: str, **streams: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "harness", *words.split()]
    return subprocess.run(command, check=False, **streams)


@pytest.mark.parametrize("words", ["list", "--help", "show strategies"])
def test_a_reader_that_goes_away_changes_nothing(words: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = harness(words, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("words", "code"), [("show nope", 2), ("--bogus", 2), ("bisect-step nope", 129)]
)
def test_an_error_that_cannot_be_printed_keeps_its_code(words: str, code: int) -> None:
    with Path("/dev/full").open("wb") as full:
        assert harness(words, stderr=full, stdout=subprocess.DEVNULL).returncode == code


def test_a_full_disk_behind_standard_output_is_told() -> None:
    with Path("/dev/full").open("wb") as full:
        done = harness("list", stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == ExitCode.SETUP
    assert b"cannot write to standard output" in done.stderr


def test_no_standard_output_at_all() -> None:
    command = f"{sys.executable} -m harness list >&-"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0


def test_a_path_that_cannot_be_looked_at_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "a" * 300]) in (ExitCode.USAGE, ExitCode.SETUP)
    assert "Traceback" not in capsys.readouterr().err


def test_an_unset_variable_does_not_mean_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "smoke", "--strategy", ""]) == ExitCode.USAGE
    assert "--strategy" in capsys.readouterr().err


def test_a_message_gives_no_commands_to_a_terminal_or_a_runner(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["show", "\x1b]0;owned\x07\n::error::injected"]) == ExitCode.USAGE
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert not any(line.startswith("::") for line in said.splitlines())
