"""The seam between a run and the place where its machines come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from harness.plan import Group, Plan
from harness.protocol import Experiment


class Prepared(Protocol):
    """What lanes need to open experiments, and the facts for the report."""

    @property
    def facts(self) -> Mapping[str, str]:
        """What the machines are made of."""
        ...

    def open(self, name: str, group: Group) -> Experiment:
        """An experiment for the lane of that *name*, its machine not started yet."""
        ...

    def published(self, group: Group) -> str:
        """The path of the group's base system in the cache; "" when it is not there."""
        ...


class Tier(Protocol):
    """Where machines come from."""

    def prepare(self, plan: Plan, scratch: Path, progress: Callable[[str], None]) -> Prepared:
        """Make what *plan* needs; *scratch* is a folder that goes away with the run."""
        ...
