"""The sockets and threads below the simulated internet: who is connected, and a swift end to it."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from typing import TypeAlias

from harness.internet.log import Connection, RequestLog

Address: TypeAlias = tuple[str, int]
Handler: TypeAlias = Callable[[socket.socket, Address, "Listener"], socketserver.BaseRequestHandler]

#: How long our own connection may wait to be served before the server counts as dead, in seconds.
_PATIENCE = 30.0


class _AcceptError(Exception):
    """Not an OSError, as socketserver passes over those and would try again for ever."""


class Listener(socketserver.ThreadingTCPServer):
    """A listening socket with its connections, one thread each, from construction to `close`.

    *handler* is what a thread runs for its connection.  Each connection goes into *log* before
    anything is read from it.  *report* is told of all that no client is to blame for.
    """

    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(
        self,
        address: Address,
        handler: Handler,
        log: RequestLog,
        report: Callable[[BaseException], None],
    ) -> None:
        self.closing = threading.Event()
        self._log = log
        self._report = report
        self._open: dict[socket.socket, Connection | None] = {}
        self._own: set[int] = set()  # ports of our own connections
        super().__init__(address, handler)
        self._accepting = threading.Thread(target=self._accept, name="internet", daemon=True)
        self._accepting.start()

    def close(self) -> None:
        """Refuse from now on, end every connection, and wait for the threads to end."""
        self.closing.set()
        with contextlib.suppress(OSError):  # closed already, after a failure to accept
            self.socket.shutdown(socket.SHUT_RDWR)  # refuses, and wakes up the accepting thread
        self.shutdown()
        self._accepting.join()
        for connection in list(self._open):
            with contextlib.suppress(OSError):  # it has ended by itself meanwhile
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()

    def catch_up(self) -> bool:
        """Make a connection of our own: whether it was served, after all that came before it."""
        with socket.socket() as own:
            own.settimeout(_PATIENCE)
            own.bind((self.server_address[0], 0))
            port = own.getsockname()[1]
            self._own.add(port)
            try:
                own.connect(self.server_address)
                own.shutdown(socket.SHUT_WR)
                return own.recv(1) == b""  # its thread has seen it end and has ended it as well
            except OSError:
                return False
            finally:
                self._own.discard(port)

    def connection_of(self, client: socket.socket) -> Connection:
        """What the log has of an open connection (our own ones send nothing and are not asked)."""
        connection = self._open[client]
        assert connection is not None
        return connection

    def get_request(self) -> tuple[socket.socket, Address]:
        """Accept a connection and record it."""
        try:
            client, address = super().get_request()
        except OSError as error:
            if self.closing.is_set():
                raise
            raise _AcceptError from error
        own = address[1] in self._own
        try:
            self._open[client] = None if own else self._log.connected("{}:{}".format(*address))
        except OSError as error:
            client.close()
            raise _AcceptError from error
        return client, address

    def close_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close a connection that has ended."""
        super().close_request(request)
        if isinstance(request, socket.socket):
            self._open.pop(request, None)

    def handle_error(self, *_: object) -> None:
        """Report what a connection's thread died of: clients' misdeeds do not get this far."""
        error = sys.exception()
        assert error is not None
        self._report(error)

    def _accept(self) -> None:
        try:
            self.serve_forever(poll_interval=60)  # it does not poll: `close` wakes it up
        except _AcceptError as failed:
            self._report(failed.__cause__ or failed)
            self.socket.close()
