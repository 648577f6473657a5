"""What ``nix derivation show`` prints, held against what we read from the same ``.drv`` file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.nix.derivation import Derivation


def assert_as_shown(derivation: Derivation, fields: Mapping[str, Any]) -> None:
    """Every field of the JSON form of Nix 2.3 to 2.31 says what *derivation* says."""
    assert derivation.env == fields["env"]
    assert list(derivation.args) == fields["args"]
    assert (derivation.builder, derivation.platform) == (fields["builder"], fields["system"])
    assert derivation.input_sources == set(fields["inputSrcs"])
    taken = {key: set(one.outputs) for key, one in derivation.input_derivations.items()}
    # A list of names, and from Nix 2.17 on an object that has it.
    assert taken == {
        key: set(one["outputs"] if isinstance(one, dict) else one)
        for key, one in fields["inputDrvs"].items()
    }
    outputs = derivation.outputs
    shown = fields["outputs"]
    assert {name: out.path for name, out in outputs.items()} == {
        name: out["path"] for name, out in shown.items()
    }
    fixed = {name: out.digest for name, out in outputs.items() if out.digest}
    assert fixed == {name: out["hash"] for name, out in shown.items() if "hash" in out}
