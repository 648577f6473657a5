"""What the simulated internet holds: published once for a pocket tree, then kept on disk.

A machine builds the packages from the mirror and uploads them with ``nix copy``, signed, as a
build farm would.  The folders are keyed by everything that went in, built aside and renamed.
They feed the simulated internet alone, never a machine's store.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.cache import cache_folder, made_once
from harness.guest.image import Image
from harness.internet.cache import BinaryCache, Layer, View
from harness.internet.mirror import SourceMirror
from harness.internet.server import Internet
from harness.internet.uplink import Uplink
from harness.machines.base import Machine, MachineSize
from harness.machines.shell import command
from harness.network import connect
from harness.scenario.model import Scenario
from harness.systems import base as systems
from harness.systems.pocket.sources import pack
from harness.systems.pocket.system import SHIPPED, Pocket

_KEY_NAME = "cache.internet-1"
_UPLOAD = "http://cache.internet?compression=none&secret-key=/run/cache-key.sec"

#: Makes a machine with a name, a size and an uplink; it is not started yet.
MachineFactory = Callable[[str, MachineSize, Uplink], Machine]


@dataclass(frozen=True)
class World:
    """The published packages and sources of one pocket tree, on one image."""

    folder: Path
    image: Image

    @property
    def packages(self) -> Path:
        """The binary cache's packages layer."""
        return self.folder / "packages"

    def pocket(self) -> Pocket:
        """The system that goes with this world."""
        return Pocket(self.image.seed / "seed.json", self.folder / "key.pub", self.folder)

    def uplink(self, systems_layer: Path, log: Path | None = None) -> Uplink:
        """A fresh internet for one machine, over this world's folders."""
        layers = {Layer.PACKAGES: self.packages, Layer.SYSTEMS: systems_layer}
        cache = BinaryCache(layers)
        return Uplink(Internet(cache, SourceMirror(self._sources()), log_file=log))

    def _sources(self) -> dict[str, Path]:
        found = {f"/{path.name}": path for path in sorted((self.folder / "sources").iterdir())}
        seed = {f"/seed/{name}": self.image.seed / name for name in ("busybox", "seed.tar")}
        return {**found, **seed}


@dataclass(frozen=True)
class PublishedSystem:
    """A scenario's base system in the binary cache: its layer and its toplevel's path."""

    layer: Path
    output: str


def ensure_world(
    image: Image,
    make: MachineFactory,
    progress: Callable[[str], None],
    source: Path = SHIPPED,
) -> World:
    """The world of the pocket system in *source*, published first if need be (about a minute)."""
    seed = (image.seed / "seed.json").read_text()
    digest = hashlib.sha256(f"{image.digest} {seed} {_tree_digest(source)}".encode()).hexdigest()
    folder = cache_folder() / "worlds" / digest[:32]
    with made_once(folder) as target:
        if target is not None:
            progress("publishing the pocket packages to the simulated binary cache (once)")
            # A copy, so that machines run what was published although the source may change.
            shutil.copytree(source / "tree", target / "tree")
            (target / "sources").mkdir()
            pack(target / "sources", source / "upstream")
            _publish_packages(World(target, image), make)
    return World(folder, image)


def ensure_system(
    world: World, scenario: Scenario, make: MachineFactory, progress: Callable[[str], None]
) -> PublishedSystem:
    """The base system of *scenario* in the cache, built and uploaded first if need be."""
    folder = world.folder / "systems" / scenario.digest[:32]
    with made_once(folder) as target:
        if target is not None:
            progress(f"publishing the base system of {scenario.name} (once)")
            _publish_system(world, scenario, target, make)
    return PublishedSystem(folder / "cache", (folder / "output").read_text().strip())


def _publish_packages(world: World, make: MachineFactory) -> None:
    world.packages.mkdir()
    (world.folder / "key.pub").touch()
    uplink = world.uplink(world.folder)
    with _machine("publish", MachineSize(), uplink, make) as machine:
        machine.succeed(
            f"nix-store --generate-binary-cache-key {_KEY_NAME} /run/cache-key.sec /run/key.pub"
        )
        machine.copy_from_machine("/run/key.pub", world.folder / "key.pub")
        machine.copy_from_machine("/run/cache-key.sec", world.folder / "key.sec")
        world.pocket().install(machine)
        path = systems.nix_path(world.pocket().tree)
        drvs = machine.succeed(f"{path} nix-instantiate '<nixpkgs>' -A publish").split()
        recipes = [drv.split("!")[0] for drv in drvs]
        machine.succeed(f"printf '%s\\n' {command('%s', recipes)} > /run/recipes")
        # Every derivation's outputs, build-only tools and sources included: a public cache's lot.
        closure = "xargs nix-store -qR < /run/recipes | grep '\\.drv$' | sort -u"
        machine.succeed(f"{closure} | xargs nix-store --realise > /run/outputs")
        with uplink.cache.publish_to(Layer.PACKAGES):
            _upload(machine, "sort -u /run/outputs")


def _publish_system(world: World, scenario: Scenario, target: Path, make: MachineFactory) -> None:
    layer = target / "cache"
    layer.mkdir()
    uplink = world.uplink(layer)
    with _machine("publish", scenario.machine, uplink, make) as machine:
        machine.copy_from_host(world.folder / "key.sec", "/run/cache-key.sec")
        pocket = world.pocket()
        pocket.install(machine)
        systems.install_scenario(machine, pocket, scenario.folder, scenario.base)
        uplink.show(View.PACKAGES)
        systems.configure(machine, [systems.BASE])
        done = systems.rebuild(machine, pocket.tree, "nix-build", "", patience=900)
        if done.status != 0:
            raise systems.command_failed(f"build the base system of {scenario.name}", done)
        output = done.stdout.strip()
        with uplink.cache.publish_to(Layer.SYSTEMS):
            _upload(machine, command("nix-store -qR %s", output))
    (target / "output").write_text(f"{output}\n")


def _upload(machine: Machine, listing: str) -> None:
    machine.succeed(f"{listing} | xargs nix copy --to '{_UPLOAD}' 2>&1", timeout=1800)


@contextlib.contextmanager
def _machine(
    name: str, size: MachineSize, uplink: Uplink, make: MachineFactory
) -> Iterator[Machine]:
    with uplink:
        machine = make(name, size, uplink)
        try:
            machine.start()
            connect(machine, uplink)
            yield machine
        finally:
            machine.crash()


def _tree_digest(source: Path) -> str:
    """A digest of the pocket tree and its upstream sources: names, modes and contents."""
    digest = hashlib.sha256()
    for root in (source / "tree", source / "upstream"):
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                executable = os.access(path, os.X_OK)
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(root)} {executable} {content}\n".encode())
    return digest.hexdigest()
