"""All that one machine can reach: the simulated internet and its name server, as one thing."""

from __future__ import annotations

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from harness.internet.cache import BinaryCache, View
from harness.internet.dns import NameServer
from harness.internet.reach import Moment
from harness.internet.server import CACHE_HOST, MIRROR_HOST, Internet

#: Where the machine finds it (QEMU's user network, ``guestfwd``).
ADDRESS = "10.0.2.100"
#: An address that answers every connection with a reset: the gateway of a restricted network.
REFUSING_ADDRESS = "10.0.2.2"
_HTTP, _DNS = 80, 53


class Uplink:
    """One machine's own internet, so that its logs witness for that machine alone.

    A context manager; it serves from entry on.  A `Reach`: the machine finds it at *address*
    through its network *card*, and *refusing* is an address that answers with a reset while HTTP
    is refused.
    """

    def __init__(
        self,
        internet: Internet,
        names: NameServer | None = None,
        *,
        address: str = ADDRESS,
        card: str = "eth0",
        refusing: str = REFUSING_ADDRESS,
    ) -> None:
        self.internet = internet
        self.names = names or NameServer({})
        self.address = address
        self.card = card
        self._refusing_address = refusing
        self._servers = ExitStack()
        self._refusing = False

    @property
    def cache(self) -> BinaryCache:
        """The binary cache, whose view is set by the provision."""
        return self.internet.cache

    def forwards(self) -> dict[tuple[str, int], int]:
        """What the machine's network card has to forward: address and port to host port."""
        http, dns = (self.address, _HTTP), (self.address, _DNS)
        return {http: self.internet.port, dns: self.names.port}

    def open(self) -> None:
        """Serve everything."""
        self._refusing = False
        self.names.names = dict.fromkeys((CACHE_HOST, MIRROR_HOST), self.address)
        self.names.open()
        self.internet.open()

    def refuse(self) -> None:
        """Refuse HTTP connections, while names still resolve (to an address that refuses)."""
        self._refusing = True
        self.internet.shut()
        self.names.names = dict.fromkeys((CACHE_HOST, MIRROR_HOST), self._refusing_address)

    def now(self) -> Moment:
        """This moment in the logs."""
        return Moment(self.internet.log.mark(), len(self.names.questions()))

    def heard_since(self, moment: Moment) -> list[str]:
        """What arrived since *moment*, a line each.

        Questions for names count as well, unless the cache refuses while names go on to resolve.
        """
        traffic = self.internet.heard_since(moment.http)
        heard = [] if traffic.silent else [str(traffic)]
        if not self._refusing:
            asked = self.names.questions()[moment.questions :]
            heard += [f"asked for the name {name}" for name in asked]
        return heard

    def nars_since(self, moment: Moment) -> int:
        """How many NARs the cache gave out since *moment*.

        A tunnel to the real internet hides what goes through it, and counts as one.
        """
        requests = self.internet.log.since(moment.http)
        return sum(
            r.method == "CONNECT" or (r.method == "GET" and "/nar/" in r.path) for r in requests
        )

    def show(self, view: View) -> None:
        """What the cache has from now on."""
        self.cache.show(view)

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            undo.enter_context(self.internet)
            undo.enter_context(self.names)
            self._servers = undo.pop_all()
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the servers; any number of times."""
        self._servers.pop_all().close()
