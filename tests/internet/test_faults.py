from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.internet.faults import NO_FAULTS, Faults, cut_short, damaged

CHUNKS = st.lists(st.binary(min_size=1, max_size=20), max_size=10)


@given(CHUNKS, st.integers(0, 250))
def test_cut_short_is_a_prefix(chunks: list[bytes], limit: int) -> None:
    assert b"".join(cut_short(chunks, limit)) == b"".join(chunks)[:limit]


@given(CHUNKS)
def test_damage_is_one_bit(chunks: list[bytes]) -> None:
    right = b"".join(chunks)
    wrong = b"".join(damaged(chunks, len(right)))
    assert len(wrong) == len(right)
    differences = [a ^ b for a, b in zip(right, wrong, strict=True) if a != b]
    assert differences == ([1] if right else [])


@pytest.mark.parametrize(
    ("pattern", "host", "path", "struck"),
    [
        ("*", "cache.internet", "/nix-cache-info", True),
        ("/nar/*", "cache.internet", "/nar/abc.nar.xz", True),
        ("/nar/*", "cache.internet", "/abc.narinfo", False),
        ("*.narinfo", "cache.internet", "/abc.narinfo", True),
        ("cache.internet/*", "cache.internet", "/nar/abc.nar", True),
        ("cache.internet/*", "mirror.internet", "/nar/abc.nar", False),
        ("/NAR/*", "cache.internet", "/nar/abc.nar", False),
    ],
)
def test_patterns(pattern: str, host: str, path: str, struck: bool) -> None:
    assert Faults(paths=(pattern,)).strike(host, path) is struck
    assert Faults(missing=(pattern,)).hide(host, path) is struck


def test_nothing_is_wrong_by_default() -> None:
    assert Faults() == NO_FAULTS
    assert not NO_FAULTS.hide("cache.internet", "/nix-cache-info")


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("latency", lambda: Faults(latency=-1)),
        ("latency", lambda: Faults(latency=float("nan"))),
        ("latency", lambda: Faults(latency=float("inf"))),
        ("status", lambda: Faults(status=200)),
        ("status", lambda: Faults(status=600)),
        ("truncate", lambda: Faults(truncate=-1)),
    ],
)
def test_nonsense_is_refused(field: str, make: Callable[[], Faults]) -> None:
    with pytest.raises(UsageError, match=field):
        make()
