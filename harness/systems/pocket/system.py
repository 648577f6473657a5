"""Puts the pocket tree into a machine, where it plays nixpkgs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.machines.base import Machine

#: The shipped pocket system: its Nix files in ``tree``, its releases in ``upstream``.
SHIPPED = Path(__file__).parent


@dataclass(frozen=True)
class Pocket:
    """The pocket system with one seed (its hashes depend on the image's packages) and one key."""

    seed: Path  # seed.json
    public_key: Path  # of the simulated binary cache
    source: Path = SHIPPED  # the folder with ``tree``: another one to test another revision
    name: str = "pocket"
    tree: str = "/pocket"
    modules: tuple[str, ...] = ()

    def install(self, machine: Machine) -> None:
        """Copy the tree, the seed's hashes and the cache's public key."""
        machine.copy_from_host(self.source / "tree", self.tree)
        machine.copy_from_host(self.seed, f"{self.tree}/seed.json")
        machine.copy_from_host(self.public_key, f"{self.tree}/cache-key.pub")
        machine.succeed(f"ln -sf {self.tree}/nixos-rebuild.sh /usr/bin/nixos-rebuild")
        # Until the first activation writes the system's own nix.conf: a copied system has none.
        machine.succeed(
            f'echo "trusted-public-keys = $(cat {self.tree}/cache-key.pub)" >> /etc/nix/nix.conf'
        )
