"""The embedded machine, booted: the contract of all machines, and the trouble it can have."""

from __future__ import annotations

import http.client
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.errors import CommandFailed, MachineError, SetupError
from harness.guest.image import Image
from harness.machines import backdoor
from harness.machines.accelerator import Accelerator, kvm_fault
from harness.machines.base import Capability, Link, Machine, MachineSize
from harness.machines.qemu import QemuMachine
from tests.machines.contract import CHECKPOINT_CHECKS, CHECKS, Check
from tests.vm.conftest import SMALL, MakeMachine, processes_mentioning

pytestmark = pytest.mark.vm


@pytest.fixture(scope="module")
def machine(make_machine: MakeMachine) -> QemuMachine:
    shared = make_machine()
    shared.start()
    return shared


def doomed(machine: Machine, command: str, cause: str) -> None:
    """*command* must end in a `MachineError` that names *cause*, and so must all that follow."""
    with pytest.raises(MachineError, match=cause) as caught:
        machine.execute(command, timeout=120)
    assert not isinstance(caught.value, CommandFailed)
    with pytest.raises(MachineError):
        machine.execute("true", timeout=5)


@pytest.mark.parametrize("check", [*CHECKS, *CHECKPOINT_CHECKS])
def test_contract(check: Check, machine: QemuMachine, tmp_path: Path) -> None:
    check(machine, tmp_path)


def test_is_a_machine_with_all_capabilities(machine: QemuMachine, accelerator: Accelerator) -> None:
    as_machine: Machine = machine
    assert isinstance(as_machine, Machine)
    assert set(Capability) - {Capability.KVM} <= machine.capabilities
    assert (Capability.KVM in machine.capabilities) == (accelerator.name == "kvm")
    assert machine.facts["kernel"] == machine.succeed("uname -r").strip()


def test_guest_environment(machine: QemuMachine) -> None:
    assert machine.succeed("echo $HOME $USER $(id -u) $(hostname)") == "/root root 0 machine\n"
    assert machine.succeed("df -m / | awk 'NR == 2 {print ($2 > 7000)}'") == "1\n"
    assert machine.succeed("blockdev --getsize64 /dev/vdb") == f"{4096 << 20}\n"
    assert machine.fail("command -v tcc gcc cc perl python3") == ""


def test_nix_builds_in_its_sandbox(machine: QemuMachine) -> None:
    expression = """derivation {
        name = "sandboxed"; system = "x86_64-linux"; builder = "/bin/sh";
        args = [ "-c" "if test -e /root; then echo open; else echo closed; fi > $out" ];
    }"""
    shell = "--option sandbox-paths /bin/sh=/usr/bin/busybox"
    built = machine.succeed(
        f"cat $(nix-build --no-out-link {shell} --option substitute false -E '{expression}')"
    )
    assert built == "closed\n"
    assert machine.succeed("nix config show sandbox") == "true\n"


class Server(http.server.BaseHTTPRequestHandler):
    """Answers GET /N with N bytes, and PUT with how many bytes came."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(b"x" * int(self.path[1:]))

    def do_PUT(self) -> None:
        self.answer(b"%d" % len(self.rfile.read(int(self.headers["Content-Length"]))))

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield httpd.server_port
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture(scope="module")
def connected(make_machine: MakeMachine, server: int) -> QemuMachine:
    online = make_machine(forwards={("10.0.2.100", 80): server, ("10.0.2.7", 8080): server})
    online.start()
    return online


def test_forwards_carry_large_and_many_bodies(connected: QemuMachine, server: int) -> None:
    get = "wget -q -O - http://10.0.2.100"
    assert connected.succeed(f"{get}/20000000 | wc -c") == "20000000\n"
    assert connected.succeed("wget -q -O - http://10.0.2.7:8080/5") == "xxxxx"
    put = "curl -s -T - -H 'Content-Length: 8000000' http://10.0.2.100/put"
    assert connected.succeed(f"head -c 8000000 /dev/zero | {put}") == "8000000"
    assert connected.succeed("curl -s http://10.0.2.100/[1-60] | wc -c") == f"{sum(range(61))}\n"
    many = f"for i in $(seq 30); do {get}/100000 >> /tmp/many.$i & done; wait"
    assert connected.succeed(f"{many}; cat /tmp/many.* | wc -c") == "3000000\n"
    connected.execute(f"{get}/200000000 | head -c 1000 >/dev/null")
    no_relay_is_left(server)


def no_relay_is_left(port: int) -> None:
    deadline = time.monotonic() + 30
    while left := [
        words
        for words in processes_mentioning(f"busybox nc 127.0.0.1 {port}")
        if "qemu-system" not in words  # whose own command line names the relay
    ]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def test_relays_end_with_the_machine(make_machine: MakeMachine, server: int) -> None:
    online = make_machine(forwards={("10.0.2.100", 80): server}, size=SMALL)
    online.start()
    online.succeed("wget -q -O - http://10.0.2.100/900000000 >/dev/null 2>&1 & sleep 1")
    assert len(processes_mentioning(f"busybox nc 127.0.0.1 {server}")) > 1
    online.crash()
    no_relay_is_left(server)


def test_nothing_else_can_be_reached(connected: QemuMachine) -> None:
    with socket.create_server(("0.0.0.0", 0)) as listening:
        port = listening.getsockname()[1]
        places = [f"10.0.2.2 {port}", f"127.0.0.1 {port}", "10.0.2.100 81", "10.0.2.3 53"]
        for place in [*places, "192.0.2.1 443"]:
            assert connected.execute(f"timeout 5 nc -w 4 {place} </dev/null").status != 0, place
        listening.settimeout(0.1)
        with pytest.raises(TimeoutError):
            listening.accept()
    assert connected.execute("timeout 4 nslookup example.invalid 10.0.2.3").status != 0


def test_cut_link_stops_everything(connected: QemuMachine) -> None:
    fetch = "wget -T 3 -q -O - http://10.0.2.100/4"
    assert connected.succeed(fetch) == "xxxx"
    connected.checkpoint("online")
    connected.set_link(Link.DOWN)
    assert connected.execute(fetch, timeout=20).status != 0
    connected.restore("online")
    assert connected.execute(fetch, timeout=20).status != 0
    connected.set_link(Link.UP)
    assert connected.wait_until_succeeds(fetch, 30) == "xxxx"


@pytest.mark.parametrize(
    ("command", "cause"),
    [
        ("echo c > /proc/sysrq-trigger", "Kernel panic"),
        ("tail /dev/zero", "Kernel panic - not syncing: Out of memory"),
        ("poweroff", "Power down"),
    ],
)
def test_death_of_the_guest_is_explained(small: QemuMachine, command: str, cause: str) -> None:
    doomed(small, command, cause)


def test_killed_qemu_is_explained(small: QemuMachine) -> None:
    assert small._qemu is not None
    pid = small._qemu.pid
    threading.Timer(1, os.kill, (pid, signal.SIGKILL)).start()
    doomed(small, "sleep 1000", "QEMU was killed by SIGKILL")
    with pytest.raises(MachineError):
        small.checkpoint("x")
    with pytest.raises(MachineError):
        small.set_link(Link.DOWN)


def test_hanging_guest_is_noticed(small: QemuMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backdoor, "GRACE", 2.0)
    shell = small.succeed("ps | awk '/[n]orc .dev.hvc0/ {print $1; exit}'").strip()
    with pytest.raises(MachineError, match="hangs"):
        small.execute(f"kill -STOP {shell}", timeout=2)


@pytest.mark.parametrize(
    "action",
    [
        lambda machine, folder: machine.execute("sleep 1000", timeout=None),
        lambda machine, folder: machine.copy_from_machine("/root/huge", folder / "huge"),
        lambda machine, folder: machine.wait_until_succeeds("false", 1000),
    ],
)
def test_crash_from_another_thread_ends_what_runs(
    small: QemuMachine, tmp_path: Path, action: Callable[[QemuMachine, Path], object]
) -> None:
    small.succeed("truncate -s 500G /root/huge")
    threading.Timer(2, small.crash).start()
    with pytest.raises(MachineError, match=r"switched off from outside|copying"):
        action(small, tmp_path)


def test_full_disk_is_the_commands_failure(small: QemuMachine, tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="No space left on device") as caught:
        small.succeed("head -c 1G /dev/zero > /root/fill")
    assert "disk is full" in caught.value.hint
    (tmp_path / "more").write_bytes(bytes(3_000_000))
    with pytest.raises(MachineError, match="No space left"):
        small.copy_from_host(tmp_path / "more", "/root/more")
    small.succeed("rm /root/fill /root/more")
    small.copy_from_host(tmp_path / "more", "/root/more")


def test_qemu_that_does_not_start_is_explained(make_machine: MakeMachine) -> None:
    with pytest.raises(MachineError, match=r"QEMU ended with status 1[^$]*QEMU said") as caught:
        make_machine(size=MachineSize(memory=1 << 40)).start()
    assert "memory" in caught.value.message


def test_too_small_a_disk_is_refused(make_machine: MakeMachine) -> None:
    with pytest.raises(SetupError, match="100 MiB"):
        make_machine(size=MachineSize(disk=100)).start()


def test_shutdown_in_order(small: QemuMachine) -> None:
    small.shutdown()
    assert "Power down" in small.console()
    with pytest.raises(MachineError):
        small.succeed("true")


def test_machine_dies_with_its_harness(image: Image, tmp_path: Path) -> None:
    """Even SIGKILL leaves nothing behind."""
    script = (
        "import sys, time; from pathlib import Path\n"
        "from harness.guest.image import ensure_image\n"
        "from harness.machines.accelerator import Accelerator\n"
        "from harness.machines.base import MachineSize\n"
        "from harness.machines.qemu import QemuMachine\n"
        "m = QemuMachine(ensure_image(print), Path(sys.argv[1]), MachineSize(memory=384), {},"
        " Accelerator('tcg', ''))\n"
        "m.start(); print('up', flush=True); time.sleep(1000)\n"
    )
    harness = subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True
    )
    try:
        assert harness.stdout is not None
        with harness.stdout as lines:
            assert "up\n" in iter(lines.readline, "")
        assert processes_mentioning(str(tmp_path))
    finally:
        harness.kill()
        harness.wait()
    deadline = time.monotonic() + 10
    while processes_mentioning(str(tmp_path)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_two_machines_do_not_disturb_each_other(make_machine: MakeMachine) -> None:
    both = [make_machine(size=SMALL) for _ in range(2)]
    starts = [threading.Thread(target=one.start) for one in both]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    for number, one in enumerate(both):
        one.succeed(f"echo {number} > /root/number")
    assert [one.succeed("cat /root/number") for one in both] == ["0\n", "1\n"]


def test_kvm_trial_agrees_with_a_machine(image: Image) -> None:
    """The trial's guest is the real one's kernel: emulated, it must pass on every host."""
    fault = kvm_fault(image)
    assert fault == "" or "KVM" in fault or "kvm" in fault or "trial guest" in fault
