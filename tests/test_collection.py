"""The canary of a collection, in a store that tests can sabotage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import pytest

from harness.collection import collect
from harness.errors import MachineError
from harness.machines.base import Machine, Output
from harness.nix.store import Registration, Store

CANARY, SYSTEM, GARBAGE = (f"/nix/store/{'0' * 32}-{name}" for name in ("canary", "sys", "old"))


@dataclass
class Guest:
    """A machine and its store; what is registered and what lies on the disk can differ."""

    adds: bool = True
    forgets: bool = True
    deletes: bool = True
    known: dict[str, int] = field(default_factory=lambda: {SYSTEM: 100, GARBAGE: 7})
    on_disk: bool = True

    def succeed(self, _command: str) -> str:
        if self.adds:
            self.known[CANARY] = 1
        return f"{CANARY}\n"

    def execute(self, _command: str) -> Output:
        return Output(int(self.on_disk), "", "")

    def registrations(self) -> dict[str, Registration]:
        return {path: Registration(size, "", ()) for path, size in self.known.items()}

    def collect_garbage(self) -> str:
        if self.forgets:
            self.known = {SYSTEM: 100}
        self.on_disk = not self.deletes
        return "2 store paths deleted, 0.01 MiB freed"


def collected(guest: Guest) -> tuple[bool, str]:
    found = collect(cast(Machine, guest), cast(Store, guest))
    assert found.size_before == 107, "the canary does not count"
    return found.witness.holds, found.witness.evidence


def test_a_collection_that_collects() -> None:
    holds, evidence = collected(Guest())
    assert holds
    assert evidence == f"{CANARY} is gone; 2 store paths deleted, 0.01 MiB freed"


@pytest.mark.parametrize("guest", [Guest(forgets=False), Guest(deletes=False)])
def test_a_canary_that_lives_is_told(guest: Guest) -> None:
    holds, evidence = collected(guest)
    assert not holds
    assert f"{CANARY} is still there" in evidence


def test_a_canary_that_never_lived_proves_nothing() -> None:
    with pytest.raises(MachineError, match="did not become a valid path"):
        collect(cast(Machine, Guest(adds=False)), cast(Store, Guest()))
