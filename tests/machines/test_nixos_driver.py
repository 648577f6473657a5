"""The adapter over the NixOS test driver's machine, on a double that behaves as the driver does.

The double runs commands in a real bash on this host, framed as the driver frames them, and has a
monitor that prints what QEMU's prints, echo and escape sequences included.
"""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import CommandFailed, MachineError
from harness.machines.base import Capability, Link, Machine
from harness.machines.nixos_driver import NixosDriverMachine

NETWORK = (
    "virtio-net-pci.0: index=0,type=nic,model=virtio-net-pci,macaddr=52:54:00:12:01:02\r\n"
    " \\ vlan1: index=0,type=vde\r\n"
)


@dataclass
class Double:
    """What `DriverMachine` asks for."""

    name: str = "machine"
    booted: bool = False
    replies: dict[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    dead: bool = False
    last_lines: Queue[str] = field(default_factory=Queue)

    def start(self) -> None:
        self.booted = True

    def execute(
        self,
        command: str,
        check_return: bool = True,
        check_output: bool = True,
        timeout: int | None = 900,
    ) -> tuple[int, str]:
        assert timeout is None or isinstance(timeout, int), "a release of 2023 formats it"
        self.ran.append(command)
        if self.dead:
            return int(""), ""  # what the driver does when the console has closed
        limit = "" if timeout is None else f"timeout {timeout} "
        line = f"{limit}bash -c {shlex.quote('set -euo pipefail; ' + command)}"
        done = subprocess.run(
            ["bash", "-c", line],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode, done.stdout.decode(errors="replace")

    def send_monitor_command(self, command: str) -> str:
        self.typed.append(command)
        echo = "".join(f"\x1b[K{command[: n + 1]}\x1b[{n + 1}D" for n in range(len(command)))
        answers = {"info network": NETWORK, **self.replies}
        if answers.get(command) == "ended":
            return ""
        return f"{echo}\x1b[K\r\n{answers.get(command, '')}(qemu) "

    def shutdown(self) -> None:
        self.booted = False

    def crash(self) -> None:
        assert self.booted
        self.booted = False


@pytest.fixture(autouse=True)
def _stderr_here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("run")
    monkeypatch.setattr("harness.machines.nixos_driver._STDERR", str(folder / "stderr"))
    monkeypatch.setattr("harness.machines.nixos_driver._COMMAND_FILE", str(folder / "command"))
    monkeypatch.setattr("harness.machines.nixos_driver._STREAM", str(folder / "stream"))


@pytest.fixture
def double() -> Double:
    return Double()


@pytest.fixture
def machine(double: Double) -> NixosDriverMachine:
    made = NixosDriverMachine(double)
    made.start()
    double.typed.clear()
    return made


def test_it_is_a_machine(machine: NixosDriverMachine) -> None:
    assert isinstance(machine, Machine)
    assert Capability.CHECKPOINTS in machine.capabilities


@pytest.mark.parametrize(
    ("command", "status", "stdout", "stderr"),
    [
        ("echo out; echo err >&2", 0, "out\n", "err\n"),
        ("exit 7", 7, "", ""),
        ("false | true", 1, "", ""),
        ("echo $UNSET_VARIABLE", 1, "", None),
        ("printf 'no end'", 0, "no end", ""),
        ("printf 'ä\\xff'", 0, "ä\ufffd", ""),
        ("cat", 0, "", ""),
        ("echo \"it's 'quoted'\" '$HOME'", 0, "it's 'quoted' $HOME\n", ""),
        ("sleep 20", 124, "", ""),
    ],
)
def test_streams_and_status(
    machine: NixosDriverMachine, command: str, status: int, stdout: str, stderr: str | None
) -> None:
    done = machine.execute(command, timeout=1)
    assert (done.status, done.stdout) == (status, stdout)
    assert stderr is None or done.stderr == stderr


def test_a_command_that_ignores_the_signal_has_timed_out_as_well(
    machine: NixosDriverMachine,
) -> None:
    assert machine.execute("trap '' TERM; while :; do sleep 1; done", timeout=1).status == 124


@settings(max_examples=25, deadline=None)
@given(text=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=200))
def test_any_text_comes_back(text: str) -> None:
    machine = NixosDriverMachine(Double())
    assert machine.execute(f"printf %s {shlex.quote(text)}").stdout == text


def test_a_long_command_goes_in_pieces(machine: NixosDriverMachine, double: Double) -> None:
    text = "0123456789" * 20_000
    assert machine.succeed(f"printf %s {text} | wc -c").strip() == "200000"
    assert max(map(len, double.ran)) < 100_000


def test_success_and_failure_are_demanded(machine: NixosDriverMachine) -> None:
    with pytest.raises(CommandFailed, match="oh no"):
        machine.succeed("echo oh no >&2; exit 3")
    with pytest.raises(CommandFailed):
        machine.fail("true")
    assert machine.fail("echo told; false") == "told\n"
    with pytest.raises(CommandFailed, match="repeated"):
        machine.wait_until_succeeds("false", timeout=0)


def test_folders_are_copied_both_ways(machine: NixosDriverMachine, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep/file").write_bytes(bytes(range(256)) * 400)
    (source / "program").write_text("#!/bin/sh\n")
    (source / "program").chmod(0o755)
    machine.copy_from_host(source, str(tmp_path / "guest/there"))
    machine.copy_from_machine(str(tmp_path / "guest/there"), tmp_path / "back")
    assert (tmp_path / "back/deep/file").read_bytes() == bytes(range(256)) * 400
    assert (tmp_path / "back/program").stat().st_mode & 0o777 == 0o755
    with pytest.raises(MachineError, match="nothing to copy"):
        machine.copy_from_host(tmp_path / "missing", "/x")
    with pytest.raises(MachineError):
        machine.copy_from_machine(str(tmp_path / "missing"), tmp_path / "x")


def test_every_card_is_cut_at_both_ends(machine: NixosDriverMachine, double: Double) -> None:
    machine.set_link(Link.DOWN)
    assert "set_link virtio-net-pci.0 off" in double.typed
    assert "set_link vlan1 off" in double.typed
    assert machine.links() == {"virtio-net-pci.0": Link.DOWN}


def test_a_refused_cut_is_an_error(machine: NixosDriverMachine, double: Double) -> None:
    double.replies["set_link vlan1 off"] = "Error: Device 'vlan1' not found\r\n"
    with pytest.raises(MachineError, match="not found"):
        machine.set_link(Link.DOWN)


def test_a_machine_without_a_card_cannot_be_cut(
    machine: NixosDriverMachine, double: Double
) -> None:
    double.replies["info network"] = ""
    with pytest.raises(MachineError, match="no network card"):
        machine.set_link(Link.DOWN)


def test_a_restored_machine_moves_after_its_cards_are_set(
    machine: NixosDriverMachine, double: Double
) -> None:
    machine.checkpoint("cut")
    machine.set_link(Link.DOWN)
    double.typed.clear()
    machine.restore("cut")
    orders = [typed for typed in double.typed if not typed.startswith("info")]
    assert orders == [
        *("stop", "loadvm cut"),
        *("set_link virtio-net-pci.0 off", "set_link vlan1 off", "cont"),
    ]


@pytest.mark.parametrize(("order", "act"), [("savevm t", "checkpoint"), ("loadvm t", "restore")])
def test_what_the_monitor_says_of_checkpoints_is_an_error(
    machine: NixosDriverMachine, double: Double, order: str, act: str
) -> None:
    if act == "restore":
        machine.checkpoint("t")
    double.replies[order] = "Error: Device 'drive2' is writable but does not support snapshots\r\n"
    with pytest.raises(MachineError, match="does not support snapshots"):
        getattr(machine, act)("t")


def test_an_unknown_checkpoint_is_an_error_and_a_forgotten_one_too(
    machine: NixosDriverMachine,
) -> None:
    with pytest.raises(MachineError, match="no checkpoint"):
        machine.restore("never")
    machine.checkpoint("t")
    machine.forget("t")
    machine.forget("t")
    with pytest.raises(MachineError, match="no checkpoint"):
        machine.restore("t")


def test_a_dead_machine_is_told_with_its_console(
    machine: NixosDriverMachine, double: Double
) -> None:
    double.last_lines.put("Kernel panic - not syncing: Out of memory")
    double.dead = True
    with pytest.raises(MachineError, match="Kernel panic"):
        machine.execute("true")


def test_a_monitor_that_ends_is_an_error(machine: NixosDriverMachine, double: Double) -> None:
    double.replies["savevm t"] = "ended"
    with pytest.raises(MachineError, match="QEMU ended"):
        machine.checkpoint("t")


def test_the_plug_is_pulled_any_number_of_times(
    machine: NixosDriverMachine, double: Double
) -> None:
    machine.checkpoint("t")
    machine.crash()
    machine.crash()
    assert not double.booted
    with pytest.raises(MachineError, match="no checkpoint"):
        machine.restore("t")


def test_the_accelerator_is_what_qemu_says() -> None:
    double = Double(replies={"info kvm": "kvm support: enabled\r\n", "info version": "9.1.2\r\n"})
    machine = NixosDriverMachine(double)
    machine.start()
    assert machine.facts == {"qemu": "9.1.2", "accelerator": "kvm"}
    assert Capability.KVM in machine.capabilities
