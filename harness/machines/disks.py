"""The disks of an embedded machine, which its checkpoints cover; none outlives its machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from harness import process
from harness.errors import SetupError
from harness.guest.image import Image
from harness.machines.base import MachineSize

#: The block devices of a machine, in the order in which the guest sees them.
ROOT, SECOND = "root", "second"
DISKS = (ROOT, SECOND)
#: The one that also holds the memory of checkpoints.  Nothing is below it, so it can have large
#: clusters, to which QEMU writes memory in half the time.
MEMORY = SECOND
_CLUSTER = "1M"


class Disks:
    """The disk files of one machine in *folder*, each a layer of its own (QEMU's qcow2)."""

    def __init__(self, folder: Path) -> None:
        self.paths: Mapping[str, Path] = {name: folder / f"{name}.qcow2" for name in DISKS}
        self._access = "threads"

    def create(self, image: Image, size: MachineSize) -> None:
        """Make the files: the guest's root file system, and an empty second disk.

        Raises `SetupError` when the size is too small for the guest.
        """
        least = image.rootfs.stat().st_size >> 20
        if size.disk < least:
            raise SetupError(
                f"a disk of {size.disk} MiB does not hold the guest",
                hint=f"it needs {least} MiB at the very least",
            )
        program = process.which("qemu-img", package="qemu-utils")
        create = (program, "create", "-q", "-f", "qcow2")
        base = ("-b", image.rootfs, "-F", "raw")
        process.run([*create, *base, self.paths[ROOT], f"{size.disk}M"])
        large = ("-o", f"cluster_size={_CLUSTER}")
        process.run([*create, *large, self.paths[SECOND], f"{size.second_disk}M"])
        # Containers often forbid io_uring, and QEMU may be built without.  Where it works, QEMU
        # reads a checkpoint in a third of the time: it makes a lot of small requests.
        tried = f"driver=file,aio=io_uring,filename={escaped(self.paths[ROOT])}"
        done = process.run([program, "info", "--image-opts", tried], check=False)
        self._access = "io_uring" if done.status == 0 else "threads"

    def arguments(self) -> list[str]:
        """QEMU's command line for them. The host's flushes are left out."""
        words = []
        for name, path in self.paths.items():
            node = {
                "node-name": name,
                "driver": "qcow2",
                "discard": "unmap",
                "cache": {"no-flush": True},
                "file": {
                    "driver": "file",
                    "filename": str(path),
                    "aio": self._access,
                    "discard": "unmap",
                    "cache": {"no-flush": True},
                },
            }
            # What the host cannot write or read is the machine's end, never an error inside of it.
            drive = {"driver": "virtio-blk-pci", "drive": name, "werror": "stop", "rerror": "stop"}
            words += ["-blockdev", json.dumps(node), "-device", json.dumps(drive)]
        return words

    def remove(self) -> None:
        """Free their space on the host; ones that do not exist are no error."""
        for path in self.paths.values():
            path.unlink(missing_ok=True)


def escaped(path: Path) -> str:
    """A path inside one of QEMU's comma-separated options."""
    return str(path).replace(",", ",,")
