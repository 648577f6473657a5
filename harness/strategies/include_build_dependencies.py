"""system.includeBuildDependencies: the system's closure contains all that built it."""

from __future__ import annotations

from harness.machines.shell import command
from harness.results import Witness
from harness.strategies.base import Site, Strategy, count_witness


class IncludeBuildDependencies(Strategy):
    """NixOS's own option (nixpkgs, nixos/modules/system/activation/top-level.nix; PR #195511)."""

    name = "include-build-dependencies"
    summary = "system.includeBuildDependencies = true"
    module = "{ system.includeBuildDependencies = true; }"

    def applied(self, site: Site) -> Witness:
        """The active system refers to far more than it needs to run: .drv files among them."""
        paths = site.store.closure("/run/current-system")
        recipes = [path for path in paths if path.endswith(".drv")]
        listed = site.machine.execute(command("readlink -e %s", "/run/current-system")).stdout
        return count_witness("derivations in the closure of", len(recipes), listed.strip())
