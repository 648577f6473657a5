"""Puts the pocket tree into a machine, where it plays nixpkgs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.machines.base import Machine

TREE = Path(__file__).parent / "tree"


@dataclass(frozen=True)
class Pocket:
    """The pocket system with one seed (its hashes depend on the image's packages) and one key."""

    seed: Path  # seed.json
    public_key: Path  # of the simulated binary cache
    name: str = "pocket"
    tree: str = "/pocket"

    def install(self, machine: Machine) -> None:
        """Copy the tree, the seed's hashes and the cache's public key."""
        machine.copy_from_host(TREE, self.tree)
        machine.copy_from_host(self.seed, f"{self.tree}/seed.json")
        machine.copy_from_host(self.public_key, f"{self.tree}/cache-key.pub")
        machine.succeed(f"ln -sf {self.tree}/nixos-rebuild.sh /usr/bin/nixos-rebuild")
