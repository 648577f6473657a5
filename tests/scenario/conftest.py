"""A small valid scenario on disk, and a way to write others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STRATEGIES = ("none", "keep-outputs", "include-build-dependencies", "mirror")

Write = Callable[..., Path]


@pytest.fixture
def known() -> tuple[str, ...]:
    return STRATEGIES


@pytest.fixture
def document() -> dict[str, Any]:
    """Every key of the format, once."""
    return {
        "version": 1,
        "title": "A title",
        "description": "Two lines\nof text",
        "system": ["pocket", "nixos"],
        "machine": {"memory": 1536, "cores": 2, "disk": 4096},
        "patience": 60,
        "base": "base.nix",
        "ifd": False,
        "edits": {
            "identical": {
                "title": "nothing changed",
                "file": "edits/identical.nix",
                "changes": "nothing",
            },
            "hosts": {
                "title": "a line",
                "file": "edits/hosts.nix",
                "check": "checks/test_hosts.py",
                "rehearse": "edits/placeholder.nix",
            },
        },
        "strategies": ["none", "keep-outputs"],
        "provisions": ["built", "copied"],
        "caches": ["kept", "wiped"],
        "network": "down",
        "commands": ["nix-build", "nix"],
        "flags": ["", "--option substitute false"],
        "exclude": [{"commands": "nix", "flags": [""], "why": "slow"}],
        "claims": [
            {"rebuilt": ["identical"], "otherwise": "build-miss", "why": "its output exists"},
            {"strategies": "keep-outputs", "provisions": ["built"], "rebuilt": "all"},
            {"flags": "", "caches": ["kept"], "edits": ["hosts"], "failed": "cache-query"},
        ],
    }


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a scenario folder: text, bytes, or data (JSON is YAML), and the files it names."""

    def write_scenario(content: object, name: str = "example") -> Path:
        folder = tmp_path / name
        for file in (
            "base.nix",
            *(f"edits/{edit}.nix" for edit in ("identical", "hosts", "placeholder")),
            "checks/test_hosts.py",
        ):
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{ }\n")
        if isinstance(content, bytes):
            raw = content
        elif isinstance(content, str):
            raw = content.encode()
        else:
            raw = json.dumps(content, indent=1, ensure_ascii=False).encode()
        (folder / "scenario.yaml").write_bytes(raw)
        return folder

    return write_scenario
