"""The QEMU command line of the embedded machine."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.guest.image import Image
from harness.machines.accelerator import PROGRAM, Accelerator
from harness.machines.base import MachineSize
from harness.machines.disks import Disks, escaped

#: A plain processor is the quickest to emulate: no vector extensions that programs would choose,
#: no five-level page tables.  It lacks cmpxchg16b, which QEMU 7.2 emulates wrongly (the flags get
#: bits of an address): one boot in seven of a kernel that uses it, as Linux 6.12's slab allocator
#: does, ended in a panic, and none of 60 without it.
EMULATED_CPU = "qemu64,-cx16,+fsgsbase,+rdrand"
#: ``norandmaps``: QEMU finds translated code by its virtual address, so programs that start at a
#: random one are translated anew each time; without it a command costs more than twice as much.
#: ``no_timer_check``: on a busy host the emulated timer may look broken to the kernel at boot,
#: which then panics.  ``init_on_alloc=0``: Debian's kernel clears memory twice.  A panic or oops
#: ends QEMU.
KERNEL_PARAMETERS = (
    "console=ttyS0 quiet panic=-1 oops=panic norandmaps init_on_alloc=0 no_timer_check"
)
#: The guest's network card and what it is plugged into; each can be unplugged.
CARD, PLUG = "card0", "net0"
#: Names of the virtio ports for the answers to commands and for copying.
ANSWERS_PORT, FILES_PORT = "harness.answers", "harness.files"

#: Guest address and port → port on the host's loopback.
Forwards = Mapping[tuple[str, int], int]


@dataclass(frozen=True)
class Wiring:
    """What connects QEMU with the harness: inherited sockets, and files."""

    shell: int
    answers: int
    files: int
    monitor: int
    console: Path
    disks: Disks


def arguments(
    image: Image, size: MachineSize, accelerator: Accelerator, forwards: Forwards, wiring: Wiring
) -> list[str]:
    """The whole command line, program included.

    Nothing comes from QEMU's defaults or the user's configuration, and the machine's own clock
    stops while it does not run, so that a restored checkpoint continues at its own time.
    """
    cpu = "host" if accelerator.name == "kvm" else EMULATED_CPU
    return [
        *(PROGRAM, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-machine", "q35,usb=off,smbus=off", "-accel", accelerator.name, "-cpu", cpu),
        *("-m", f"{size.memory}M", "-smp", str(size.cores), "-rtc", "base=utc,clock=vm"),
        *("-kernel", str(image.kernel), "-initrd", str(image.initrd)),
        *("-append", KERNEL_PARAMETERS),
        *("-chardev", f"file,id=console,path={escaped(wiring.console)}"),
        *("-serial", "chardev:console"),
        *("-chardev", f"socket,id=monitor,fd={wiring.monitor}"),
        *("-mon", "chardev=monitor,mode=control"),
        *("-device", "virtio-serial-pci", "-device", "virtio-rng-pci"),
        *("-chardev", f"socket,id=shell,fd={wiring.shell}"),
        *("-device", "virtconsole,chardev=shell"),
        *("-chardev", f"socket,id=answers,fd={wiring.answers}"),
        *("-device", f"virtserialport,chardev=answers,name={ANSWERS_PORT}"),
        *("-chardev", f"socket,id=files,fd={wiring.files}"),
        *("-device", f"virtserialport,chardev=files,name={FILES_PORT}"),
        *wiring.disks.arguments(),
        *_network(forwards, (str(image.relay), "nc")),
    ]


def device(port: str) -> str:
    """What a virtio port is inside the guest (harness/guest/init.sh links it, as udev does)."""
    return f"/dev/virtio-ports/{port}"


def _network(forwards: Forwards, relay: Sequence[str]) -> list[str]:
    """One card on QEMU's user network, which lets nothing out but *forwards*.

    Each connection to a forward starts *relay* with host and port, its streams being the
    connection (QEMU manual, ``-netdev user,guestfwd=...-cmd:``; split as a shell would split it).
    """
    plug = {
        "type": "user",
        "id": PLUG,
        "restrict": True,
        "ipv6": False,
        "guestfwd": [
            {"str": f"tcp:{address}:{port}-cmd:{shlex.join([*relay, '127.0.0.1', str(target)])}"}
            for (address, port), target in forwards.items()
        ],
    }
    card = {"driver": "virtio-net-pci", "id": CARD, "netdev": PLUG, "romfile": ""}
    return ["-netdev", json.dumps(plug), "-device", json.dumps(card)]
