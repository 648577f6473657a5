"""What a test on real NixOS takes of its host, told before anything is fetched.

Estimates for planning, on the safe side: NixOS's own documentation puts a minimal system at 670 MiB
and its whole build closure at 13.5 GiB (nixpkgs, system.includeBuildDependencies).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.plan import Group

#: MiB of the host's memory beside the machine's own: the internet node, QEMU, the engine.
_BESIDE = 2048
#: MiB on the host: nixpkgs, the driver with QEMU, two systems, the store image of the machine.
_BUILT = 5120
#: MiB that a machine writes to its disks.
_WRITTEN = 3072
#: MiB that the whole build closure takes, and once more while it is put aside.
_BUILD_CLOSURE = 13824
_REALISING = {
    *("include-build-dependencies", "keep-outputs-realised", "bundle-full", "mirror"),
    "pin-sources",
}


@dataclass(frozen=True)
class Demand:
    """MiB of the host's memory and disk; the latter is an estimate of the most at one time."""

    memory: int
    disk: int


def demand(groups: Sequence[Group]) -> Demand:
    """What a test of *groups*, all of one scenario, takes."""
    size = groups[0].scenario.machine
    strategies = {branch.strategy for group in groups for branch in group.branches}
    closures = 2 * _BUILD_CLOSURE if strategies & _REALISING else 0
    # Three checkpoints with what is in use of the memory, about a third of it each.
    return Demand(size.memory + _BESIDE, _BUILT + _WRITTEN + size.memory + closures)


def lacking(wanted: Demand, folder: Path) -> str:
    """What this host lacks, with *folder* on the disk in question; "" when it has enough."""
    memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024**2
    memory = max(memory, _reclaimable())
    disk = shutil.disk_usage(folder).free // 1024**2
    found = []
    if memory < wanted.memory:
        found.append(f"{wanted.memory} MiB of memory are wanted and {memory} MiB are free")
    if disk < wanted.disk:
        found.append(f"{wanted.disk} MiB of disk are wanted and {disk} MiB are free")
    return "; ".join(found)


def _reclaimable() -> int:
    """The kernel's own estimate of what programs can still have (proc(5), MemAvailable), in MiB."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 0
