"""The embedded tier: QEMU machines with real Nix and the pocket system, on any Linux host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.guest.image import Image, ensure_image
from harness.internet.cache import View
from harness.internet.uplink import Uplink
from harness.machines.accelerator import Accelerator, choose_accelerator
from harness.machines.base import Machine, MachineSize
from harness.machines.qemu import QemuMachine
from harness.plan import Group, Plan
from harness.protocol import Experiment
from harness.provisions import PROVISIONS
from harness.systems.pocket.system import SHIPPED
from harness.world import PublishedSystem, World, ensure_system, ensure_world


@dataclass(frozen=True)
class Prepared:
    """Everything that lanes need to open experiments, and the facts for the report."""

    world: World
    accelerator: Accelerator
    systems: Mapping[str, PublishedSystem]  # by scenario
    scratch: Path
    facts: Mapping[str, str]

    def open(self, name: str, group: Group) -> Experiment:
        """A fresh machine with its own internet, not started yet."""
        layer = self.scratch / "no-systems"
        layer.mkdir(exist_ok=True)
        published = self.systems.get(group.scenario.name)
        log = self.scratch / f"internet-{name}.jsonl"
        uplink = self.world.uplink(published.layer if published else layer, log)
        uplink.__enter__()
        machine = make_machine(self.world.image, self.accelerator, self.scratch)(
            name, group.scenario.machine, uplink
        )
        return Experiment(machine, uplink, self.world.pocket(), group.scenario)

    def published(self, group: Group) -> str:
        """The path of the scenario's base system in the cache; "" when it was not published."""
        system = self.systems.get(group.scenario.name)
        return system.output if system else ""


@dataclass(frozen=True)
class Embedded:
    """Makes the image, the simulated internet's content and the machines. *policy*: see doctor.

    *source* is the folder of the pocket system under test, with ``tree`` and ``upstream`` in it.
    """

    policy: str = "auto"
    source: Path = SHIPPED

    def prepare(self, plan: Plan, scratch: Path, progress: Callable[[str], None]) -> Prepared:
        """Build what is not cached yet: the image, the packages, the scenarios' base systems."""
        image = ensure_image(progress)
        accelerator = choose_accelerator(self.policy, image)
        progress(f"accelerator: {accelerator.name} ({accelerator.reason})")
        make = make_machine(image, accelerator, scratch)
        world = ensure_world(image, make, progress, self.source)
        published = {
            scenario.name: ensure_system(world, scenario, make, progress)
            for scenario in plan.scenarios
            if _needs_publishing(plan, scenario.name)
        }
        facts = {
            "image": image.digest,
            "pocket": world.folder.name,
            "accelerator": accelerator.name,
            **{f"package {name}": version for name, version in image.versions.items()},
        }
        return Prepared(world, accelerator, published, scratch, facts)


def make_machine(
    image: Image, accelerator: Accelerator, scratch: Path
) -> Callable[[str, MachineSize, Uplink], Machine]:
    """A factory of machines whose disks lie in *scratch*."""

    def make(name: str, size: MachineSize, uplink: Uplink) -> Machine:
        folder = scratch / name
        folder.mkdir(exist_ok=True)
        return QemuMachine(
            image=image,
            folder=folder,
            size=size,
            internet_forward=uplink.forwards(),
            accelerator=accelerator,
            name=name,
        )

    return make


def _needs_publishing(plan: Plan, scenario: str) -> bool:
    groups = [group for group in plan.groups if group.scenario.name == scenario]
    return any(PROVISIONS[group.provision].view is View.ALL for group in groups)
