"""`nix derivation show` into `nix derivation add`: recipes as JSON, one by one."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from harness.machines.shell import command
from harness.results import Witness
from harness.strategies.base import STICK, Site, Strategy

_FILE = f"{STICK}/derivations.json"
_REPORT = f"{STICK}/derivations.added"


class DerivationJson(Strategy):
    """Print every derivation of the build closure and add each again after the collection.

    `nix derivation add` takes one derivation, not the map that `show -r` prints (Nix manual), and
    refuses one whose input sources are gone: those that go in are counted, not demanded.
    """

    name = "derivation-json"
    summary = "nix derivation show, and nix derivation add after the collection"
    uses_stick = True

    def protect(self, site: Site) -> None:
        """Write one derivation per line, inputs before their users."""
        drv = site.base_drv()
        shown = json.loads(site.machine.succeed(command("nix derivation show -r %s", drv)))
        # A plain map of paths up to Nix 2.31; later versions wrap it and shorten the paths.
        by_name = {Path(k).name: v for k, v in shown.get("derivations", shown).items()}
        closure = site.store.closure(drv)  # `nix-store -qR` sorts topologically
        ordered = [by_name[Path(path).name] for path in closure if path.endswith(".drv")]
        with tempfile.TemporaryDirectory() as folder:
            local = Path(folder) / "derivations.json"
            local.write_text("".join(json.dumps(recipe) + "\n" for recipe in ordered))
            site.machine.copy_from_host(local, _FILE)

    def restore(self, site: Site) -> None:
        """Add them in order; a refusal is what this strategy is known for, not an accident."""
        site.machine.succeed(
            'while IFS= read -r recipe; do printf %s "$recipe"'
            " | nix derivation add 2> /dev/null || echo refused;"
            + command(" done < %s > %s", _FILE, _REPORT)
        )

    def applied(self, site: Site) -> Witness:
        """Every derivation was tried, and the file says how many went in."""
        lines = site.machine.succeed(command("cat %s", _REPORT)).splitlines()
        added = sum(line.startswith("/nix/store/") for line in lines)
        holds = bool(lines) and added > 0
        return Witness("strategy-applied", holds, f"{added} of {len(lines)} derivations added")
