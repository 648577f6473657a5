"""The internet node: the real program, its control socket and what the machine would see of it."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.errors import CommandFailed, MachineError
from harness.internet.cache import View
from harness.internet.remote import RemoteReach

DIGEST = "0" * 32


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Local:
    """The part of a machine that `RemoteReach` uses, on this host."""

    control: Path

    def succeed(self, command: str, timeout: float | None = None) -> str:
        words = [*shlex.split(command), "--control", str(self.control)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False)
        if done.returncode != 0:
            raise CommandFailed(command, done.returncode, done.stderr)
        return done.stdout


@dataclass
class Running:
    reach: RemoteReach
    http: int
    log: Path

    def get(self, path: str, host: str = "cache.internet") -> int:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.http}{path}", headers={"Host": host}
        )
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                status: int = answer.status
                return status
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Running]:
    packages, systems = tmp_path / "packages", tmp_path / "systems"
    for layer in (packages, systems):
        layer.mkdir()
        (layer / "nar").mkdir()
    (packages / f"{DIGEST}.narinfo").write_text("StorePath: ...\n")
    (packages / "nar/abc.nar").write_bytes(b"nar")
    (systems / "nar/def.nar").write_bytes(b"nar")
    http, ready = free_port(), tmp_path / "ready"
    control, log = tmp_path / "control", tmp_path / "log.jsonl"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(str(ready))
        notified.settimeout(30)
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "harness.internet.node", "serve"),
                *("--address", "127.0.0.1", "--http-port", str(http), "--dns-port", "0"),
                *("--packages", packages, "--systems", systems),
                *("--control", control, "--log", log),
            ],
            env={"NOTIFY_SOCKET": str(ready), "PYTHONPATH": ":".join(sys.path)},
        )
        try:
            assert notified.recv(100) == b"READY=1"
            machine = Local(control)
            reach = RemoteReach(machine, "127.0.0.1", "eth1", python=sys.executable)  # type: ignore[arg-type]
            yield Running(reach, http, log)
        finally:
            process.terminate()
            assert process.wait(10) == 0


def test_a_request_is_heard_from_the_moment_on(node: Running) -> None:
    before = node.reach.now()
    assert node.reach.heard_since(before) == []
    assert node.get("/nix-cache-info") == 200
    assert any("nix-cache-info" in line for line in node.reach.heard_since(before))
    assert node.reach.heard_since(node.reach.now()) == []
    assert "nix-cache-info" in node.log.read_text()


def test_views_show_their_layers(node: Running) -> None:
    statuses = {}
    for view in View:
        node.reach.show(view)
        statuses[view] = (node.get("/nar/abc.nar"), node.get("/nar/def.nar"))
    assert statuses == {
        View.NOTHING: (404, 404),
        View.PACKAGES: (200, 404),
        View.ALL: (200, 200),
    }


def test_nars_are_counted_and_sources_are_not_nars(node: Running) -> None:
    node.reach.show(View.ALL)
    before = node.reach.now()
    node.get("/nar/abc.nar")
    node.get(f"/{DIGEST}.narinfo")
    node.get("/source.tar", host="mirror.internet")
    assert node.reach.nars_since(before) == 1


def test_refusing_closes_the_port_and_opening_brings_it_back(node: Running) -> None:
    node.reach.refuse()
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", node.http)):
        pass
    node.reach.open()
    assert node.get("/nix-cache-info") == 200


def test_nonsense_is_refused_and_the_node_goes_on(node: Running) -> None:
    with pytest.raises(MachineError, match="not understood"):
        node.reach._ask(do="dance")
    with pytest.raises(MachineError, match="KeyError"):
        node.reach._ask(do="show", view="everything")
    assert node.get("/nix-cache-info") == 200
