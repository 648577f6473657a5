"""The simulated internet as clients see it, through real sockets."""

from __future__ import annotations

import contextlib
import socket
import threading
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from harness.internet import conversation
from harness.internet.cache import BinaryCache, Layer, View
from harness.internet.faults import Faults
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
def test_other_hosts_are_strange(
    internet: Internet, ask: Ask, host: str, last_request: Last
) -> None:
    assert ask("GET", INFO, host=host)[0] == 404
    seen = last_request()
    assert seen.strange
    assert (seen.host, seen.path, seen.status) == (host, INFO, 404)


def test_known_hosts_are_not_strange(internet: Internet, ask: Ask, last_request: Last) -> None:
    assert ask("GET", "/missing")[0] == 404
    assert not last_request().strange


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
def test_what_is_not_understood_is_strange(
    internet: Internet, sent: bytes, status: int, last_request: Last
) -> None:
    with connect(internet) as client:
        client.sendall(sent)
        with contextlib.suppress(ConnectionResetError):  # of what it had not read
            assert everything(client).startswith(f"HTTP/1.1 {status} ".encode())
    seen = last_request()
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


def test_hundreds_of_connections_at_once(internet: Internet, until: Until) -> None:
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


def test_views_change_from_one_request_to_the_next(internet: Internet, ask: Ask) -> None:
    internet.cache.show(View.NOTHING)
    assert ask("GET", NAR_PATH)[0] == 404
    internet.cache.show(View.PACKAGES)
    assert ask("GET", NAR_PATH)[0] == 200


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


def test_shut_ends_connections_in_every_state(internet: Internet, until: Until) -> None:
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
