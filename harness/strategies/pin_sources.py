"""Pin every source: GC roots on all fixed outputs, so that everything can be built again."""

from __future__ import annotations

from harness.nix.derivation import OutputKind, parse_derivation
from harness.results import Witness
from harness.strategies.base import Site, Strategy, valid_witness

_ROOT = "source"


def _is_fixed(text: str) -> bool:
    outputs = parse_derivation(text).outputs.values()
    return any(output.kind is OutputKind.FIXED for output in outputs)


class PinSources(Strategy):
    """Fewer bytes than the build closure, for far more time: everything is compiled again."""

    name = "pin-sources"
    summary = "a GC root on every fixed output of the build closure"

    def protect(self, site: Site) -> None:
        """Realise and root all fixed-output derivations of the base system."""
        recipes = site.store.derivations(site.base_drv())
        site.store.root(_ROOT, [path for path, text in recipes.items() if _is_fixed(text)])

    def applied(self, site: Site) -> Witness:
        """Every root leads to a valid path."""
        return valid_witness(site, "rooted sources", site.store.rooted(_ROOT))
