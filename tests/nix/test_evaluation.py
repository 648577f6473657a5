"""The parts of an evaluation that need no Nix; the rest is in ``tests/test_rehearse.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ExitCode, UsageError
from harness.nix.evaluation import Configuration, FlakeHost, last_error, nix_path_literal


@pytest.mark.parametrize(
    ("reference", "flake", "attribute"),
    [
        (".#laptop", ".", "nixosConfigurations.laptop"),
        ("#laptop", ".", "nixosConfigurations.laptop"),
        ("github:me/x#nixosConfigurations.a", "github:me/x", "nixosConfigurations.a"),
        ('/etc/nixos#"a.b"', "/etc/nixos", 'nixosConfigurations."a.b"'),
    ],
)
def test_hosts_of_flakes(reference: str, flake: str, attribute: str) -> None:
    assert FlakeHost.parse(reference) == FlakeHost(flake, attribute)


@pytest.mark.parametrize("reference", [".#", "#", ".#nixosConfigurations."])
def test_a_flake_without_a_host(reference: str) -> None:
    with pytest.raises(UsageError, match="names no host") as caught:
        FlakeHost.parse(reference)
    assert caught.value.exit_code is ExitCode.USAGE


def test_any_file_name_becomes_a_path_expression() -> None:
    assert nix_path_literal(Path('/a b/${x}"\\.nix')) == '(/. + "/a b/\\${x}\\"\\\\.nix")'


def test_search_entries_are_handed_on() -> None:
    command = Configuration(None, ("nixpkgs=/n", "nixos-config=/c.nix")).base()
    assert command[command.index("-I") + 1] == "nixpkgs=/n"
    assert command.count("-I") == 2
    assert "<nixos-config>" in command[-1]


@pytest.mark.parametrize(
    ("stderr", "line"),
    [
        ("error: first\n  at x\nerror: the cause\n(use '--show-trace')\n", "the cause"),
        (
            "error:\n   … while evaluating\n\n       error: undefined variable\n",
            "undefined variable",
        ),
        ("nothing known\n", "nothing known"),
        ("", "no message"),
    ],
)
def test_the_line_that_says_most(stderr: str, line: str) -> None:
    assert last_error(stderr) == line
