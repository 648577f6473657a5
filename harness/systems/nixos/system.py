"""NixOS in the NixOS test driver: where its sources are, and what its machine imports."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.machines.base import Machine
from harness.machines.shell import command

NIX_FILES = Path(__file__).parent / "nix"
_OWN = "/etc/nixos/machine"
#: Seconds until everything that NixOS starts at boot has started.
_BOOT_LIMIT = 600
_DEFAULT = "import ./guest.nix (builtins.fromJSON (builtins.readFile ./settings.json))\n"


@dataclass(frozen=True)
class NixOS:
    """NixOS from the *source* tree, a store path that the machine has from the start.

    *settings* are those of harness/systems/nixos/nix/settings.nix, as the machine was built with.
    """

    source: str
    settings: Mapping[str, object]
    name: str = "nixos"
    tree: str = "/var/lib/harness/nixpkgs"
    modules: tuple[str, ...] = (_OWN,)

    def install(self, machine: Machine) -> None:
        """Wait for the boot to end; put the tree and the machine's own module in their places."""
        machine.wait_until_succeeds("systemctl is-active multi-user.target", _BOOT_LIMIT)
        # The tree and all it needs are valid and rooted, else the collection would take them.
        machine.succeed(
            command("nix-store --check-validity %s && test -e %s/nixos", self.source, self.source)
            + command(
                " && nix-store -q --roots %s | grep /nix/var/nix/gcroots/ > /dev/null", self.source
            )
        )
        parent = str(Path(self.tree).parent)
        machine.succeed(command("mkdir -p %s && ln -sfn %s %s", parent, self.source, self.tree))
        with tempfile.TemporaryDirectory() as folder:
            own = Path(folder)
            (own / "default.nix").write_text(_DEFAULT)
            (own / "settings.json").write_text(json.dumps(dict(self.settings)))
            (own / "guest.nix").write_text((NIX_FILES / "guest.nix").read_text())
            machine.copy_from_host(own, _OWN)
