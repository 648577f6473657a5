"""keep-outputs with keep-derivations: what the manual advises developers to set."""

from __future__ import annotations

from types import MappingProxyType

from harness.results import Witness
from harness.strategies.base import Site, Strategy, settings_witness


class KeepOutputs(Strategy):
    """Keep all outputs of live derivations: those realised on this machine, no more.

    On a system that came from a cache the build inputs never were here, so there is nothing to
    keep (measured; see also NixOS/nix#2712).
    """

    name = "keep-outputs"
    summary = "keep-outputs and keep-derivations = true in nix.conf"
    settings = MappingProxyType({"keep-derivations": "true", "keep-outputs": "true"})

    def applied(self, site: Site) -> Witness:
        """The settings are in force."""
        return settings_witness(self, site)
