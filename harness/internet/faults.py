"""What may be wrong with the internet, as a scenario says it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from harness.errors import UsageError


@dataclass(frozen=True)
class Faults:
    """Everything that is wrong at one time; nothing is by default.

    All but *refuse* and *missing* strike only the requests that one of *paths* matches.  A pattern
    is a shell glob, in which `*` matches slashes too, against the URL's path (`/nar/*`) or the host
    and the path (`cache.internet/*`).

    - *refuse*: connections are refused, on every host: nobody listens.
    - *latency*: seconds before each answer.
    - *status*: this HTTP error (400 to 599) instead of the answer.
    - *truncate*: only so many bytes of a body arrive, then the connection ends.
    - *corrupt*: one bit of each NAR and each source is wrong.
    - *missing*: patterns of what is answered with 404.
    - *hang*: the request is read and never answered, until one side closes.
    """

    refuse: bool = False
    latency: float = 0.0
    status: int | None = None
    truncate: int | None = None
    corrupt: bool = False
    missing: tuple[str, ...] = ()
    hang: bool = False
    paths: tuple[str, ...] = ("*",)

    def __post_init__(self) -> None:
        if not 0 <= self.latency < float("inf"):
            raise UsageError(f"latency must be a number of seconds, not {self.latency}")
        if self.status is not None and not 400 <= self.status <= 599:
            raise UsageError(f"status must be an HTTP error from 400 to 599, not {self.status}")
        if self.truncate is not None and self.truncate < 0:
            raise UsageError(f"truncate must be a number of bytes, not {self.truncate}")

    def strike(self, host: str, path: str) -> bool:
        """Whether a request for *path* at *host* suffers."""
        return _matches(self.paths, host, path)

    def hide(self, host: str, path: str) -> bool:
        """Whether *path* at *host* is among what is missing."""
        return _matches(self.missing, host, path)


NO_FAULTS = Faults()


def _matches(patterns: Iterable[str], host: str, path: str) -> bool:
    return any(
        fnmatchcase(subject, pattern) for pattern in patterns for subject in (path, host + path)
    )


def cut_short(chunks: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """The first *limit* bytes of *chunks*."""
    for chunk in chunks:
        if limit <= 0:
            return
        yield chunk[:limit]
        limit -= len(chunk)


def damaged(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """*chunks*, *size* bytes in all, with one bit of the byte in the middle flipped."""
    position = size // 2
    for chunk in chunks:
        if 0 <= position < len(chunk):
            wrong = bytes([chunk[position] ^ 1])
            yield chunk[:position] + wrong + chunk[position + 1 :]
        else:
            yield chunk
        position -= len(chunk)
