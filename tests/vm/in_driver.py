"""Runs in the genuine NixOS test driver: the engine on the embedded guest, driven by the driver.

What the driver's own machine object and QEMU's monitor really do is what the adapter has to cope
with; the guest is ours because it boots anywhere in seconds.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import process
from harness.embedded import make_machine
from harness.guest.image import ensure_image
from harness.internet.uplink import Uplink
from harness.machines.accelerator import PROGRAM, Accelerator
from harness.machines.command_line import EMULATED_CPU, KERNEL_PARAMETERS
from harness.machines.nixos_driver import NixosDriverMachine
from harness.plan import Group, Plan, plan
from harness.progress import make_progress
from harness.protocol import Experiment
from harness.run import Limits, run_plan
from harness.scenario import Selection, load_scenarios
from harness.strategies import registry
from harness.world import World, ensure_world

SCENARIO = Path(__file__).parents[2] / "scenarios/smoke"
EMULATED = Accelerator("tcg", "as the test says")


@dataclass(frozen=True)
class Prepared:
    """Machines that the driver makes, each with its own internet on this host."""

    world: World
    create_machine: Callable[..., Any]
    scratch: Path
    facts: Mapping[str, str]

    def open(self, name: str, group: Group) -> Experiment:
        """A fresh machine, not started yet."""
        layer = self.scratch / "no-systems"
        layer.mkdir(exist_ok=True)
        uplink = self.world.uplink(layer, self.scratch / f"{name}.jsonl")
        uplink.__enter__()
        script = self.scratch / f"run-{name}-vm"
        script.write_text(start_script(self.world, uplink, self.scratch))
        script.chmod(0o755)
        # `exec`, else the shell of some distributions stays between the driver and QEMU.
        made = self.create_machine(f"exec {shlex.quote(str(script))}", name=name)
        machine = NixosDriverMachine(made)
        return Experiment(machine, uplink, self.world.pocket(), group.scenario)

    def published(self, _group: Group) -> str:
        """No base system is in the cache."""
        return ""


@dataclass(frozen=True)
class Tier:
    """The embedded guest in the driver's hands."""

    create_machine: Callable[..., Any]

    def prepare(self, _plan: Plan, scratch: Path, progress: Callable[[str], None]) -> Prepared:
        """Take the image and the packages from the cache, or make them."""
        image = ensure_image(progress)
        world = ensure_world(image, make_machine(image, EMULATED, scratch), progress)
        return Prepared(world, self.create_machine, scratch, {"driver": "genuine"})


def start_script(world: World, uplink: Uplink, scratch: Path) -> str:
    """What the driver starts: QEMU with our guest, taking the driver's own arguments."""
    image = world.image
    disks = []
    for name, size in (("root", "8G"), ("second", "4G")):
        disk = scratch / f"{name}.qcow2"
        base = ["-b", str(image.rootfs), "-F", "raw"] if name == "root" else []
        process.run(["qemu-img", "create", "-q", "-f", "qcow2", *base, disk, size])
        disks += ["-drive", f"file={disk},if=virtio,format=qcow2"]
    forwards = "".join(
        f",guestfwd=tcp:{address}:{port}-cmd:{image.relay} nc 127.0.0.1 {to}"
        for (address, port), to in uplink.forwards().items()
    )
    words = [
        *(PROGRAM, "-nodefaults", "-no-user-config", "-machine", "q35,usb=off,smbus=off"),
        *("-accel", "tcg", "-cpu", EMULATED_CPU, "-m", "1024M", "-rtc", "base=utc,clock=vm"),
        *("-kernel", str(image.kernel), "-initrd", str(image.initrd)),
        *("-append", KERNEL_PARAMETERS, *disks, "-snapshot"),
        *("-netdev", f"user,id=net0,restrict=on,ipv6=off{forwards}"),
        *("-device", "virtio-net-pci,netdev=net0,id=card0"),
    ]
    return f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n'


def run(create_machine: Callable[..., Any], out: Path) -> None:
    """The test script: every cell of the smoke scenario."""
    [scenario] = load_scenarios([SCENARIO], registry())
    edits = tuple(filter(None, os.environ.get("HARNESS_TEST_EDITS", "").split(",")))
    chosen = plan([scenario], Selection(edits=edits))
    run_plan(chosen, Tier(create_machine), out, Limits(jobs=1), make_progress())
