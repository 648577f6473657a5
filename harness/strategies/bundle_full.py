"""A bundle of everything: the realised build closure in one file, imported offline."""

from __future__ import annotations

from harness.machines.shell import command
from harness.results import Witness
from harness.strategies.base import STICK, Site, Strategy, valid_witness

_FILE = f"{STICK}/bundle.nar"


class BundleFull(Strategy):
    """Realise every .drv of the build closure, then export it with all outputs.

    Without realising first, ``--include-outputs`` lists only what happens to exist here, and the
    bundle of a substituted system silently lacks its build inputs.
    """

    name = "bundle-full"
    summary = "the realised build closure in one file, imported offline"
    uses_stick = True

    def protect(self, site: Site) -> None:
        """Realise, then export the whole closure (`nix-store --export`)."""
        drv = site.base_drv()
        site.store.realise_inputs(drv)
        site.store.export(site.store.closure(drv, outputs=True), _FILE)

    def restore(self, site: Site) -> None:
        """Import it; nothing is collected afterwards, so no roots are needed."""
        site.store.import_file(_FILE)

    def applied(self, site: Site) -> Witness:
        """Everything that was exported is valid now."""
        listed = site.machine.succeed(command("cat %s", f"{_FILE}.paths")).split()
        return valid_witness(site, "imported paths", listed)
