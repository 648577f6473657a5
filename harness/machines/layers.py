"""Layers over a running machine: what one cell does there is dropped, without a restore.

After each restore QEMU translates the guest's code anew (it flushes its translations, see
``cpu_common_post_load``), which takes as long as a cell's own commands.  So the state of a
checkpoint is restored once and its disks become read-only, which the kernel enforces; each cell
then has name spaces of its own with overlays in memory (harness/guest/layer.sh), and its processes
end with them.  A layer begins as a boot ends: the daemons of the running system are started in it.
Only the kernel's own state is shared; where a layer changed the network's addresses or routes, the
machine is restored before the next one.
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
#: The machine's addresses and routes (proc(5)).
_NETWORK = "busybox cat /proc/net/fib_trie /proc/net/route"


class Layers:
    """The layers of one machine, one after the other."""

    def __init__(self, shell: Backdoor) -> None:
        self._shell = shell
        self._numbers = count(1)
        self._daemons = False
        self._network: str | None = None  # as the first layer found it

    def freeze(self) -> bool:
        """End the system's daemons and make all disks read-only, until the next restore.

        False when something else runs or writes that a layer would lack: restore instead.
        """
        done = self._shell.execute("freeze", _LIMIT)
        if done.status not in (0, _UNFIT):
            raise MachineError(f"the machine cannot be made ready for layers: {done.stderr}")
        self._daemons = done.stdout.strip() != "0"
        self._network = None
        return done.status == 0

    def enter(self) -> bool:
        """Begin a layer; the shell's answers have to come from it from now on.

        False when an earlier layer changed the network, which all share: restore instead.
        """
        number = next(self._numbers)
        self._shell.tell(f"busybox unshare --mount --uts --ipc --pid --fork layer {number}")
        self._shell.layer = number
        start = f"{_ACTIVATE} >&2 && " if self._daemons else ""
        done = self._shell.execute(start + _NETWORK, _LIMIT)
        if done.status != 0:
            raise MachineError(f"the system's daemons cannot be started in a layer: {done.stderr}")
        if self._network is None:
            self._network = done.stdout
        return self._network == done.stdout

    def leave(self) -> None:
        """End the layer: its processes are killed and what they wrote is gone."""
        self._shell.tell("exit")
        self.forget()

    def forget(self) -> None:
        """There is no layer any more: the machine was restored to a state without one."""
        self._shell.layer = 0
