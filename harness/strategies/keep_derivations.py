"""keep-derivations alone: Nix's default, spelt out, since people take it for a protection."""

from __future__ import annotations

from types import MappingProxyType

from harness.results import Witness
from harness.strategies.base import Site, Strategy, settings_witness


class KeepDerivations(Strategy):
    """Keep the .drv files of live paths, but none of their outputs (Nix manual, nix.conf)."""

    name = "keep-derivations"
    summary = "keep-derivations = true alone (the default of Nix)"
    settings = MappingProxyType({"keep-derivations": "true", "keep-outputs": "false"})

    def applied(self, site: Site) -> Witness:
        """The settings are in force."""
        return settings_witness(self, site)
