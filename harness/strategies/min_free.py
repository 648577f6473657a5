"""min-free: an automatic collection in the middle of the offline rebuild."""

from __future__ import annotations

from types import MappingProxyType

from harness.strategies.keep_outputs import KeepOutputs

#: More than any disk has free, in bytes: every build starts a collection.
_MORE_THAN_FREE = 1 << 50


class MinFree(KeepOutputs):
    """keep-outputs, with a disk that always seems too full (Nix manual, nix.conf: `min-free`).

    The collection that one starts is not the last: Nix starts others by itself while it builds,
    and what has no root by then goes, though the build has use for it.
    """

    name = "min-free"
    summary = "keep-outputs, and Nix collects by itself during every build"
    settings = MappingProxyType(
        {
            **KeepOutputs.settings,
            "min-free": str(_MORE_THAN_FREE),
            "max-free": str(2 * _MORE_THAN_FREE),
        }
    )
