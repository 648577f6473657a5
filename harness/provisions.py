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
    machine: Machine, provision: Provision, fetched: int, output: str
) -> Witness:
    """Proof of how the system came, from the cache's log (*fetched* NARs) and the store."""
    recipes = machine.succeed("ls /nix/store | grep -c '\\.drv$' || true").strip()
    evidence = f"{fetched} NARs from the cache, {recipes} derivations in the store"
    if provision.view is View.NOTHING:
        return Witness("provision", fetched == 0 and recipes != "0", evidence)
    if provision.copied:
        return Witness("provision", fetched > 0 and recipes == "0", evidence)
    if fetched == 0:
        return Witness("provision", False, evidence)
    return Witness("provision", bool(output) and recipes != "0", evidence)


def activate(machine: Machine, output: str) -> None:
    """Make *output* the system profile and switch to it."""
    done = systems.switch(machine, output)
    if done.status != 0:
        raise systems.command_failed("switch to the base system", done)
    if (current := done.stdout.strip()) != output:
        raise MachineError(f"after the switch the machine runs {current}, not {output}")
