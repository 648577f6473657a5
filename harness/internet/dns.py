"""A name server for the simulated internet, over TCP only (RFC 7766).

QEMU's user network forwards TCP alone into a restricted guest, so the guest's resolv.conf says
``options use-vc`` (resolv.conf(5)).  Every question is kept: one that arrives after the cut is a
leak, or, when only the cache is to refuse, the proof that names still resolve.
"""

from __future__ import annotations

import socketserver
import struct
import sys
import threading
from collections.abc import Mapping
from types import TracebackType

from harness.errors import SetupError

_HEADER = struct.Struct(">HHHHHH")
_A, _IN = 1, 1
_NO_ERROR, _FORMAT_ERROR, _NO_SUCH_NAME = 0, 1, 3
_MAX_QUESTION = 512


class NameServer:
    """Answers A questions for *names* (name to IPv4 address) on the loopback, or at *bind*.

    Names may be changed while it runs; other types of a known name get an empty answer, unknown
    names NXDOMAIN.
    """

    def __init__(self, names: Mapping[str, str], bind: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.names = dict(names)
        self._questions: list[str] = []
        self._lock = threading.Lock()
        #: What broke the server itself, so that its silence proves nothing.
        self.failures: list[BaseException | None] = []
        self._server: _Server | None = None
        self._host, self._port = bind

    @property
    def port(self) -> int:
        """Its TCP port; the same again after `shut` and `open`."""
        return self._port

    def questions(self) -> list[str]:
        """The names that were asked for, in order; raises `SetupError` when the server broke."""
        if self.failures:
            raise SetupError(f"the simulated name server broke: {self.failures[0]!r}")
        with self._lock:
            return list(self._questions)

    def open(self) -> None:
        """Start to listen; nothing happens when it listens already."""
        if self._server is not None:
            return
        self._server = _Server((self._host, self._port), self)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def shut(self) -> None:
        """Stop to listen; connections are refused from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> NameServer:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shut()

    def answer(self, message: bytes) -> bytes:
        """The reply to one DNS message (RFC 1035 section 4); malformed ones get FORMERR."""
        try:
            identity, flags, questions, *_ = _HEADER.unpack_from(message)
            name, end = _read_name(message, _HEADER.size)
            kind, group = struct.unpack_from(">HH", message, end)
        except (struct.error, ValueError, IndexError):
            return _HEADER.pack(
                *struct.unpack_from(">H", message.ljust(2, b"\0")), 0x8001, 0, 0, 0, 0
            )
        if questions != 1:
            return _HEADER.pack(identity, 0x8000 | _FORMAT_ERROR, 0, 0, 0, 0)
        with self._lock:
            self._questions.append(name)
        question = message[_HEADER.size : end + 4]
        address = self.names.get(name)
        code = _NO_ERROR if address is not None else _NO_SUCH_NAME
        record = b""
        if address is not None and (kind, group) == (_A, _IN):
            octets = bytes(int(part) for part in address.split("."))
            record = struct.pack(">HHHLH", 0xC00C, _A, _IN, 0, 4) + octets
        reply = 0x8180 | (flags & 0x0100) | code
        return _HEADER.pack(identity, reply, 1, bool(record), 0, 0) + question + record


def _read_name(message: bytes, start: int) -> tuple[str, int]:
    """The name at *start* and the position behind it. Raises `ValueError` on compression."""
    labels = []
    while (length := message[start]) != 0:
        if length > 63:
            raise ValueError("a question's name is never compressed")
        labels.append(message[start + 1 : start + 1 + length].decode("ascii").lower())
        start += 1 + length
    return ".".join(labels), start + 1


class _Handler(socketserver.StreamRequestHandler):
    timeout = 10
    server: _Server

    def handle(self) -> None:
        while len(prefix := self.rfile.read(2)) == 2:
            (length,) = struct.unpack(">H", prefix)
            if length > _MAX_QUESTION:
                return
            reply = self.server.names.answer(self.rfile.read(length))
            self.wfile.write(struct.pack(">H", len(reply)) + reply)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], names: NameServer) -> None:
        self.names = names
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002
        """A client that goes away in the middle (the guest was reset) is no fault of ours."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):
            self.names.failures.append(error)
