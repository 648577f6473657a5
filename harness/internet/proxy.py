"""A forward proxy: how a machine reaches the real internet, and the log of what it asked there.

It passes on ``CONNECT`` (for https) and absolute GET and HEAD requests (RFC 9110, section 9.3.6,
and RFC 9112, section 3.2.2), which is all that Nix and its fetchers need.  The machine has no other
way out, so that the log of this proxy is a witness of the cut as the simulated servers' logs are.
"""

from __future__ import annotations

import http.client
import http.server
import select
import socket
import socketserver
import threading
import urllib.parse
from types import TracebackType
from typing import Self

from harness.internet.log import RequestLog

_CHUNK = 1 << 16
#: Seconds that either side may stay silent.
_PATIENCE = 300.0
#: Headers that speak of one connection only (RFC 9110, section 7.6.1).
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}


class Proxy(socketserver.ThreadingTCPServer):
    """Passes requests on from entry to exit; each connection and request goes into *log*."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], log: RequestLog) -> None:
        self.log = log
        super().__init__(address, _Handler)

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, name="proxy", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()
        self.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE

    def setup(self) -> None:
        super().setup()
        host, port = self.client_address[:2]
        self._connection = self.server.log.connected(f"{host}:{port}").number

    def do_CONNECT(self) -> None:
        """Open a tunnel."""
        number = self._asked(self.path, "")
        host, _, port = self.path.rpartition(":")
        try:
            outside = socket.create_connection((host.strip("[]"), int(port)), timeout=30)
        except (OSError, ValueError) as error:
            self._refuse(number, str(error))
            return
        self.close_connection = True
        with outside:
            self.send_response(200, "Connection established")
            self.end_headers()
            received, sent = _tunnel(self.connection, outside)
        self.server.log.answered(number, 200, received=received, sent=sent)

    def do_GET(self) -> None:
        """Fetch something over plain HTTP for the client."""
        self._pass_on()

    def do_HEAD(self) -> None:
        """As GET, without the body."""
        self._pass_on()

    def log_message(self, *_: object) -> None:
        """Keep quiet: the log has it."""

    def _asked(self, host: str, path: str) -> int:
        return self.server.log.asked(self._connection, self.command, host, path).number

    def _refuse(self, number: int, reason: str) -> None:
        self.send_error(502, reason)
        self.server.log.answered(number, 502, received=0, sent=0, note=reason)

    def _pass_on(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        target = urllib.parse.urlunsplit(("", "", url.path or "/", url.query, ""))
        number = self._asked(url.netloc, target)
        if url.scheme != "http" or not url.hostname:
            self._refuse(number, "a proxy takes absolute http addresses")
            return
        outside = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=_PATIENCE)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() not in _HOP_BY_HOP}
            outside.request(self.command, target, headers=headers)
            answer = outside.getresponse()
        except (OSError, http.client.HTTPException) as error:
            outside.close()
            self._refuse(number, str(error))
            return
        with answer:
            sent = self._answer(answer)
        outside.close()
        self.server.log.answered(number, answer.status, received=0, sent=sent)

    def _answer(self, answer: http.client.HTTPResponse) -> int:
        # The end of the body is the end of the connection, whatever way the server marks it.
        self.close_connection = True
        self.send_response(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        sent = 0
        while data := answer.read(_CHUNK):
            self.wfile.write(data)
            sent += len(data)
        return sent


def _tunnel(inside: socket.socket, outside: socket.socket) -> tuple[int, int]:
    """Pass bytes both ways until one side ends or both are silent; how many from each side."""
    counts = {inside: 0, outside: 0}
    while True:
        ready, _, _ = select.select([inside, outside], [], [], _PATIENCE)
        if not ready:
            break
        for source in ready:
            data = source.recv(_CHUNK)
            if not data:
                return counts[inside], counts[outside]
            (outside if source is inside else inside).sendall(data)
            counts[source] += len(data)
    return counts[inside], counts[outside]
