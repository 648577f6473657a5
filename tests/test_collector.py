"""The cycle collector is kept out for a while, and comes back as it was."""

from __future__ import annotations

import gc

import pytest

from harness.collector import no_cyclic_collection


@pytest.mark.parametrize("before", [True, False])
def test_it_is_off_within_and_as_before_after(before: bool) -> None:
    was = gc.isenabled()
    (gc.enable if before else gc.disable)()
    try:
        with pytest.raises(ValueError, match="broken"), no_cyclic_collection():
            assert not gc.isenabled()
            raise ValueError("broken")
        assert gc.isenabled() == before
    finally:
        (gc.enable if was else gc.disable)()
