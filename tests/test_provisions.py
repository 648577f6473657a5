"""The proof of how a system came onto the machine."""

from __future__ import annotations

import pytest

from harness.diagnosis import Survey
from harness.provisions import PROVISIONS, provenance_witness, source_count


@pytest.mark.parametrize(
    ("provision", "nars", "recipes", "sources", "holds"),
    [
        ("built", 0, 40, 9, True),
        ("built", 1, 40, 9, False),  # something came from the cache
        ("built", 0, 0, 9, False),
        ("built", 0, 40, 0, False),
        ("cached-packages", 12, 40, 0, True),
        ("cached-packages", 0, 40, 0, False),  # nothing came from the cache
        ("cached-packages", 12, 40, 1, False),  # a package was built from its source
        ("cached-packages", 12, 0, 0, False),
        ("cached-all", 12, 40, 0, True),
        ("copied", 12, 0, 0, True),
        ("copied", 12, 1, 0, False),  # something was evaluated
        ("copied", 0, 0, 0, False),
    ],
)
def test_witness(provision: str, nars: int, recipes: int, sources: int, holds: bool) -> None:
    assert provenance_witness(PROVISIONS[provision], nars, recipes, sources).holds is holds


HASH = "0123456789abcdfghijklmnpqrsvwxyz"
DRV, SOURCE, SYSTEM = (f"/nix/store/{HASH}-{name}" for name in ("a.drv", "source", "system"))
DIGEST = "0" * 64


def survey(*present: str) -> Survey:
    """A system made from one fixed output, with these paths in the store."""
    fixed = f"/nix/store/{HASH}-b.drv"
    recipes = {
        DRV: f'Derive([("out","{SYSTEM}","","")],[("{fixed}",["out"])],[],"x","/b",[],[])',
        fixed: f'Derive([("out","{SOURCE}","sha256","{DIGEST}")],[],[],"x","/b",[],[])',
    }
    return Survey(DRV, recipes, dict.fromkeys(present, 1), {})


def test_a_source_that_only_a_build_needs_is_counted() -> None:
    assert source_count(survey(SOURCE, SYSTEM), {SYSTEM}) == 1


def test_a_source_that_the_system_refers_to_is_not() -> None:
    assert source_count(survey(SOURCE, SYSTEM), {SOURCE, SYSTEM}) == 0


def test_a_source_that_is_not_there_is_not() -> None:
    assert source_count(survey(SYSTEM), {SYSTEM}) == 0
