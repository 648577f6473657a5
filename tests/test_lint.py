"""The linters, as tests: what they refuse does not land."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent


def lint(program: str, *arguments: str) -> None:
    """Run a linter of the virtual environment over the project; its findings are the failure."""
    path = shutil.which(program, path=str(BIN))
    assert path, f"{program} is not installed: run `make setup`"
    done = subprocess.run([path, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def tracked(*patterns: str) -> list[str]:
    """The files of the project that match; an empty list would make a linter check nothing."""
    done = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [name for name in done.stdout.splitlines() if (ROOT / name).is_file()]
    assert files, f"no files match {patterns}"
    return files


def test_ruff_check() -> None:
    lint("ruff", "check", ".")


def test_ruff_format() -> None:
    lint("ruff", "format", "--check", ".")


def test_mypy() -> None:
    lint("mypy")


def test_shellcheck() -> None:
    scripts = [".ci/run", ".ci/install-packages", *tracked("*.sh")]
    lint("shellcheck", "--severity=style", *scripts)


def test_yamllint() -> None:
    lint("yamllint", "--strict", "-c", "tests/yamllint.yaml", *tracked("*.yaml", "*.yml"))


def test_modules_stay_small() -> None:
    long = {
        name: count
        for name in tracked("harness/*.py")
        if (count := len((ROOT / name).read_text().splitlines())) > 400
    }
    assert not long, f"modules over 400 lines: {long}"


def test_processes_start_in_one_module() -> None:
    starters = [
        name
        for name in tracked("harness/*.py")
        if name != "harness/process.py" and "import subprocess" in (ROOT / name).read_text()
    ]
    assert starters == []


@pytest.mark.parametrize("name", ["README.md", "pyproject.toml", "Makefile"])
def test_top_level_files_exist(name: str) -> None:
    assert (ROOT / name).read_text().strip()
