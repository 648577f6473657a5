"""Layers over a running machine: what one cell does there is dropped, without a restore.

After each restore QEMU translates the guest's code anew (it flushes its translations, see
``cpu_common_post_load``), which takes as long as a cell's own commands.  So the state of a
checkpoint is restored once and its disks become read-only, which the kernel enforces; each cell
then has name spaces of its own with overlays in memory (harness/guest/layer.sh), and its processes
end with them.  A layer begins as a boot ends: the daemons of the running system are started in it.
Only the kernel's own state is shared; where a layer changed the network's addresses or routes, or
the mounts below, the machine is restored before the next one.
"""

from __future__ import annotations

from itertools import count

from harness.errors import MachineError
from harness.machines.backdoor import Backdoor

#: Seconds for a step that takes a tenth of one.
_LIMIT = 60.0
#: Status of harness/guest/freeze.sh when a layer would lack something that runs.
_UNFIT = 3
#: What NixOS's stage 2 runs at boot, and the pocket system too.
_ACTIVATE = "/run/current-system/activate"


class Layers:
    """The layers of one machine, one after the other."""

    def __init__(self, shell: Backdoor) -> None:
        self._shell = shell
        self._numbers = count(1)
        self._start = ""  # what starts the daemons in a layer
        self._shared: str | None = None  # what all layers share, as the first one found it

    def freeze(self) -> bool:
        """End the system's daemons and make all disks read-only, until the next restore.

        False when something else runs or writes that a layer would lack: restore instead.
        """
        done = self._shell.execute("freeze", _LIMIT)
        if done.status not in (0, _UNFIT):
            raise MachineError(f"the machine cannot be made ready for layers: {done.stderr}")
        self._start = "" if done.stdout.strip() == "0" else _ACTIVATE
        self._shared = None
        return done.status == 0

    def enter(self) -> bool:
        """Begin a layer; the shell's answers have to come from it from now on.

        False when an earlier layer changed what all share: restore instead.  Raises `MachineError`
        when a disk below it could be written.
        """
        number = next(self._numbers)
        begin = f"busybox unshare --mount --uts --ipc --pid --fork layer {number} {self._start}"
        shared = self._shell.begin_layer(begin, number, _LIMIT)
        if self._shared is None:
            _check_disks(shared)
            self._shared = shared
        return self._shared == shared

    def leave(self) -> None:
        """End the layer: its processes are killed and what they wrote is gone."""
        self._shell.tell("exit 0")
        self.forget()

    def forget(self) -> None:
        """There is no layer any more: the machine was restored to a state without one."""
        self._shell.layer = 0


def _check_disks(shared: str) -> None:
    """The lines of /proc/self/mounts (proc(5)) tell: a device, its place, type and options."""
    for words in map(str.split, shared.splitlines()):
        if words[2:3] == ["ext4"] and "ro" not in words[3].split(","):
            raise MachineError(f"a disk below the layer is writable: {words[1]}")
