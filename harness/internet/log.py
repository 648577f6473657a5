"""The log of everything that reached the internet: a witness of the cut.

A connection is evidence even when it sends no request, and so is a request that is not answered
(yet): both are recorded as they arrive, in memory and as flushed lines of JSON.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Connection:
    """One TCP connection that was accepted; *peer* is ADDRESS:PORT, *time* as the clock has it."""

    number: int
    time: float
    peer: str


@dataclass(frozen=True)
class Request:
    """One request. *status* is None while, and if, no answer was begun; sizes are bytes of bodies.

    *strange* marks what no client of this internet should send: a foreign host, broken HTTP.
    *host* and *path* are as the client wrote them. *note* tells what was odd about the answer.
    """

    number: int
    connection: int
    time: float
    method: str
    host: str
    path: str
    strange: bool = False
    status: int | None = None
    received: int = 0
    sent: int = 0
    note: str = ""


@dataclass(frozen=True)
class Mark:
    """A point in the log: how many connections and requests there were."""

    connections: int
    requests: int


@dataclass(frozen=True)
class Traffic:
    """What reached the internet in some span of time."""

    connections: tuple[Connection, ...]
    requests: tuple[Request, ...]

    @property
    def silent(self) -> bool:
        """Nothing at all came."""
        return not self.connections and not self.requests

    def __str__(self) -> str:
        if self.silent:
            return "no connection and no request"
        count = f"{len(self.connections)} connections, {len(self.requests)} requests"
        first = [f"{asked.method} {asked.host}{asked.path}" for asked in self.requests[:3]]
        return "; ".join([count, *first])


class RequestLog:
    """Connections and requests in the order of their arrival.

    *file* is appended to (None: memory only) and holds one JSON object a line whose `event` is
    `connection`, `request` or `answer`; the latter two share a `number`, and an answer's fields
    complete the request's.  *clock* gives seconds.
    """

    def __init__(self, file: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._connections: list[Connection] = []
        self._requests: list[Request] = []
        self._file = None if file is None else file.open("a", encoding="ascii")

    def mark(self) -> Mark:
        """This moment, for `since`."""
        with self._lock:
            return Mark(len(self._connections), len(self._requests))

    def since(self, mark: Mark) -> list[Request]:
        """The requests that arrived after *mark*, answered or not."""
        with self._lock:
            return self._requests[mark.requests :]

    def connections_since(self, mark: Mark) -> list[Connection]:
        """The connections that were made after *mark*."""
        with self._lock:
            return self._connections[mark.connections :]

    def connected(self, peer: str) -> Connection:
        """Record a new connection."""
        with self._lock:
            new = Connection(len(self._connections), self._clock(), peer)
            self._connections.append(new)
            self._write("connection", asdict(new))
            return new

    def asked(
        self, connection: int, method: str, host: str, path: str, *, strange: bool = False
    ) -> Request:
        """Record a request as it arrives."""
        with self._lock:
            number = len(self._requests)
            new = Request(number, connection, self._clock(), method, host, path, strange)
            self._requests.append(new)
            fields = ("number", "connection", "time", "method", "host", "path", "strange")
            self._write("request", {name: getattr(new, name) for name in fields})
            return new

    def answered(
        self, number: int, status: int | None, *, received: int, sent: int, note: str = ""
    ) -> None:
        """Record how the request of that *number* ended."""
        outcome = {"status": status, "received": received, "sent": sent, "note": note}
        with self._lock:
            asked = self._requests[number]
            self._requests[number] = replace(
                asked, status=status, received=received, sent=sent, note=note
            )
            self._write("answer", {"number": number, "time": self._clock(), **outcome})

    def close(self) -> None:
        """Close the file; what was recorded stays readable."""
        with self._lock:
            if self._file is not None:
                self._file.close()

    def _write(self, event: str, fields: dict[str, object]) -> None:
        if self._file is not None:
            self._file.write(json.dumps({"event": event, **fields}) + "\n")
            self._file.flush()
