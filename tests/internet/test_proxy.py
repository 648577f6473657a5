"""The forward proxy: what goes through it, and that its log saw it."""

from __future__ import annotations

import http.client
import http.server
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from harness.internet.log import RequestLog
from harness.internet.proxy import Proxy

BODY = b"x" * 300_000


class Origin(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def log() -> RequestLog:
    return RequestLog()


@pytest.fixture
def proxy(log: RequestLog) -> Iterator[int]:
    with Proxy(("127.0.0.1", 0), log) as running:
        yield running.server_address[1]


def fetch(proxy: int, url: str, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", proxy, timeout=20)
    connection.request(method, url)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_request_is_passed_on_and_logged(proxy: int, origin: int, log: RequestLog) -> None:
    before = log.mark()
    assert fetch(proxy, f"http://127.0.0.1:{origin}/nar/a.nar?x=1") == (200, BODY)
    [asked] = log.since(before)
    assert (asked.method, asked.host, asked.path) == (
        "GET",
        f"127.0.0.1:{origin}",
        "/nar/a.nar?x=1",
    )
    assert len(log.connections_since(before)) == 1


def test_a_tunnel_carries_bytes_both_ways_and_is_logged(
    proxy: int, origin: int, log: RequestLog
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", proxy, timeout=20)
    connection.set_tunnel("127.0.0.1", origin)
    connection.request("GET", "/")
    assert connection.getresponse().read() == BODY
    connection.close()
    [asked] = log.since(log.mark().__class__(0, 0))
    assert (asked.method, asked.host) == ("CONNECT", f"127.0.0.1:{origin}")


def test_what_cannot_be_reached_is_a_bad_gateway_and_logged(proxy: int, log: RequestLog) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        status, _ = fetch(proxy, f"http://127.0.0.1:{closed.getsockname()[1]}/")
    assert status == 502
    # The answer is on its way before it is put down.
    deadline = time.monotonic() + 20
    while log.since(log.mark().__class__(0, 0))[0].status is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [asked.status for asked in log.since(log.mark().__class__(0, 0))] == [502]


def test_a_relative_address_is_refused(proxy: int) -> None:
    assert fetch(proxy, "/nix-cache-info")[0] == 502
