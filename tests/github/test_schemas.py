"""The workflows and the action: their schemas, their security, and what they pin."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from harness import cli

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTION = ROOT / ".github/actions/offline-rebuild/action.yml"
FILES = [*WORKFLOWS, ACTION]


def lint(program: str, *words: str) -> None:
    done = subprocess.run(
        [str(BIN / program), *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def test_there_are_workflows() -> None:
    assert {path.name for path in WORKFLOWS} == {"ci.yml", "nixos.yml", "nixpkgs-pr.yml"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_schema(path: Path) -> None:
    lint("check-jsonschema", "--builtin-schema", "vendor.github-workflows", str(path))


def test_action_schema() -> None:
    lint("check-jsonschema", "--builtin-schema", "vendor.github-actions", str(ACTION))


def test_zizmor_finds_nothing() -> None:
    lint("zizmor", "--offline", "--quiet", ".github")


def test_yamllint() -> None:
    lint("yamllint", "--strict", "-c", "tests/yamllint.yaml", ".github")


def test_shellcheck() -> None:
    scripts = sorted(str(path) for path in ACTION.parent.glob("*.sh"))
    assert len(scripts) > 4
    lint("shellcheck", "--severity=style", "--external-sources", *scripts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_foreign_actions_are_pinned_to_a_commit(path: Path) -> None:
    used = re.findall(r"uses: +(\S+)(?: +# (\S+))?", path.read_text())
    for name, version in used:
        if not name.startswith("./"):
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", name), name
            assert re.fullmatch(r"v\d+\.\d+\.\d+", version), f"{name}: say which version it is"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_spliced_into_a_script(path: Path) -> None:
    """Inputs reach scripts through the environment alone."""
    document = yaml.safe_load(path.read_text())
    steps = document.get("runs", {}).get("steps", [])
    for job in document.get("jobs", {}).values():
        steps += job.get("steps", [])
    scripts = [step["run"] for step in steps if "run" in step]
    assert not [script for script in scripts if "${{" in script]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_fork_gets_nothing_but_reading(path: Path) -> None:
    text = path.read_text()
    document = yaml.safe_load(text)
    assert document["permissions"] == {}
    for job in document["jobs"].values():
        assert job["permissions"] in ({}, {"contents": "read"})
    assert not re.search(r"\$\{\{[^}]*secrets|^ *secrets:", text, re.MULTILINE)
    assert "pull_request_target" not in text
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_the_own_deadline_is_below_the_jobs(path: Path) -> None:
    """The action stops 5 minutes before its limit, which leaves time to install and to upload."""
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        assert "uses" in job or job["timeout-minutes"] > 0
        for step in job.get("steps", []):
            if "timeout-minutes" in step.get("with", {}):
                assert int(step["with"]["timeout-minutes"]) <= job["timeout-minutes"] - 5


def test_every_input_is_declared_and_used() -> None:
    document = yaml.safe_load(ACTION.read_text())
    used = set(re.findall(r"inputs\.([a-z-]+)", ACTION.read_text()))
    assert used == set(document["inputs"])
    for step in document["runs"]["steps"]:
        script = (ACTION.parent / re.findall(r"/(\w+\.sh)", step["run"])[0]).read_text()
        for name in step["env"]:
            assert name in script, f"{name} is not used by {step['run']}"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_give_the_action_only_inputs_that_it_has(path: Path) -> None:
    inputs = set(yaml.safe_load(ACTION.read_text())["inputs"])
    for job in yaml.safe_load(path.read_text())["jobs"].values():
        for step in job.get("steps", []):
            if step.get("uses") == "./.github/actions/offline-rebuild":
                assert set(step["with"]) <= inputs


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_workflows_run_by_default_can_be_planned(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = yaml.safe_load(path.read_text())
    for job in document["jobs"].values():
        for step in job.get("steps", []):
            if step.get("uses") != "./.github/actions/offline-rebuild":
                continue
            given = step["with"]
            scenarios = re.sub(r"\$\{\{.*\|\| '(.*)' \}\}", r"\1", given["scenarios"]).split()
            words = ["plan", "--tier", given.get("tier", "embedded"), "--shards", "4"]
            assert cli.main([*words, *scenarios]) == 0, capsys.readouterr().err
            assert "cells" in capsys.readouterr().out
    for trigger in document[True].values():  # "on", which YAML takes for true
        inputs = (trigger or {}).get("inputs", {}) if isinstance(trigger, dict) else {}
        if "scenarios" in inputs:
            assert (
                cli.main(["plan", "--tier", "nixos", *inputs["scenarios"]["default"].split()]) == 0
            )
