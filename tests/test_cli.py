"""The command line: help, bad input with the right exit codes, and no tracebacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli import main

VERBS = ["run", "list", "show", "doctor", "setup", "shell", "bench"]


def test_help_names_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "exit codes" in capsys.readouterr().out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
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
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
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
