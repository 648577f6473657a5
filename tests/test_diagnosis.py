"""The cause of a failed rebuild, told from a machine whose answers are given."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import cast

import pytest

from harness.diagnosis import Diagnosis, Failure, Survey, diagnose
from harness.errors import MachineError
from harness.machines.base import Machine, Output
from harness.results import Cause
from tests.nix.toys import EDIT_SOURCES, SYSTEM, path, written

#: What a collection without any protection leaves.
RUNTIME = ("top1-out", "etc1-out", "prog-out", "lib-out", "hosts1")
TEXTS = {path(f"{name}.drv"): written(name, recipe) for name, recipe in SYSTEM.items()}
TOP1, TOP2 = path("top1.drv"), path("top2.drv")
ONLINE = Survey(
    TOP1,
    {drv: text for drv, text in TEXTS.items() if drv not in (TOP2, path("etc2.drv"))},
    {path(f"{name}-out"): 1000 for name in SYSTEM},
    {},
)


@dataclass
class Guest:
    """A machine after a rebuild that evaluated as far as *wrote*; what it is asked is noted."""

    wrote: Collection[str] = ("top2.drv", "etc2.drv")
    evaluates: Output = field(default_factory=lambda: Output(0, TOP2, ""))
    valid: Collection[str] = ()
    rebuilds: Output = field(default_factory=lambda: Output(0, "/nix/store/top2-out", ""))
    asked: list[str] = field(default_factory=list)

    def execute(self, command: str, timeout: float | None = 900) -> Output:
        self.asked.append(command)
        if "nix-instantiate" in command:
            return self.evaluates
        if "nix-build" in command:
            return self.rebuilds
        assert "--check-validity" in command
        return Output(0 if any(name in command for name in self.valid) else 1, "", "")

    def succeed(self, command: str, timeout: float | None = 900) -> str:
        self.asked.append(command)
        names = self.wrote if "stat -c" in command else [f"{name}.drv" for name in SYSTEM]
        texts = {path(name): TEXTS[path(name)] for name in names}
        return "".join(f"{drv}\t{text}\n" for drv, text in texts.items())

    @property
    def evaluated_again(self) -> bool:
        return any("nix-instantiate" in command for command in self.asked)


def told(
    guest: Guest,
    *there: str,
    status: int = 1,
    stderr: str = "error: build failed",
    flags: str = "--option substitute false",
    drv: str = TOP2,
) -> Diagnosis:
    available = {path(name) for name in (*RUNTIME, *there)}
    failure = Failure(Output(status, "", stderr), flags, drv)
    return diagnose(cast(Machine, guest), "/pocket", failure, ONLINE, available)


def test_what_is_missing_is_named_without_evaluating_again() -> None:
    guest = Guest()
    found = told(guest)
    assert (found.cause, found.missing) == (Cause.BUILD_MISS, ("tool-out",))
    assert "tool-out" in found.message
    assert "needed by top2" in found.detail
    assert not guest.evaluated_again


@pytest.mark.parametrize(
    ("drv", "there"),
    [
        ("", ()),  # what it gave online is not known
        (TOP1, ()),  # it gave something else
        (TOP2, ("top2.drv",)),  # that was there before the rebuild: it proves nothing
    ],
)
def test_evaluation_is_tried_again_unless_the_rebuild_proves_it(
    drv: str, there: tuple[str, ...]
) -> None:
    guest = Guest()
    assert told(guest, *there, drv=drv).cause is Cause.BUILD_MISS
    assert guest.evaluated_again
    options = next(command for command in guest.asked if "nix-instantiate" in command)
    assert "substitute false" in options
    assert "download-attempts 1" in options


def test_nothing_missing_means_that_the_asking_failed() -> None:
    guest = Guest()
    found = told(guest, "tool-out", *EDIT_SOURCES, flags="")
    [again] = [command for command in guest.asked if "nix-build" in command]
    assert "--option substitute false" in again
    assert (found.cause, found.missing) == (Cause.CACHE_QUERY, ())
    assert "switch substitution off" in found.message


def test_what_fails_without_asking_too_is_no_failed_query() -> None:
    broken = Guest(rebuilds=Output(1, "", "error: creating directory: what the machine has"))
    with pytest.raises(MachineError, match="nothing is missing for"):
        told(broken, "tool-out", *EDIT_SOURCES, flags="")


def test_what_a_builder_says_of_a_disk_is_no_broken_disk() -> None:
    said = "touch: /usr/x: Read-only file system\nerror: import failed"
    found = told(Guest(wrote=(), evaluates=Output(1, "", said)))
    assert found.cause is Cause.EVALUATION_FETCH


@pytest.mark.parametrize(
    "broken",
    [
        Output(124, "", ""),
        Output(137, "", "Killed"),
        Output(1, "", "error: executing SQLite query: disk I/O error"),
        Output(1, "", "error: opening lock file: Read-only file system"),
        Output(1, "", "error: No space left on device"),
    ],
)
def test_a_second_look_that_breaks_shows_nothing(broken: Output) -> None:
    with pytest.raises(MachineError):
        told(Guest(wrote=(), evaluates=broken))


@pytest.mark.parametrize(
    "stderr",
    ["trace: unrecognised flag '--offline'", "error: unrecognised flag 'substitute'"],
)
def test_a_flag_is_refused_by_nix_itself(stderr: str) -> None:
    found = told(Guest(), stderr=stderr, flags="--offline --option substitute false", drv="")
    assert found.cause is not Cause.UNSUPPORTED_FLAG


def test_no_flag_was_refused_where_it_came_to_evaluation() -> None:
    stderr = "error: unrecognised flag '--offline'"
    assert told(Guest(), stderr=stderr, flags="--offline").cause is Cause.BUILD_MISS


def test_a_builder_that_refuses_is_told_from_a_loss() -> None:
    found = told(Guest(), "tool-out", status=100, stderr="error: builder for x failed")
    assert found.cause is Cause.BUILDER_FAILED
    assert told(Guest(), status=100).cause is Cause.BUILD_MISS


def test_an_evaluation_that_fails_here_lacks_something() -> None:
    guest = Guest(wrote=(), evaluates=Output(1, "", "error: cannot fetch nixpkgs.tar.gz"))
    found = told(guest)
    assert found.cause is Cause.EVALUATION_FETCH
    assert "cannot fetch nixpkgs.tar.gz" in found.message


def test_an_import_from_a_derivation_says_what_that_lacks() -> None:
    failed = Output(
        1, "", f"error: 1 dependency failed\nerror: build of '{path('tool.drv')}' failed"
    )
    found = told(Guest(wrote=(), evaluates=failed, valid=("tool.drv",)))
    assert found.cause is Cause.EVALUATION_FETCH
    assert found.message.startswith("evaluation imports tool")
    assert found.missing


@pytest.mark.parametrize(
    ("status", "stderr", "cause"),
    [
        (124, "", Cause.STALLED),
        (134, "terminate called", Cause.CRASHED),
        (1, "error: unrecognised flag '--offline'", Cause.UNSUPPORTED_FLAG),
    ],
)
def test_what_needs_no_second_look(status: int, stderr: str, cause: Cause) -> None:
    guest = Guest(wrote=())
    assert told(guest, status=status, stderr=stderr, flags="--offline").cause is cause
    assert not guest.evaluated_again
