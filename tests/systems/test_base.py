"""The commands that all systems share, on a machine whose answers are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from harness.errors import MachineError
from harness.machines.base import Machine, Output
from harness.systems.base import instantiate, rebuild, switch

COMMANDS: list[Callable[[Machine], Output]] = [
    lambda machine: rebuild(machine, "/pocket", "nix-build", "", patience=1),
    lambda machine: instantiate(machine, "/pocket"),
    lambda machine: switch(machine, "/nix/store/x"),
]


class Guest:
    def __init__(self, answer: Output) -> None:
        self.answer = answer

    def execute(self, _command: str, timeout: float | None = 900) -> Output:
        return self.answer


@pytest.mark.parametrize("run", COMMANDS)
@pytest.mark.parametrize("said", ["No space left on device", "database or disk is full"])
def test_a_full_disk_is_never_a_failure_of_the_configuration(
    run: Callable[[Machine], Output], said: str
) -> None:
    with pytest.raises(MachineError, match="the machine's disk is full"):
        run(cast(Machine, Guest(Output(1, "", f"error: writing to file: {said}"))))


@pytest.mark.parametrize("run", COMMANDS)
@pytest.mark.parametrize(
    "answer", [Output(1, "", "error: x"), Output(0, "/nix/store/x", "No space left on device")]
)
def test_everything_else_is_handed_on(run: Callable[[Machine], Output], answer: Output) -> None:
    assert run(cast(Machine, Guest(answer))) is answer
