"""Every fault, as a client suffers it through a real socket."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.internet.cache import BinaryCache, Layer
from harness.internet.faults import NO_FAULTS, Faults
from harness.internet.log import Mark, Request
from harness.internet.mirror import SourceMirror
from harness.internet.server import CACHE_HOST, MIRROR_HOST, Internet

Ask = Callable[..., tuple[int, bytes]]
Last = Callable[[], Request]
Until = Callable[[Callable[[], object]], None]

START = Mark(0, 0)
INFO = "/nix-cache-info"
NAR_PATH = "/nar/" + "0" * 32 + ".nar.xz"
NEW = "/nar/" + "2" * 52 + ".nar"
SOURCE_PATH = "/hello-1.0.c"


def connect(internet: Internet) -> socket.socket:
    return socket.create_connection(("127.0.0.1", internet.port), timeout=30)


def everything(client: socket.socket) -> bytes:
    """What arrives until the other side closes."""
    return b"".join(iter(lambda: client.recv(65536), b""))


def test_refuse(internet: Internet, ask: Ask) -> None:
    internet.impose(Faults(refuse=True))
    with pytest.raises(ConnectionRefusedError):
        connect(internet)
    internet.shut()
    internet.impose(NO_FAULTS)
    with pytest.raises(ConnectionRefusedError):  # as it is shut besides
        connect(internet)
    internet.open()
    assert ask("GET", INFO)[0] == 200
    internet.impose(Faults(refuse=True))
    internet.open()
    with pytest.raises(ConnectionRefusedError):
        connect(internet)
    internet.impose(NO_FAULTS)
    assert ask("GET", INFO)[0] == 200


def test_latency(internet: Internet, monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    waited = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return False

    assert internet._listener is not None
    monkeypatch.setattr(internet._listener.closing, "wait", wait)
    internet.impose(Faults(latency=7.5, paths=("/nar/*",)))
    assert ask("GET", INFO)[0] == 200
    assert ask("GET", NAR_PATH)[0] == 200
    assert waited == [7.5]


def test_latency_does_not_delay_the_end(internet: Internet, until: Until) -> None:
    internet.impose(Faults(latency=3600))
    with connect(internet) as client:
        client.sendall(f"GET {INFO} HTTP/1.1\r\nHost: cache.internet\r\n\r\n".encode())
        until(lambda: internet.log.since(START))
        internet.shut()
        assert everything(client) == b""
    assert internet.log.since(START)[0].note == "the internet was shut"


def test_status(internet: Internet, ask: Ask) -> None:
    internet.impose(Faults(status=503, paths=("*.narinfo",)))
    assert ask("GET", "/" + "0" * 32 + ".narinfo")[0] == 503
    assert ask("HEAD", "/" + "0" * 32 + ".narinfo") == (503, b"")
    assert ask("GET", INFO)[0] == 200
    internet.impose(Faults(status=599))
    with internet.cache.publish_to(Layer.SYSTEMS):
        assert ask("PUT", NEW, body=b"nar")[0] == 599
    internet.impose(NO_FAULTS)
    assert ask("GET", NEW)[0] == 404


def test_missing(internet: Internet, ask: Ask) -> None:
    internet.impose(Faults(missing=("mirror.internet/*",)))
    assert ask("GET", SOURCE_PATH, host=MIRROR_HOST)[0] == 404
    assert ask("GET", NAR_PATH)[0] == 200
    assert internet.log.since(START)[0].note == "missing, by a fault"


@pytest.mark.parametrize("kept", [0, 10, 1023])
def test_truncate(
    internet: Internet, kept: int, layers: dict[Layer, Path], last_request: Last
) -> None:
    nar = (layers[Layer.PACKAGES] / NAR_PATH[1:]).read_bytes()
    internet.impose(Faults(truncate=kept))
    with connect(internet) as client:
        client.sendall(f"GET {NAR_PATH} HTTP/1.1\r\nHost: {CACHE_HOST}\r\n\r\n".encode())
        head, _, body = everything(client).partition(b"\r\n\r\n")
    assert b"Content-Length: 1024" in head
    assert body == nar[:kept]
    assert last_request().sent == kept


def test_truncate_leaves_shorter_bodies_whole(internet: Internet, ask: Ask) -> None:
    internet.impose(Faults(truncate=1024))
    assert len(ask("GET", NAR_PATH)[1]) == 1024


def test_corrupt(internet: Internet, ask: Ask) -> None:
    right = {path: ask("GET", path, host) for path, host in CORRUPTIBLE}
    info = ask("GET", INFO)
    internet.impose(Faults(corrupt=True))
    for path, host in CORRUPTIBLE:
        status, wrong = ask("GET", path, host)
        assert status == 200
        assert len(wrong) == len(right[path][1])
        assert sum(a != b for a, b in zip(wrong, right[path][1], strict=True)) == 1
    assert ask("GET", INFO) == info
    assert ask("GET", "/missing")[0] == 404


CORRUPTIBLE = [(NAR_PATH, CACHE_HOST), (SOURCE_PATH, MIRROR_HOST)]


def test_hang(internet: Internet, ask: Ask, until: Until) -> None:
    internet.impose(Faults(hang=True, paths=("/nar/*",)))
    with connect(internet) as client:
        client.sendall(f"GET {NAR_PATH} HTTP/1.1\r\nHost: {CACHE_HOST}\r\n\r\n".encode())
        until(lambda: internet.log.since(START))
        assert ask("GET", INFO)[0] == 200  # others are served meanwhile
        (hung, _) = internet.log.since(START)
        assert (hung.status, hung.note) == (None, "")
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
    until(lambda: internet.log.since(START)[0].note)
    assert internet.log.since(START)[0].note == "the client left: it was left without an answer"


def test_a_hanging_connection_is_not_hung_up_on() -> None:
    with Internet(BinaryCache({}), SourceMirror({}), idle=0.5) as internet:
        internet.impose(Faults(hang=True))
        with connect(internet) as client:
            client.sendall(f"GET {INFO} HTTP/1.1\r\nHost: {CACHE_HOST}\r\n\r\n".encode())
            client.settimeout(0.8)
            with pytest.raises(TimeoutError):
                client.recv(1)
