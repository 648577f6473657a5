"""The proof of how a system came onto the machine."""

from __future__ import annotations

import pytest

from harness.provisions import PROVISIONS, provenance_witness


class Counting:
    """A machine with so many .drv files."""

    def __init__(self, recipes: int) -> None:
        self.recipes = recipes

    def succeed(self, command: str, timeout: float | None = 900) -> str:
        return f"{self.recipes}\n"


@pytest.mark.parametrize(
    ("provision", "nars", "sources", "recipes", "holds"),
    [
        ("built", 0, 9, 40, True),
        ("built", 1, 9, 40, False),  # something came from the cache
        ("built", 0, 9, 0, False),
        ("cached-packages", 12, 0, 40, True),
        ("cached-packages", 0, 0, 40, False),  # nothing came from the cache
        ("cached-packages", 12, 1, 40, False),  # a package was built from its source
        ("cached-packages", 12, 0, 0, False),
        ("cached-all", 12, 0, 40, True),
        ("copied", 12, 0, 0, True),
        ("copied", 12, 0, 1, False),  # something was evaluated
        ("copied", 0, 0, 0, False),
    ],
)
def test_witness(provision: str, nars: int, sources: int, recipes: int, holds: bool) -> None:
    machine = Counting(recipes)
    found = provenance_witness(machine, PROVISIONS[provision], nars, sources)  # type: ignore[arg-type]
    assert found.holds is holds
