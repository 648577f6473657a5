"""What a site of the simulated internet says: the answer to a request, and the body of a PUT."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Protocol

CHUNK = 256 * 1024


@dataclass(frozen=True)
class Answer:
    """A status and a body: bytes, or a file that is streamed and never held in memory.

    *cargo* marks a NAR or a source, as opposed to what tells about one: only cargo gets corrupted.
    *note* goes into the log.
    """

    status: int
    body: bytes | Path = b""
    media_type: str = "text/plain"
    cargo: bool = False
    note: str = ""


class ShortUploadError(ConnectionError):
    """The client left before it had sent as many bytes as it had announced."""


class Upload:
    """The body that comes with a request. It can be read once; *length* is in bytes.

    *invite* tells a client to send it that waits to be told, and is called before the first read.
    """

    def __init__(
        self, stream: BufferedIOBase, length: int, invite: Callable[[], None] | None = None
    ) -> None:
        self._stream = stream
        self._invite = invite
        self.length = length
        self.remaining = length

    def chunks(self) -> Iterator[bytes]:
        """The bytes not yet read. Raises `ShortUploadError`."""
        if self._invite is not None:
            invite, self._invite = self._invite, None
            invite()
        while self.remaining:
            chunk = self._stream.read(min(CHUNK, self.remaining))
            if not chunk:
                raise ShortUploadError(f"{self.remaining} of {self.length} bytes did not arrive")
            self.remaining -= len(chunk)
            yield chunk

    @property
    def uninvited(self) -> bool:
        """Whether the client waits to be told to send: nothing was read, nothing may come."""
        return self._invite is not None

    @property
    def received(self) -> int:
        """How many bytes were read so far."""
        return self.length - self.remaining


class Site(Protocol):
    """One host name's content. Paths start with a slash and have their %-escapes resolved.

    Both methods are called from many threads at once.
    """

    def answer(self, path: str) -> Answer:
        """What GET gets, and HEAD without the body."""
        ...

    def receive(self, path: str, upload: Upload) -> Answer:
        """What PUT does."""
        ...


def refusal(status: int, why: str) -> Answer:
    """An error that says *why*, to the client as well as in the log."""
    return Answer(status, f"{why}\n".encode(), note=why)
