"""system.extraDependencies with the toplevel's inputDerivation: the seeding that people try."""

from __future__ import annotations

from harness.results import Witness
from harness.strategies.base import Site, Strategy, count_witness


class ExtraDependencies(Strategy):
    """Keep the direct inputs of the base toplevel; each rebuilt part would need its own.

    ``inputDerivation`` is stdenv.mkDerivation's (nixpkgs,
    pkgs/stdenv/generic/make-derivation.nix); it has to be that of the system without the option.
    """

    name = "extra-dependencies"
    summary = "system.extraDependencies = [ toplevel.inputDerivation ]"
    module = (
        "{\n"
        "  system.extraDependencies = [\n"
        "    (import <nixpkgs/nixos> { configuration = ./base.nix; })"
        ".system.inputDerivation\n"
        "  ];\n"
        "}"
    )

    def applied(self, site: Site) -> Witness:
        """The active system's closure holds the input derivation's output."""
        paths = site.store.closure("/run/current-system")
        # NixOS's toplevel is called nixos-system-HOST-VERSION; mkDerivation gives the output of
        # inputDerivation that name too, so it is found by the file that lists the dependencies.
        listing = site.machine.execute("cat /run/current-system/extra-dependencies")
        kept = [path for path in listing.stdout.split() if path in paths]
        return count_witness("extra dependencies in the closure", len(kept))
