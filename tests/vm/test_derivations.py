"""Our reader of ``.drv`` files against the machine's own Nix, on all that the pocket system has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.embedded import Embedded
from harness.nix.derivation import ENCODING, parse_derivation, write_derivation
from harness.nix.store import Store
from harness.plan import plan
from harness.scenario import Selection, load_scenario
from harness.strategies import registry
from harness.systems import base as systems
from tests.nix.shown import assert_as_shown

pytestmark = pytest.mark.vm

SCENARIO = Path(__file__).parents[2] / "scenarios" / "rehearsed-ifd"


def test_every_derivation_of_the_pocket_system_is_what_nix_shows(tmp_path: Path) -> None:
    scenario = load_scenario(SCENARIO, registry())
    whole = plan([scenario], Selection(provisions=("cached-packages",), strategies=("rehearsed",)))
    experiment = (prepared := Embedded().prepare(whole, tmp_path, print)).open(
        "derivations", whole.groups[0]
    )
    machine = experiment.machine
    try:
        experiment.prepare()
        experiment.provision("cached-packages", prepared.published(whole.groups[0]), {})
        edits = {
            edit.name: [systems.BASE, systems.module(f"edits/{edit.file.name}")]
            for edit in scenario.edits
        }
        systems.evaluate_targets(machine, experiment.system.tree, edits)
        texts = Store(machine).all_derivations()
        shown = json.loads(
            machine.succeed("find /nix/store -maxdepth 1 -name '*.drv' | xargs nix derivation show")
        )
    finally:
        experiment.close()
    assert len(shown) > 50  # the edits' own among them
    assert texts.keys() == shown.keys()
    for path, text in texts.items():
        derivation = parse_derivation(text, origin=path)
        assert_as_shown(derivation, shown[path])
        assert write_derivation(derivation).encode(*ENCODING) == text.encode(*ENCODING)
