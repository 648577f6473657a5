"""The simulated internet as clients see it, through real sockets."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from harness.internet import conversation
from harness.internet.cache import BinaryCache, Layer, View
from harness.internet.faults import NO_FAULTS, Faults
from harness.internet.log import Mark, Request
from harness.internet.mirror import SourceMirror
from harness.internet.server import CACHE_HOST, MIRROR_HOST, Internet, InternetError
from harness.internet.site import Answer, Upload

Ask = Callable[..., tuple[int, bytes]]

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


def until(condition: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    pytest.fail("it never came to be")


def last_request(internet: Internet) -> Request:
    """The last request, once its answer is in the log: all threads have ended by then."""
    internet.shut()
    return internet.log.since(START)[-1]


class Broken:
    """A site that fails."""

    def answer(self, path: str) -> Answer:
        raise KeyError(path)

    def receive(self, path: str, upload: Upload) -> Answer:
        raise OSError(28, "No space left on device")


# --- What is served ---


def test_the_host_header_tells_the_sites_apart(ask: Ask, layers: dict[Layer, Path]) -> None:
    nar = (layers[Layer.PACKAGES] / NAR_PATH[1:]).read_bytes()
    assert ask("GET", INFO)[1].startswith(b"StoreDir: /nix/store\n")
    assert ask("GET", NAR_PATH) == (200, nar)
    assert ask("GET", SOURCE_PATH)[0] == 404
    status, source = ask("GET", SOURCE_PATH, host="Mirror.Internet:80")
    assert (status, len(source)) == (200, 2500)
    assert ask("GET", INFO, host=MIRROR_HOST)[0] == 404
    assert ask("GET", "/hello%2D1.0.c?from=here", host=MIRROR_HOST)[0] == 200
    assert ask("GET", f"http://{MIRROR_HOST}{SOURCE_PATH}")[0] == 200


@pytest.mark.parametrize("host", ["example.org", "", "cache.internet.evil"])
def test_other_hosts_are_strange(internet: Internet, ask: Ask, host: str) -> None:
    assert ask("GET", INFO, host=host)[0] == 404
    seen = last_request(internet)
    assert seen.strange
    assert (seen.host, seen.path, seen.status) == (host, INFO, 404)


def test_known_hosts_are_not_strange(internet: Internet, ask: Ask) -> None:
    assert ask("GET", "/missing")[0] == 404
    assert not last_request(internet).strange


def test_head_has_the_size_and_no_body(internet: Internet) -> None:
    client = HTTPConnection("127.0.0.1", internet.port, timeout=30)
    for path, status, length in ((NAR_PATH, 200, "1024"), ("/missing", 404, None)):
        client.request("HEAD", path, headers={"Host": CACHE_HOST})
        response = client.getresponse()
        assert response.status == status
        assert response.read() == b""
        assert length in (None, response.headers["Content-Length"])
    client.close()


def test_a_connection_is_kept_for_many_requests(internet: Internet) -> None:
    client = HTTPConnection("127.0.0.1", internet.port, timeout=30)
    for path in [INFO, "/missing", NAR_PATH] * 20:
        client.request("GET", path, headers={"Host": CACHE_HOST})
        client.getresponse().read()
    client.close()
    traffic = internet.heard_since(START)
    assert len(traffic.connections) == 1
    assert len(traffic.requests) == 60


def test_publishing_over_http(internet: Internet, ask: Ask, layers: dict[Layer, Path]) -> None:
    assert ask("PUT", NEW, body=b"nar")[0] == 403
    with internet.cache.publish_to(Layer.SYSTEMS):
        assert ask("HEAD", NEW)[0] == 404
        assert ask("PUT", NEW, body=b"nar")[0] == 201
        assert ask("PUT", NEW, host=MIRROR_HOST, body=b"nar")[0] == 405
    assert ask("GET", NEW) == (200, b"nar")
    assert (layers[Layer.SYSTEMS] / NEW[1:]).read_bytes() == b"nar"
    received = [r.received for r in internet.heard_since(START).requests if r.method == "PUT"]
    assert received == [3, 3, 3]


def test_a_body_is_sent_for_only_when_it_is_wanted(internet: Internet) -> None:
    head = f"PUT {NEW} HTTP/1.1\r\nHost: {CACHE_HOST}\r\nExpect: 100-continue\r\n"
    head += "Content-Length: 3\r\n\r\n"
    with connect(internet) as refused:
        refused.sendall(head.encode())
        assert everything(refused).startswith(b"HTTP/1.1 403 ")
    with internet.cache.publish_to(Layer.SYSTEMS), connect(internet) as welcome:
        welcome.sendall(head.encode())
        assert welcome.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        welcome.sendall(b"nar")
        assert welcome.recv(100).startswith(b"HTTP/1.1 201 ")


def test_an_unwanted_body_does_not_hide_the_answer(
    internet: Internet, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask("PUT", NEW, body=bytes(2_000_000))[0] == 403
    monkeypatch.setattr(conversation, "_DRAINED", 10)
    with connect(internet) as client:
        head = f"PUT {NEW} HTTP/1.1\r\nHost: {CACHE_HOST}\r\nContent-Length: 11\r\n\r\n"
        client.sendall(head.encode())
        assert b"Connection: close" in everything(client)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),  # TLS
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"DELETE / HTTP/1.1\r\nHost: cache.internet\r\n\r\n", 501),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414),
    ],
)
def test_what_is_not_understood_is_strange(internet: Internet, sent: bytes, status: int) -> None:
    with connect(internet) as client:
        client.sendall(sent)
        with contextlib.suppress(ConnectionResetError):  # of what it had not read
            assert everything(client).startswith(f"HTTP/1.1 {status} ".encode())
    seen = last_request(internet)
    assert seen.strange
    assert seen.status == status


def test_a_large_body_is_streamed(tmp_path: Path) -> None:
    size = 100 * 1024**2
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(size)
    mirror = SourceMirror({"/large": large})
    cache = BinaryCache({Layer.SYSTEMS: tmp_path / "systems"})
    with Internet(cache, mirror) as internet, cache.publish_to(Layer.SYSTEMS):
        tracemalloc.start()
        with connect(internet) as client:
            client.sendall(f"GET /large HTTP/1.0\r\nHost: {MIRROR_HOST}\r\n\r\n".encode())
            arrived = sum(map(len, iter(lambda: client.recv(1024**2), b"")))
        upload = HTTPConnection("127.0.0.1", internet.port, timeout=60)
        with large.open("rb") as file:
            upload.request("PUT", NEW, file, {"Host": CACHE_HOST, "Content-Length": str(size)})
            assert upload.getresponse().status == 201
        upload.close()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert [r.sent for r in internet.heard_since(START).requests] == [size, 0]
    assert size <= arrived <= size + 1000
    assert (tmp_path / "systems" / NEW[1:]).stat().st_size == size
    assert peak < 10 * 1024**2


def test_hundreds_of_connections_at_once(internet: Internet) -> None:
    clients = [connect(internet) for _ in range(300)]
    request = f"GET {NAR_PATH} HTTP/1.1\r\nHost: {CACHE_HOST}\r\nConnection: close\r\n\r\n"
    for client in clients:
        client.sendall(request.encode())
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(everything, clients))
    for client in clients:
        client.close()
    assert len(answers) == 1
    assert answers.pop().startswith(b"HTTP/1.1 200 ")
    traffic = internet.heard_since(START)
    assert (len(traffic.connections), len(traffic.requests)) == (300, 300)
    assert internet._listener is not None
    open_connections = internet._listener._open
    until(lambda: not open_connections)


# --- The witness ---


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


def test_a_client_that_leaves_is_noted(tmp_path: Path) -> None:
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


def test_an_upload_that_ends_early_is_noted(internet: Internet, layers: dict[Layer, Path]) -> None:
    with internet.cache.publish_to(Layer.SYSTEMS):
        with connect(internet) as client:
            head = f"PUT {NEW} HTTP/1.1\r\nHost: {CACHE_HOST}\r\nContent-Length: 9\r\n\r\n"
            client.sendall(head.encode() + b"nar")
            client.shutdown(socket.SHUT_WR)
            assert everything(client) == b""
        seen = last_request(internet)
    assert seen.note == "the client left: 6 of 9 bytes did not arrive"
    assert (seen.status, seen.received) == (None, 3)
    assert len(list((layers[Layer.SYSTEMS] / "nar").iterdir())) == 1


@pytest.mark.parametrize("end", [1, 20, -3, -2, -1])
def test_half_a_head_is_no_request(internet: Internet, end: int, layers: dict[Layer, Path]) -> None:
    head = f"PUT {NEW} HTTP/1.1\r\nHost: {CACHE_HOST}\r\nContent-Length: 0\r\n\r\n".encode()
    with internet.cache.publish_to(Layer.SYSTEMS):
        with connect(internet) as client:
            client.sendall(head[:end])
            client.shutdown(socket.SHUT_WR)
            everything(client)
        seen = last_request(internet)
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
        assert last_request(internet).note == "the client stalled for 0.5 s"


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


# --- Lifecycle ---


def test_shut_refuses_and_open_listens_on_the_same_port(internet: Internet, ask: Ask) -> None:
    port = internet.port
    for _ in range(5):
        internet.shut()
        with pytest.raises(ConnectionRefusedError):
            connect(internet)
        internet.open()
        assert ask("GET", INFO)[0] == 200
    assert internet.port == port


def test_the_port_is_not_given_away_while_it_is_shut(internet: Internet) -> None:
    internet.shut()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", internet.port))


def test_shut_ends_connections_in_every_state(internet: Internet) -> None:
    internet.impose(Faults(hang=True, paths=(INFO,)))
    head = "GET {} HTTP/1.1\r\nHost: cache.internet\r\n{}"
    with connect(internet) as idle, connect(internet) as partial, connect(internet) as hung:
        partial.sendall(head.format(NAR_PATH, "").encode())
        hung.sendall(head.format(INFO, "\r\n").encode())
        until(lambda: internet.log.since(START))
        internet.shut()
        assert [everything(client) for client in (idle, partial, hung)] == [b"", b"", b""]
    seen = {asked.path: asked for asked in internet.log.since(START)}
    assert not seen[INFO].strange
    assert seen[f"{NAR_PATH} HTTP/1.1"].strange
    assert {(asked.note, asked.status) for asked in seen.values()} == {
        ("the internet was shut", None)
    }


def open_files() -> set[str]:
    return {file.name for file in Path("/proc/self/fd").iterdir()}


def test_nothing_is_left_on_exit(tmp_path: Path) -> None:
    threads, files = set(threading.enumerate()), open_files()
    with (
        Internet(BinaryCache({}), SourceMirror({}), log_file=tmp_path / "log") as internet,
        connect(internet),
        connect(internet) as talking,
    ):
        talking.sendall(b"GET / HTTP/1.1\r\n")
        assert len(internet.heard_since(START).connections) == 2
        internet.open()
    assert set(threading.enumerate()) == threads
    assert open_files() == files


def test_it_listens_on_the_loopback_only(internet: Internet) -> None:
    assert internet._listener is not None
    assert internet._listener.socket.getsockname() == ("127.0.0.1", internet.port)


# --- Faults ---


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


def test_latency_does_not_delay_the_end(internet: Internet) -> None:
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
def test_truncate(internet: Internet, kept: int, layers: dict[Layer, Path]) -> None:
    nar = (layers[Layer.PACKAGES] / NAR_PATH[1:]).read_bytes()
    internet.impose(Faults(truncate=kept))
    with connect(internet) as client:
        client.sendall(f"GET {NAR_PATH} HTTP/1.1\r\nHost: {CACHE_HOST}\r\n\r\n".encode())
        head, _, body = everything(client).partition(b"\r\n\r\n")
    assert b"Content-Length: 1024" in head
    assert body == nar[:kept]
    assert last_request(internet).sent == kept


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


def test_hang(internet: Internet, ask: Ask) -> None:
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


def test_views_change_from_one_request_to_the_next(internet: Internet, ask: Ask) -> None:
    internet.cache.show(View.NOTHING)
    assert ask("GET", NAR_PATH)[0] == 404
    internet.cache.show(View.PACKAGES)
    assert ask("GET", NAR_PATH)[0] == 200
