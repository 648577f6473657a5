"""How the base system comes onto a fresh machine, and the proof that it came that way."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from harness.diagnosis import Survey
from harness.errors import MachineError
from harness.internet.cache import View
from harness.machines.base import Machine
from harness.machines.shell import command
from harness.nix.graph import load_graph
from harness.results import Witness
from harness.scenario.model import Provision as Name
from harness.systems import base as systems


@dataclass(frozen=True)
class Provision:
    """A name, what the binary cache shows meanwhile, and whether the system is copied in."""

    name: Name
    summary: str
    view: View
    copied: bool = False


PROVISIONS: dict[str, Provision] = {
    provision.name: provision
    for provision in (
        Provision(Name.BUILT, "built from source: the cache is empty", View.NOTHING),
        Provision(Name.CACHED_PACKAGES, "packages from the cache, the rest built", View.PACKAGES),
        Provision(Name.CACHED_ALL, "everything from the cache, even the toplevel", View.ALL),
        Provision(Name.COPIED, "only the finished closure, as a deployment does", View.ALL, True),
    )
}


def provide(machine: Machine, tree: str, provision: Provision, published: str) -> str:
    """Get the base system as *provision* says, and its output path.

    *published* is the toplevel's path in the cache; only `copied` needs it beforehand, since it
    must not evaluate: that would leave .drv files behind.
    """
    if provision.copied:
        machine.succeed(
            command("nix-store --realise %s > /dev/null && test -e %s", published, published)
        )
        return published
    done = systems.rebuild(machine, tree, "nix-build", "", patience=900)
    if done.status != 0:
        raise systems.command_failed(f"provision the base system ({provision.name})", done)
    return done.stdout.strip()


def provenance_witness(provision: Provision, fetched: int, recipes: int, sources: int) -> Witness:
    """Proof of how the system came: *fetched* NARs, and what is in the store because of it.

    *recipes* counts the .drv files, *sources* the fixed outputs that only a build needs: a package
    that the cache does not give would be built, and leave its source behind.
    """
    built = provision.view is View.NOTHING
    holds = (
        (fetched == 0) == built and (sources > 0) == built and (recipes == 0) == provision.copied
    )
    evidence = f"{fetched} NARs fetched; {recipes} derivations and {sources} sources in the store"
    return Witness("provision", holds, evidence)


def recipe_count(machine: Machine) -> int:
    """How many .drv files are in the store."""
    return int(machine.succeed("ls /nix/store | grep -c '\\.drv$' || true"))


def source_count(found: Survey, runtime: Collection[str]) -> int:
    """How many fixed outputs of the build closure are in the store without being in *runtime*."""
    graph = load_graph([found.drv], found.recipes.__getitem__)
    outputs = {key for node in graph.fixed for key in graph.outputs[node].values()}
    return len(outputs.intersection(found.present).difference(runtime))


def activate(machine: Machine, output: str) -> None:
    """Make *output* the system profile and switch to it."""
    done = systems.switch(machine, output)
    if done.status != 0:
        raise systems.command_failed("switch to the base system", done)
    if (current := done.stdout.strip()) != output:
        raise MachineError(f"after the switch the machine runs {current}, not {output}")
