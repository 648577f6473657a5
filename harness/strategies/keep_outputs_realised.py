"""keep-outputs after realising the whole build closure, so that there is something to keep."""

from __future__ import annotations

from harness.strategies.base import Site
from harness.strategies.keep_outputs import KeepOutputs

_ROOT = "base-drv"


class KeepOutputsRealised(KeepOutputs):
    """Fetch or build every output of every derivation first, then let keep-outputs keep it."""

    name = "keep-outputs-realised"
    summary = "realise every .drv of the build closure, then keep-outputs"

    def protect(self, site: Site) -> None:
        """Realise the build closure and root its .drv, in case the system came without one."""
        drv = site.base_drv()
        site.store.realise_inputs(drv)
        site.store.root_derivation(_ROOT, drv)
