"""A small stand-in for the runner: does the steps of a composite action as GitHub would.

It knows of expressions only those that the action uses.  `harness run` is a script that leaves
prepared results; everything else is the real harness.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from harness.results import RunResult
from harness.results.document import render

ACTION = Path(__file__).parent.parent.parent / ".github/actions/offline-rebuild"
_HARNESS = f"""#!{sys.executable} -P
import json, os, pathlib, shutil, sys
state = pathlib.Path(os.environ["RUNNER_TEMP"])
if sys.argv[1] != "run":
    os.execv({str(Path(sys.executable).parent / "harness")!r}, sys.argv)
with (state / "runs").open("a") as runs:
    runs.write(json.dumps(sys.argv[1:]) + "\\n")
folder = pathlib.Path(sys.argv[sys.argv.index("--report-dir") + 1])
prepared = state / ("base.json" if folder.name == "base" else "head.json")
print("::error::from a machine")
if not prepared.exists():
    sys.exit("harness: error: no results were prepared")
shutil.copy(prepared, folder / "results.json")
"""


@dataclass
class Done:
    """What came of an action: the steps' statuses, what they printed, the action's outputs."""

    statuses: dict[str, int] = field(default_factory=dict)
    printed: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""

    @property
    def failed(self) -> bool:
        """Whether GitHub would show the step red."""
        return any(self.statuses.values())


@dataclass(frozen=True)
class Runner:
    """A runner with a workspace and a temporary folder."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("workspace", "temp/offline-rebuild/venv/bin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.harness.write_text(_HARNESS)
        self.harness.chmod(self.harness.stat().st_mode | stat.S_IXUSR)

    @property
    def harness(self) -> Path:
        """The stand-in for the installed harness."""
        return self.folder / "temp/offline-rebuild/venv/bin/harness"

    @property
    def workspace(self) -> Path:
        """Where the job's checkout lies."""
        return self.folder / "workspace"

    def prepare(self, name: str, run: RunResult) -> None:
        """What the next `harness run` finds; *name* is head or base."""
        (self.folder / f"temp/{name}.json").write_text(render(run))

    @property
    def runs(self) -> list[list[str]]:
        """The arguments of each `harness run` so far."""
        path = self.folder / "temp/runs"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def use(self, **inputs: str) -> Done:
        """Do the action's steps but the installation."""
        action = yaml.safe_load((ACTION / "action.yml").read_text())
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert set(given) <= set(action["inputs"])
        values = {name: given.get(name, i["default"]) for name, i in action["inputs"].items()}
        done = Done()
        steps: dict[str, dict[str, str]] = {}
        for step in action["runs"]["steps"]:
            if "install.sh" not in step["run"] and _wanted(step.get("if", ""), values, done):
                steps[step.get("id", step["name"])] = self._step(step, values, done)
        for name, output in action["outputs"].items():
            found = re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.([\w-]+) \}\}", output["value"])
            assert found
            done.outputs[name] = steps.get(found[1], {}).get(found[2], "")
        return done

    def _step(self, step: dict[str, Any], values: Mapping[str, str], done: Done) -> dict[str, str]:
        files = {name: self.folder / f"temp/{name}" for name in ("output", "summary")}
        for path in files.values():
            path.write_text("")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ACTION),
            "GITHUB_WORKSPACE": str(self.workspace),
            "GITHUB_OUTPUT": str(files["output"]),
            "GITHUB_STEP_SUMMARY": str(files["summary"]),
            "RUNNER_TEMP": str(self.folder / "temp"),
            **self.environment,
            **{name: _expand(value, values) for name, value in step["env"].items()},
        }
        process = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        done.statuses[step["name"]] = process.returncode
        done.printed += process.stdout + process.stderr
        done.summary += files["summary"].read_text()
        return parse_outputs(files["output"].read_text())


def _wanted(condition: str, values: Mapping[str, str], done: Done) -> bool:
    always = condition.startswith("always() && ")
    known = {
        "": True,
        "inputs.shards != ''": values["shards"] != "",
        "inputs.shards == ''": values["shards"] == "",
    }
    return known[condition.removeprefix("always() && ")] and (always or not done.failed)


def _expand(value: str, values: Mapping[str, str]) -> str:
    found = re.fullmatch(r"\$\{\{ inputs\.([a-z-]+) \}\}", value)
    assert found, f"no input alone: {value}"
    return values[found[1]]


def parse_outputs(text: str) -> dict[str, str]:
    """What a later step sees of an output file (GitHub Docs, "Environment files")."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        if "<<" in line:
            name, end = line.split("<<", 1)
            value = []
            while (part := next(lines)) != end:
                value.append(part)
            found[name] = "\n".join(value)
        elif line:
            name, _, rest = line.partition("=")
            found[name] = rest
    return found
