"""Whole systems built beforehand, as `nixos-install --system` takes them."""

from __future__ import annotations

from harness.errors import MachineError
from harness.results import Witness
from harness.strategies.base import Site, Strategy, valid_witness

_ROOT = "prebuilt"


class Prebuilt(Strategy):
    """Build each rehearsed configuration while online and root its finished closure.

    Right when the change is known to the letter.  A change of the same kind with another value is
    another system, and what built this one is not kept.
    """

    name = "prebuilt"
    summary = "finished systems of the rehearsed edits, built beforehand"
    rehearses = True

    def protect(self, site: Site) -> None:
        """Realise and root the rehearsed systems."""
        plan = site.rehearsal
        if plan is None or not plan.following:
            raise MachineError("nothing was rehearsed", hint="give edits a `rehearse:` file")
        site.store.root(_ROOT, plan.following)

    def applied(self, site: Site) -> Witness:
        """Every root leads to a valid path."""
        return valid_witness(site, "prebuilt roots", site.store.rooted(_ROOT))
