"""A mirror on a second disk: a file:// binary cache of the realised build closure."""

from __future__ import annotations

from collections.abc import Collection

from harness.machines.shell import command
from harness.results import Witness
from harness.strategies.base import STICK, Site, Strategy, count_witness

_CACHE = f"{STICK}/mirror"


class Mirror(Strategy):
    """Plug the disk in when offline and use it as the only substituter.

    It is disabled by ``substitute false`` and by ``--offline``, hence its own flags; unsigned
    paths need ``require-sigs false``, or only fixed outputs would be accepted.  What the disk
    lacks no second attempt would bring.
    """

    name = "mirror"
    summary = "a file:// binary cache on a second disk as the only substituter"
    rebuild_flags = (
        f"--option substituters file://{_CACHE} --option require-sigs false"
        " --option download-attempts 1"
    )
    uses_stick = True

    def protect(self, site: Site) -> None:
        """Realise the build closure and copy it; uncompressed, since xz takes 50 times as long."""
        drv = site.base_drv()
        site.store.realise_inputs(drv)
        paths = site.store.closure(drv, outputs=True)
        site.store.copy_to(f"file://{_CACHE}?compression=none", paths)

    def offers(self, site: Site) -> Collection[str]:
        """All that the mirror holds."""
        read = command("find %s -name '*.narinfo' -exec sed -n 's/^StorePath: //p' {} +", _CACHE)
        return site.machine.succeed(read).split()

    def applied(self, site: Site) -> Witness:
        """The disk is mounted and the cache lists paths."""
        names = site.machine.succeed(
            command("test -e %s && ls %s", f"{_CACHE}/nix-cache-info", _CACHE)
        ).split()
        return count_witness("paths in the mirror", sum(n.endswith(".narinfo") for n in names))
