"""No protection: Nix's default settings, and the negative control of every experiment."""

from __future__ import annotations

from harness.results import Witness
from harness.strategies.base import Site, Strategy


class Unprotected(Strategy):
    """Do nothing beforehand."""

    name = "none"
    summary = "do nothing beforehand"

    def applied(self, site: Site) -> Witness:
        """Nothing may be kept: no root of ours and no setting that keeps outputs."""
        keeps = site.store.setting("keep-outputs")
        roots = site.machine.execute("ls /nix/var/nix/gcroots/harness").stdout.split()
        holds = keeps == "false" and not roots
        return Witness("strategy-applied", holds, f"keep-outputs = {keeps}, {len(roots)} roots")
