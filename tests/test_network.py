"""The ways of losing the network, on a machine and an internet that tests can sabotage."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from harness.errors import MachineError
from harness.machines.base import Link, Output
from harness.network import connect, cut, cut_witness
from harness.scenario import NetworkMode


class FakeMachine:
    """Links that can be set, and a shell whose probe succeeds or not."""

    def __init__(self, *, probe: int = 1) -> None:
        self.link = Link.UP
        self.stuck = False
        self.probe = probe
        self.commands: list[str] = []

    def set_link(self, state: Link) -> None:
        if not self.stuck:
            self.link = state

    def links(self) -> Mapping[str, Link]:
        return {"net0": self.link}

    def execute(self, command: str, timeout: float | None = 900) -> Output:
        self.commands.append(command)
        return Output(self.probe if "wget" in command else 0, "", "")

    def succeed(self, command: str, timeout: float | None = 900) -> str:
        self.commands.append(command)
        return ""

    def wait_until_succeeds(self, command: str, timeout: float = 900) -> str:
        self.commands.append(command)
        return ""


class FakeUplink:
    """An internet that heard what the test says."""

    address, card = "10.0.2.100", "eth0"

    def __init__(self, *heard: str) -> None:
        self.heard = list(heard)
        self.refusing = False

    def open(self) -> None:
        self.refusing = False

    def refuse(self) -> None:
        self.refusing = True

    def now(self) -> int:
        return 0

    def heard_since(self, _moment: int) -> list[str]:
        return self.heard


def witness(machine: FakeMachine, uplink: FakeUplink, mode: NetworkMode) -> bool:
    return cut_witness(machine, uplink, mode, 0).holds  # type: ignore[arg-type]


def test_a_network_that_the_log_did_not_see_is_refused() -> None:
    with pytest.raises(MachineError, match="log did not see it"):
        connect(FakeMachine(), FakeUplink())  # type: ignore[arg-type]


def test_a_network_that_the_log_saw_is_up() -> None:
    machine = FakeMachine()
    assert connect(machine, FakeUplink("GET")).holds  # type: ignore[arg-type]
    assert machine.link is Link.UP


@pytest.mark.parametrize("mode", list(NetworkMode))
def test_every_mode_is_proven_when_nothing_leaks(mode: NetworkMode) -> None:
    machine, uplink = FakeMachine(), FakeUplink()
    cut(machine, uplink, mode)  # type: ignore[arg-type]
    assert witness(machine, uplink, mode)
    assert uplink.refusing == (mode is NetworkMode.REFUSED)


@pytest.mark.parametrize("mode", list(NetworkMode))
def test_a_probe_that_gets_through_breaks_the_witness(mode: NetworkMode) -> None:
    machine, uplink = FakeMachine(probe=0), FakeUplink()
    cut(machine, uplink, mode)  # type: ignore[arg-type]
    assert not witness(machine, uplink, mode)


@pytest.mark.parametrize("mode", list(NetworkMode))
def test_a_request_after_the_cut_breaks_the_witness(mode: NetworkMode) -> None:
    machine, uplink = FakeMachine(), FakeUplink("GET /x.narinfo")
    cut(machine, uplink, mode)  # type: ignore[arg-type]
    assert not witness(machine, uplink, mode)


@pytest.mark.parametrize("mode", [m for m in NetworkMode if m is not NetworkMode.REFUSED])
def test_a_link_that_stays_up_breaks_the_witness(mode: NetworkMode) -> None:
    machine, uplink = FakeMachine(), FakeUplink()
    machine.stuck = True
    cut(machine, uplink, mode)  # type: ignore[arg-type]
    assert not witness(machine, uplink, mode)
