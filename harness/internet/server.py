"""The simulated internet: one HTTP server that is all the hosts there are."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.errors import SetupError
from harness.internet.cache import BinaryCache
from harness.internet.conversation import Conversation
from harness.internet.faults import NO_FAULTS, Faults
from harness.internet.listener import Listener
from harness.internet.log import Mark, RequestLog, Traffic
from harness.internet.mirror import SourceMirror
from harness.internet.site import Site

CACHE_HOST = "cache.internet"
MIRROR_HOST = "mirror.internet"

_LOOPBACK = "127.0.0.1"


class InternetError(SetupError):
    """The simulated internet itself broke, so that what it saw and said proves nothing."""


class Internet:
    """A server that tells its sites apart by the Host header.

    A context manager: it listens from entry to exit, but for the time between `shut` and `open`,
    and always on the same port: a free one of the loopback, or as *bind* says.  *hosts* maps host
    names in lower case and without a port to sites (default: the cache as `cache.internet`, the
    mirror as `mirror.internet`); all other hosts are answered with 404.  The log goes to *log_file*
    as well when there is one, with times by *clock* in seconds.  A connection that stays silent for
    *idle* seconds is closed.

    One thread at a time may call `open`, `shut` and `impose`.  They, the exit and `heard_since`
    raise `InternetError` when the server failed at its work since the start.
    """

    def __init__(
        self,
        cache: BinaryCache,
        mirror: SourceMirror,
        *,
        hosts: Mapping[str, Site] | None = None,
        log_file: Path | None = None,
        bind: tuple[str, int] = (_LOOPBACK, 0),
        clock: Callable[[], float] = time.time,
        idle: float = 300.0,
    ) -> None:
        self.cache = cache
        self.mirror = mirror
        defaults: Mapping[str, Site] = {CACHE_HOST: cache, MIRROR_HOST: mirror}
        self.hosts = dict(defaults if hosts is None else hosts)
        self.log = RequestLog(log_file, clock)
        self.idle = idle
        self._faults = NO_FAULTS
        self._failures: list[BaseException] = []
        self._wanted = False
        self._listener: Listener | None = None
        self._reservation = _reserve_port(bind)

    @property
    def port(self) -> int:
        """The port, the same while this object lives."""
        port: int = self._reservation.getsockname()[1]
        return port

    @property
    def faults(self) -> Faults:
        """What is wrong now."""
        return self._faults

    @property
    def listening(self) -> bool:
        """Whether connections are accepted."""
        return self._listener is not None

    def open(self) -> None:
        """Listen, unless the faults say that connections are refused."""
        self._wanted = True
        self._listen_as_wanted()

    def shut(self) -> None:
        """Refuse connections and end those that are open, with all their threads."""
        self._wanted = False
        self._listen_as_wanted()

    def impose(self, faults: Faults) -> None:
        """From the next request on, *faults* is all that is wrong (`NO_FAULTS`: nothing)."""
        self._faults = faults
        self._listen_as_wanted()

    def heard_since(self, mark: Mark) -> Traffic:
        """All that arrived between *mark* and this call.

        To make silence a proof, the server is seen to serve a connection of our own first (which
        the log leaves out): as connections queue up, all earlier ones are in the log by then.
        Raises `InternetError` when it does not.
        """
        accepts = self._listener is None or self._listener.catch_up()
        self._raise_failures()
        if not accepts:
            raise InternetError("the simulated internet does not accept connections any more")
        return Traffic(tuple(self.log.connections_since(mark)), tuple(self.log.since(mark)))

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.shut()
        finally:
            self._reservation.close()
            self.log.close()

    def _listen_as_wanted(self) -> None:
        wanted = self._wanted and not self._faults.refuse
        if wanted and self._listener is None:
            self._listener = Listener(
                self._reservation.getsockname(),
                partial(Conversation, self),
                self.log,
                self._failures.append,
            )
        elif not wanted and self._listener is not None:
            listener, self._listener = self._listener, None
            listener.close()
        self._raise_failures()

    def _raise_failures(self) -> None:
        if self._failures:
            first = self._failures[0]
            raise InternetError(
                f"the simulated internet broke: {type(first).__name__}: {first}",
                hint="look for a full disk, or a file of the cache that was taken away",
            ) from first


def _reserve_port(bind: tuple[str, int]) -> socket.socket:
    """A port that stays ours while nobody listens: bound, so that no one else is given it."""
    reservation = socket.socket()
    with contextlib.ExitStack() as undo:
        undo.callback(reservation.close)
        reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reservation.bind(bind)
        undo.pop_all()
    return reservation
