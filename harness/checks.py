"""Assertions about the activated state: pytest-testinfra over the machine's own shell.

The checks of a scenario are plain pytest files that use testinfra's ``host`` fixture; they run in
this process, since the machine's control channel lives here (and, in the NixOS tier, inside the
test driver).
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import testinfra.backend.base
import testinfra.host

from harness.errors import HarnessError
from harness.machines.base import Machine

#: A session starts for every cell, so it goes without what prints, writes or collects garbage.
_LEFT_OUT = (
    *("cacheprovider", "faulthandler", "pastebin", "setuponly", "setupplan", "stepwise"),
    *("terminal", "threadexception", "unraisableexception"),
)
_OPTIONS = (
    # Modules are named after their path below the root: files of one name must not be mixed up.
    *("-c", "/dev/null", "--rootdir=/", "--import-mode=importlib", "--noconftest", "--capture=no"),
    *(word for plugin in _LEFT_OUT for word in ("-p", f"no:{plugin}")),
)
# pytest keeps process-wide state (sys.stdout, warning filters): one session at a time.
_ONE_SESSION = threading.Lock()


class MachineBackend(testinfra.backend.base.BaseBackend):  # type: ignore[misc]  # no types
    """testinfra's transport over a `Machine`: the two streams apart, text as UTF-8."""

    NAME = "machine"

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine.name)
        self._machine = machine
        self._encoding = "UTF-8"  # asking the guest would take a Python there

    def run(self, command: str, *args: str, **_unused: Any) -> testinfra.backend.base.CommandResult:
        """Run *command* with quoted *args* in the machine."""
        text = self.get_command(command, *args)
        done = self._machine.execute(text, timeout=120)
        return self.result(done.status, self.encode(text), done.stdout, done.stderr)


@dataclass
class CheckReport:
    """What the checks found: how many ran, and one text per failure."""

    ran: int = 0
    failures: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)  # what was not collected, or did not assert

    @property
    def holds(self) -> bool:
        """At least one assertion ran and all of them held."""
        return self.ran > 0 and not self.failures and not self.broken


class _Collector:
    """A pytest plugin that gives the ``host`` fixture and keeps the outcome."""

    def __init__(self, host: testinfra.host.Host) -> None:
        self._host = host
        self.report = CheckReport()
        self.error: BaseException | None = None

    @pytest.fixture
    def host(self) -> testinfra.host.Host:
        """The machine under test, as testinfra's ``host``."""
        return self._host

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        asserts = not report.skipped and not hasattr(report, "wasxfail")
        if not asserts:
            said = "it was skipped or expected to fail; a check has to assert"
            self.report.broken.append(f"{_short(report.nodeid)}\n{said}")
        elif report.when == "call":
            self.report.ran += 1
        if report.failed:
            self.report.failures.append(f"{_short(report.nodeid)}\n{report.longreprtext}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.report.broken.append(f"{_short(report.nodeid)}\n{report.longreprtext}")

    def pytest_exception_interact(self, call: pytest.CallInfo[object]) -> None:
        # A dead machine is no failed assertion: the experiment broke, and says so.
        if call.excinfo is not None and isinstance(call.excinfo.value, HarnessError):
            self.error = call.excinfo.value


def _short(node: str) -> str:
    """pytest's name of a test or file, without the folders."""
    file, separator, test = node.partition("::")
    return f"{file.rpartition('/')[2]}{separator}{test}"


#: Environment that would bring in what the host has installed, or choose among the assertions.
_ENVIRONMENT: Mapping[str, str | None] = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # pytest before 8.4 has no option for it
    "PYTEST_ADDOPTS": None,
    "PYTEST_PLUGINS": None,
}


@contextmanager
def _session(files: Sequence[Path]) -> Iterator[None]:
    """One pytest session by itself: nothing from outside, and nothing left for the next one."""
    ran = {str(file.absolute()) for file in files}
    with _ONE_SESSION:
        before = {name: os.environ.pop(name, None) for name in _ENVIRONMENT}
        _set_environment(_ENVIRONMENT)
        try:
            yield
        finally:
            for name in _ENVIRONMENT:
                os.environ.pop(name, None)
            _set_environment(before)
            for name, module in [*sys.modules.items()]:
                if getattr(module, "__file__", None) in ran:  # a file of like name would get it
                    del sys.modules[name]


def _set_environment(values: Mapping[str, str | None]) -> None:
    os.environ.update({name: value for name, value in values.items() if value is not None})


def make_host(machine: Machine) -> testinfra.host.Host:
    """testinfra's view of *machine*; it remembers what kind of system it is, so keep it."""
    return testinfra.host.Host(MachineBackend(machine))


def run_checks(host: testinfra.host.Host, files: Sequence[Path]) -> CheckReport:
    """Run the check *files* against *host* and report.

    Raises the machine's own error when it breaks under a check.
    """
    collector = _Collector(host)
    with _session(files):
        status = pytest.main([*_OPTIONS, *map(str, files)], plugins=[collector])
    if collector.error is not None:
        raise collector.error
    if status in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
        collector.report.broken.append(f"pytest could not run the checks (status {status:d})")
    return collector.report
