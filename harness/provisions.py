"""How the base system comes onto a fresh machine, and the proof that it came that way."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import MachineError
from harness.internet.cache import View
from harness.machines.base import Machine
from harness.machines.shell import command
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


def provenance_witness(
    machine: Machine, provision: Provision, fetched: int, sources: int
) -> Witness:
    """Proof of how the system came: by *fetched* NARs, by *sources*, with .drv files or without.

    A package that is not in the cache would be built, and its source asked of the mirror.
    """
    recipes = int(machine.succeed("ls /nix/store | grep -c '\\.drv$' || true"))
    built = provision.view is View.NOTHING
    holds = (
        (fetched == 0) == built and (built or sources == 0) and (recipes == 0) == provision.copied
    )
    evidence = f"{fetched} NARs, {sources} sources fetched; {recipes} derivations in the store"
    return Witness("provision", holds, evidence)


def activate(machine: Machine, output: str) -> None:
    """Make *output* the system profile and switch to it."""
    done = systems.switch(machine, output)
    if done.status != 0:
        raise systems.command_failed("switch to the base system", done)
    if (current := done.stdout.strip()) != output:
        raise MachineError(f"after the switch the machine runs {current}, not {output}")
