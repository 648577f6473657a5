"""The measurements of graphs: what is measured is right, and small enough for a test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.bench import graphs


@pytest.mark.skipif(shutil.which("nix") is None, reason="there is no Nix on this host")
def test_every_measurement_comes_with_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphs, "_SYSTEM", 60)
    monkeypatch.setattr(graphs, "_REPEATS", 1)
    found = {one.name: one for one in graphs.measure(tmp_path, lambda _text: None)}
    assert len(found) == 4
    assert all(one.value > 0 for one in found.values())
    assert [one.goal for one in found.values() if one.goal] == ["< 3 s", "<= 500 MiB", "< 1 x"]


def test_without_nix_there_is_nothing_to_compare_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _program: None)
    said: list[str] = []
    assert len(list(graphs.measure(tmp_path, said.append))) == 2
    assert said[-1] == "there is no Nix on this host to compare with"
