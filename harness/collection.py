"""The collection of garbage, and the proof that it collects."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from harness.errors import MachineError
from harness.machines.base import Machine
from harness.machines.shell import command
from harness.nix.store import Registration, Store
from harness.results import Witness

_CANARY_FILE = "/run/harness-canary"


@dataclass(frozen=True)
class Collection:
    """What a collection left, with its evidence; *size_before* is the store's, in bytes."""

    witness: Witness
    size_before: int
    left: Mapping[str, Registration]
    seconds: float


def collect(machine: Machine, store: Store) -> Collection:
    """Collect garbage; a canary that nothing keeps is a valid path before and gone afterwards.

    Raises `MachineError` when the canary does not become a valid path.
    """
    canary = machine.succeed(
        f"echo canary > {_CANARY_FILE} && nix-store --add {_CANARY_FILE}"
    ).strip()
    before = store.registrations()
    if canary not in before:
        raise MachineError(f"the canary {canary} did not become a valid path")
    size = sum(known.size for path, known in before.items() if path != canary)
    started = time.monotonic()
    said = store.collect_garbage().strip().splitlines()
    seconds = time.monotonic() - started
    left = store.registrations()
    gone = machine.execute(command("! test -e %s", canary)).status == 0 and canary not in left
    evidence = f"{canary} {'is gone' if gone else 'is still there'}; {said[-1] if said else ''}"
    return Collection(Witness("garbage-collected", gone, evidence), size, left, seconds)
