"""What the simulated internet knows of its clients, and of its own failures."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import pytest

from harness.internet import conversation
from harness.internet.cache import BinaryCache, Layer
from harness.internet.log import Mark, Request
from harness.internet.mirror import SourceMirror
from harness.internet.server import CACHE_HOST, MIRROR_HOST, Internet, InternetError
from harness.internet.site import Answer, Upload

Ask = Callable[..., tuple[int, bytes]]
Last = Callable[[], Request]
Until = Callable[[Callable[[], object]], None]

START = Mark(0, 0)
INFO = "/nix-cache-info"
NEW = "/nar/" + "2" * 52 + ".nar"
SOURCE_PATH = "/hello-1.0.c"


def connect(internet: Internet) -> socket.socket:
    return socket.create_connection(("127.0.0.1", internet.port), timeout=30)


def everything(client: socket.socket) -> bytes:
    """What arrives until the other side closes."""
    return b"".join(iter(lambda: client.recv(65536), b""))


class Broken:
    """A site that fails."""

    def answer(self, path: str) -> Answer:
        raise KeyError(path)

    def receive(self, path: str, upload: Upload) -> Answer:
        raise OSError(28, "No space left on device")


def test_a_connection_counts_without_a_request(internet: Internet) -> None:
    mark = internet.log.mark()
    assert internet.heard_since(mark).silent
    with connect(internet):
        pass
    traffic = internet.heard_since(mark)
    assert len(traffic.connections) == 1
    assert traffic.requests == ()
    assert not traffic.silent
    assert internet.heard_since(internet.log.mark()).silent  # our own connections do not count


def test_a_request_on_an_old_connection_counts(internet: Internet) -> None:
    client = HTTPConnection("127.0.0.1", internet.port, timeout=30)
    client.connect()
    internet.heard_since(START)
    mark = internet.log.mark()
    client.request("GET", INFO, headers={"Host": CACHE_HOST})
    client.getresponse().read()
    client.close()
    traffic = internet.heard_since(mark)
    assert traffic.connections == ()
    assert [request.path for request in traffic.requests] == [INFO]


def test_silence_of_a_dead_server_proves_nothing(
    internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = internet.log.mark()
    stuck = threading.Event()

    def get_request() -> None:
        stuck.wait()
        raise OSError

    monkeypatch.setattr("harness.internet.listener._PATIENCE", 0.2)
    monkeypatch.setattr(internet._listener, "get_request", get_request)
    with pytest.raises(InternetError, match="does not accept"):  # though the kernel does
        internet.heard_since(mark)
    stuck.set()


def test_an_internet_that_is_shut_hears_nothing(internet: Internet) -> None:
    internet.shut()
    assert internet.heard_since(internet.log.mark()).silent


def test_the_log_file_has_it_all(internet: Internet, ask: Ask, tmp_path: Path) -> None:
    ask("GET", SOURCE_PATH, host=MIRROR_HOST)
    internet.shut()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["connection", "request", "answer"]
    assert lines[0]["peer"].startswith("127.0.0.1:")
    assert (lines[1]["method"], lines[1]["host"]) == ("GET", MIRROR_HOST)
    assert (lines[1]["path"], lines[2]["status"], lines[2]["sent"]) == (SOURCE_PATH, 200, 2500)


def test_a_client_that_leaves_is_noted(tmp_path: Path, until: Until) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(50 * 1024**2)
    with Internet(BinaryCache({}), SourceMirror({"/large": large})) as internet:
        with connect(internet) as client:
            client.sendall(f"GET /large HTTP/1.1\r\nHost: {MIRROR_HOST}\r\n\r\n".encode())
            client.recv(10)
        until(lambda: internet.log.since(START)[0].note)
        (seen,) = internet.log.since(START)
        assert seen.note.startswith("the client left: ")
        assert seen.sent < 50 * 1024**2


def test_an_upload_that_ends_early_is_noted(
    internet: Internet, layers: dict[Layer, Path], last_request: Last
) -> None:
    with internet.cache.publish_to(Layer.SYSTEMS):
        with connect(internet) as client:
            head = f"PUT {NEW} HTTP/1.1\r\nHost: {CACHE_HOST}\r\nContent-Length: 9\r\n\r\n"
            client.sendall(head.encode() + b"nar")
            client.shutdown(socket.SHUT_WR)
            assert everything(client) == b""
        seen = last_request()
    assert seen.note == "the client left: 6 of 9 bytes did not arrive"
    assert (seen.status, seen.received) == (None, 3)
    assert len(list((layers[Layer.SYSTEMS] / "nar").iterdir())) == 1


@pytest.mark.parametrize("end", [1, 20, -3, -2, -1])
def test_half_a_head_is_no_request(
    internet: Internet, end: int, layers: dict[Layer, Path], last_request: Last
) -> None:
    head = f"PUT {NEW} HTTP/1.1\r\nHost: {CACHE_HOST}\r\nContent-Length: 0\r\n\r\n".encode()
    with internet.cache.publish_to(Layer.SYSTEMS):
        with connect(internet) as client:
            client.sendall(head[:end])
            client.shutdown(socket.SHUT_WR)
            everything(client)
        seen = last_request()
    assert seen.strange
    assert seen.method in ("P", "PUT")
    assert not (layers[Layer.SYSTEMS] / NEW[1:]).exists()


def test_a_silent_client_is_hung_up_on() -> None:
    with Internet(BinaryCache({}), SourceMirror({}), idle=0.5) as internet:
        with connect(internet) as client:
            assert everything(client) == b""
        with connect(internet) as client:
            client.sendall(b"PUT / HTTP/1.1\r\nHost: cache.internet\r\nContent-Length: 9\r\n\r\n")
            assert everything(client).startswith(b"HTTP/1.1 403 ")
        internet.shut()
        assert internet.log.since(START)[-1].note == "the client stalled for 0.5 s"


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_failure_of_the_server_is_an_error_of_the_experiment(tmp_path: Path, method: str) -> None:
    broken = Broken()
    internet = Internet(BinaryCache({}), SourceMirror({}), hosts={CACHE_HOST: broken})
    with pytest.raises(InternetError, match=r"broke: (KeyError|OSError)"), internet:
        with connect(internet) as client:
            client.sendall(f"{method} / HTTP/1.1\r\nHost: {CACHE_HOST}\r\n\r\n".encode())
            assert everything(client) == b""
        with pytest.raises(InternetError):
            internet.shut()
        assert "the server failed" in internet.log.since(START)[0].note


def test_a_source_that_was_taken_away_is_an_error(internet: Internet, tmp_path: Path) -> None:
    (tmp_path / "hello.c").unlink()
    with connect(internet) as client:
        client.sendall(f"GET {SOURCE_PATH} HTTP/1.1\r\nHost: {MIRROR_HOST}\r\n\r\n".encode())
        assert everything(client) == b""
    with pytest.raises(InternetError, match="FileNotFoundError"):
        internet.shut()
    internet._failures.clear()


def test_a_file_that_shrinks_while_it_is_sent_is_an_error(
    internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "_opened", lambda _: (io.BytesIO(b"abc"), 10))
    with connect(internet) as client:
        client.sendall(f"GET {INFO} HTTP/1.1\r\nHost: {CACHE_HOST}\r\n\r\n".encode())
        assert everything(client).endswith(b"\r\n\r\nabc")
    with pytest.raises(InternetError, match="became shorter"):
        internet.shut()
    internet._failures.clear()


def test_a_log_that_cannot_be_written_is_an_error(
    internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(internet.log, "_write", full)
    with connect(internet) as client, contextlib.suppress(ConnectionResetError):
        assert everything(client) == b""
    with pytest.raises(InternetError, match="No space left"):
        internet.heard_since(START)
    with pytest.raises(ConnectionRefusedError):
        connect(internet)
    with pytest.raises(InternetError, match="No space left"):
        internet.shut()
    internet._failures.clear()
