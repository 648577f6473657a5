"""Checks run against a machine's shell, and cannot pass by asserting nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.checks import make_host, run_checks
from harness.errors import MachineError
from harness.machines.base import Output


class Shell:
    """A machine that knows a few commands."""

    name = "machine"

    def __init__(self) -> None:
        self.dead = False

    def execute(self, command: str, timeout: float | None = 900) -> Output:
        if self.dead:
            raise MachineError("the machine is dead")
        if command == "uname -s":
            return Output(0, "Linux\n", "")
        if command.startswith("echo"):
            return Output(0, command[5:] + "\n", "é on stderr")
        return Output(1, "", "")


def check(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "test_it.py"
    path.write_text(text)
    return path


def run(tmp_path: Path, text: str, shell: Shell | None = None) -> tuple[bool, str]:
    host = make_host(shell or Shell())  # type: ignore[arg-type]
    report = run_checks(host, [check(tmp_path, text)])
    return report.holds, "\n".join([*report.failures, *report.broken])


def test_an_assertion_that_holds(tmp_path: Path) -> None:
    text = "def test_a(host):\n    assert host.check_output('echo %s', 'a b') == \"'a b'\"\n"
    assert run(tmp_path, text) == (True, "")


def test_the_streams_are_apart(tmp_path: Path) -> None:
    text = "def test_a(host):\n    assert host.run('echo x').stderr == 'é on stderr'\n"
    assert run(tmp_path, text)[0]


def test_an_assertion_that_fails(tmp_path: Path) -> None:
    holds, said = run(tmp_path, "def test_a(host):\n    assert host.run('false').rc == 0\n")
    assert not holds
    assert "test_a" in said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "def helper(): pass\n",
        "import nothing_of_the_kind\n",
        "def test_a(host:\n",
        "import pytest\n\n@pytest.mark.skip\ndef test_a(host):\n    pass\n",
        "import pytest\n\ndef test_a(host):\n    pytest.skip('no')\n",
        "import pytest\n\n@pytest.mark.xfail\ndef test_a(host):\n    assert False\n",
        "import pytest\n\n@pytest.mark.xfail\ndef test_a(host):\n    pass\n",
        "import pytest\n\ndef test_a():\n    pass\n\n@pytest.mark.skip\ndef test_b():\n    pass\n",
    ],
)
def test_nothing_asserted_does_not_hold(tmp_path: Path, text: str) -> None:
    assert not run(tmp_path, text)[0]


def test_a_missing_file_does_not_hold(tmp_path: Path) -> None:
    host = make_host(Shell())  # type: ignore[arg-type]
    assert not run_checks(host, [tmp_path / "test_none.py"]).holds


def test_a_dead_machine_is_no_failed_assertion(tmp_path: Path) -> None:
    shell = Shell()
    shell.dead = True
    with pytest.raises(MachineError, match="dead"):
        run(tmp_path, "def test_a(host):\n    host.run('true')\n", shell)


def test_two_files_of_the_same_name_are_two_checks(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.mkdir()
    bad.mkdir()
    host = make_host(Shell())  # type: ignore[arg-type]
    passing = check(good, "def test_a(host):\n    assert True\n")
    failing = check(bad, "def test_a(host):\n    assert False\n")
    assert run_checks(host, [passing]).holds
    assert not run_checks(host, [failing]).holds


def test_files_of_one_name_are_not_mixed_up(tmp_path: Path) -> None:
    host = make_host(Shell())  # type: ignore[arg-type]
    holds = []
    for name, truth in (("a/test_b.py", True), ("b/test_b.py", False), ("a/test.b.py", False)):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"def test_a(host):\n    assert {truth}\n")
        holds.append(run_checks(host, [file]).holds)
    assert holds == [True, False, False]


def test_a_failure_is_named_without_the_folders_of_this_host(tmp_path: Path) -> None:
    text = "import pytest\n@pytest.mark.parametrize('w', ['a/b'])\ndef test_a(w):\n    assert 0\n"
    _, said = run(tmp_path, text)
    assert said.splitlines()[0] == "test_it.py::test_a[a/b]"


def test_the_environment_has_no_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k good")
    monkeypatch.setenv("PYTEST_PLUGINS", "there_is_none")
    text = "def test_good():\n    pass\n\ndef test_bad():\n    assert False\n"
    assert not run(tmp_path, text)[0]
    assert os.environ["PYTEST_ADDOPTS"] == "-k good"


def test_plugins_of_the_host_stay_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    text = (
        "def test_a(pytestconfig):\n    assert not pytestconfig.pluginmanager.has_plugin('xdist')\n"
    )
    assert run(tmp_path, text)[0]
    assert "PYTEST_DISABLE_PLUGIN_AUTOLOAD" not in os.environ
