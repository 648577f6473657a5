"""HTTP/1.1 with one client: requests in, faults, answers out, and all of it recorded."""

from __future__ import annotations

import contextlib
import io
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from harness.internet.faults import NO_FAULTS, Faults, cut_short, damaged
from harness.internet.listener import Address, Listener
from harness.internet.log import RequestLog
from harness.internet.site import CHUNK, Answer, Site, Upload, refusal

#: An upload that nobody wanted is read to its end up to this many bytes, so that the client gets to
#: see the answer; with more to come the connection is closed.
_DRAINED = 64 * 1024**2

_LENGTH = re.compile(r"[0-9]{1,18}")


class World(Protocol):
    """What a client may find, and what records that it asked."""

    log: RequestLog
    idle: float

    @property
    def hosts(self) -> Mapping[str, Site]:
        """Sites by the name of their host."""
        ...

    @property
    def faults(self) -> Faults:
        """What is wrong now."""
        ...


@dataclass
class _Exchange:
    """One request and how far its answer got; *strange* as in `log.Request`."""

    method: str
    host: str
    path: str
    upload: Upload
    strange: bool = False
    status: int | None = None
    sent: int = 0
    note: str = ""


class _Head(io.BufferedIOBase):
    """The lines of a request's head. http.server would take the end of the stream for its end."""

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream

    def readline(self, size: int | None = -1, /) -> bytes:
        line = self._stream.readline(size)
        if not line.endswith(b"\n") and len(line) != size:
            raise ConnectionAbortedError("the request's head is not complete")
        return line


class Conversation(BaseHTTPRequestHandler):
    """All the exchanges on one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are written apart: it would add 40 ms to each
    server: Listener
    raw_requestline: bytes

    def __init__(
        self, world: World, request: socket.socket, address: Address, server: Listener
    ) -> None:
        self._world = world
        super().__init__(request, address, server)

    def setup(self) -> None:
        """Prepare to read and write, neither of which may stall for longer than `World.idle`."""
        super().setup()
        self.connection.settimeout(self._world.idle)

    def handle(self) -> None:
        """Answer requests until one side closes; a client may leave between them at any time."""
        with contextlib.suppress(ConnectionError):
            super().handle()

    def parse_request(self) -> bool:
        """Read a request's head; one that ends early is recorded, and not taken for a whole one."""
        body, self.rfile = self.rfile, _Head(self.rfile)
        try:
            return super().parse_request()
        except (ConnectionError, TimeoutError) as error:
            self._conduct(self._misunderstood(), partial(_raise, error))
            return False
        finally:
            self.rfile = body

    def handle_expect_100(self) -> bool:
        """Leave it to the first read of the upload: what is refused need not be sent."""
        return True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Say nothing on stderr: the request log has it."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Record and answer what is not HTTP, or no method that we know; then hang up."""
        exchange = self._misunderstood()
        self.request_version = self.protocol_version
        self.close_connection = True
        answer = refusal(code, message or explain or HTTPStatus(code).phrase)
        self._conduct(exchange, lambda: self._send(exchange, answer, NO_FAULTS))

    def _misunderstood(self) -> _Exchange:
        words = self.raw_requestline.decode("latin-1").split(maxsplit=1)
        method, path = (*words, "", "")[:2]
        return _Exchange(method, "", path.strip(), Upload(io.BytesIO(), 0), strange=True)

    def _converse(self) -> None:
        """Answer a request whose head was read."""
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not _LENGTH.fullmatch(length):
            self.send_error(HTTPStatus.LENGTH_REQUIRED, "the length of the body must be given")
            return
        upload = Upload(self.rfile, int(length), self._invitation())
        host = self.headers.get("Host", "")
        exchange = _Exchange(self.command, host, self.path, upload)
        name, path = _resolve(host, self.path)
        exchange.strange = name not in self._world.hosts
        self._conduct(exchange, lambda: self._reply(exchange, name, path))

    do_GET = do_HEAD = do_PUT = _converse  # noqa: N815 - the names that http.server calls

    def _conduct(self, exchange: _Exchange, reply: Callable[[], None]) -> None:
        """Record the request, let *reply* do its work, and record how that ended."""
        log = self._world.log
        connection = self.server.connection_of(self.connection)
        asked = log.asked(
            connection.number,
            exchange.method,
            exchange.host,
            exchange.path,
            strange=exchange.strange,
        )
        try:
            reply()
        except (ConnectionError, TimeoutError) as error:
            self.close_connection = True
            exchange.note = self._why_broken_off(error)
        except Exception as error:
            exchange.note = f"the server failed: {error!r}"
            raise
        finally:
            log.answered(
                asked.number,
                exchange.status,
                received=exchange.upload.received,
                sent=exchange.sent,
                note=exchange.note,
            )

    def _why_broken_off(self, error: OSError) -> str:
        if self.server.closing.is_set():
            return "the internet was shut"
        if isinstance(error, TimeoutError):
            return f"the client stalled for {self._world.idle:g} s"
        return f"the client left: {error}"

    def _invitation(self) -> Callable[[], None] | None:
        """How to tell a client to go on, when it waits for that before it sends the body."""
        if self.headers.get("Expect", "").lower() != "100-continue":
            return None

        def invite() -> None:
            self.send_response_only(HTTPStatus.CONTINUE)
            self.end_headers()

        return invite

    def _reply(self, exchange: _Exchange, host: str, path: str) -> None:
        """Do what the faults and the site say."""
        all_faults = self._world.faults
        faults = all_faults if all_faults.strike(host, path) else NO_FAULTS
        if faults.latency and self.server.closing.wait(faults.latency):
            raise ConnectionAbortedError
        if faults.hang:
            self._hang()
        upload = exchange.upload
        site = self._world.hosts.get(host)
        if all_faults.hide(host, path):
            answer = refusal(HTTPStatus.NOT_FOUND, "missing, by a fault")
        elif faults.status is not None:
            answer = refusal(faults.status, "by a fault")
        elif site is None:
            answer = refusal(HTTPStatus.NOT_FOUND, "no such host in this internet")
        elif exchange.method == "PUT":
            answer = site.receive(path, upload)
        else:
            answer = site.answer(path)
        if upload.uninvited or upload.remaining > _DRAINED:
            self.close_connection = True
        self._send(exchange, answer, faults)
        if not self.close_connection:
            for _ in upload.chunks():
                pass

    def _hang(self) -> None:
        """Wait until the client leaves or the internet is shut; what still comes is ignored."""
        self.connection.settimeout(None)
        while self.connection.recv(CHUNK):
            pass
        raise ConnectionAbortedError("it was left without an answer")

    def _send(self, exchange: _Exchange, answer: Answer, faults: Faults) -> None:
        """Send the answer, or as much as the faults let through."""
        exchange.note = answer.note
        stream, size = _opened(answer.body)
        with stream:
            self.send_response_only(answer.status)
            self.send_header("Content-Type", answer.media_type)
            self.send_header("Content-Length", str(size))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            exchange.status = answer.status
            if exchange.method == "HEAD":
                return
            limit = size if faults.truncate is None else min(size, faults.truncate)
            chunks: Iterator[bytes] = iter(partial(stream.read, CHUNK), b"")
            if faults.corrupt and answer.cargo:
                chunks = damaged(chunks, size)
            for chunk in cut_short(chunks, limit):
                self.wfile.write(chunk)
                exchange.sent += len(chunk)
        if exchange.sent < limit:
            raise EOFError(f"{answer.body!r} became shorter while it was sent")
        if limit < size:
            self.close_connection = True


def _raise(error: OSError) -> None:
    raise error


def _resolve(host: str, target: str) -> tuple[str, str]:
    """The host's name and the path, without a port, a query and %-escapes.

    A target may be a whole URL, which outweighs the Host header (RFC 9112, 3.2.2).
    """
    if target.startswith("http://"):
        host, slash, path = target.removeprefix("http://").partition("/")
        target = slash + path
    return host.partition(":")[0].lower(), unquote(target.partition("?")[0])


def _opened(body: bytes | Path) -> tuple[io.BufferedIOBase, int]:
    """A body to read from and its size in bytes, both of the same file whatever is renamed."""
    if isinstance(body, bytes):
        return io.BytesIO(body), len(body)
    stream = body.open("rb")
    return stream, os.fstat(stream.fileno()).st_size
