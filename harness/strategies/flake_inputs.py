"""The inputs of a flake, kept with the system that is built from it."""

from __future__ import annotations

from harness.machines.shell import command
from harness.results import Witness
from harness.strategies.base import Site, Strategy, count_witness


class FlakeInputs(Strategy):
    """The sources that evaluation needs become part of the system's closure.

    A flake in the store does not refer to its inputs (NixOS/nix#6895, #3995), so that a collection
    takes them and not even the unchanged configuration can be evaluated.  The tree that plays
    nixpkgs for a flake's host lists them (harness/systems/nixos/nix/flake-host.nix); other systems
    have no inputs to keep, and say so.
    """

    name = "flake-inputs"
    summary = "system.extraDependencies with all inputs of the flake"
    module = "{ system.extraDependencies = import <nixpkgs/sources.nix>; }"

    def applied(self, site: Site) -> Witness:
        """The active system's closure holds every input."""
        listing = f"{site.tree}/sources.nix"
        names = site.machine.succeed(command("grep -o '/nix/store/[^\"]*' %s", listing)).split()
        closure = set(site.store.closure("/run/current-system"))
        kept = [path for path in names if path in closure]
        witness = count_witness("flake inputs in the closure", len(kept))
        if len(kept) != len(names):
            return Witness(witness.name, False, f"{len(kept)} of {len(names)} flake inputs kept")
        return witness
