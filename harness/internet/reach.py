"""What an experiment needs of a machine's internet, wherever that internet runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from harness.internet.cache import View
from harness.internet.log import Mark


@dataclass(frozen=True)
class Moment:
    """A point in the logs of the servers, for `Reach.heard_since`."""

    http: Mark
    questions: int


class Reach(Protocol):
    """All that one machine can reach, and the witness of what it asked for.

    Methods raise a `HarnessError` when the internet itself broke, so that its silence proves
    nothing.
    """

    @property
    def address(self) -> str:
        """Where the machine finds it: the IPv4 address of the cache and of the name server."""
        ...

    @property
    def card(self) -> str:
        """The machine's own name of the network card that leads there."""
        ...

    def open(self) -> None:
        """Serve everything."""
        ...

    def refuse(self) -> None:
        """Refuse HTTP connections, while names still resolve."""
        ...

    def show(self, view: View) -> None:
        """What the cache has from now on."""
        ...

    def now(self) -> Moment:
        """This moment in the logs."""
        ...

    def heard_since(self, moment: Moment) -> list[str]:
        """What arrived since *moment*, a line each."""
        ...

    def nars_since(self, moment: Moment) -> int:
        """How many NARs the cache gave out since *moment*."""
        ...

    def close(self) -> None:
        """This machine needs it no more; any number of times."""
        ...
