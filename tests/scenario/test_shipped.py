"""The scenarios that ship, against the measured facts that they claim."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.process import run
from harness.results import Cause, Verdict
from harness.scenario import NO_STRATEGY, Scenario, discover, load_scenario
from harness.strategies import registry

ROOT = Path(__file__).parent.parent.parent
SCHEMA = ROOT / "harness" / "scenario" / "scenario.schema.json"
SHIPPED = ("flags", "ifd", "ifd-known-tools", "smoke", "strategies")


def shipped(name: str) -> Scenario:
    return load_scenario(ROOT / "scenarios" / name, registry())


def test_these_ship() -> None:
    assert set(SHIPPED) <= {folder.name for folder in discover(ROOT / "scenarios")}


@pytest.mark.parametrize("folder", discover(ROOT / "scenarios"), ids=lambda folder: folder.name)
def test_both_the_schema_and_the_harness_accept(folder: Path) -> None:
    tool = Path(sys.executable).with_name("check-jsonschema")
    run([tool, "--schemafile", SCHEMA, folder / "scenario.yaml"])
    scenario = load_scenario(folder, registry())
    assert not scenario.warnings
    assert all(edit.check for edit in scenario.edits), "an edit without a check asserts nothing"


#: For every provision and strategy the fate of the edits in their order, measured by hand with
#: Nix 2.8.0, 2.26.3 and 2.34.8: P is rebuilt.
TWELVE, NINE, FIVE, ONE = "PPPPPPPPPPPP..", "PPPPPPPPP.....", "P.PP.P.P......", "P............."
TWO = "P..P.........."
MEASURED = {
    "none": (ONE, ONE, ONE, ONE),
    "keep-derivations": (ONE, ONE, ONE, ONE),
    "keep-outputs": (TWELVE, NINE, FIVE, ONE),
    "keep-outputs-realised": (TWELVE,) * 4,
    "include-build-dependencies": (TWELVE,) * 4,
    "extra-dependencies": (TWO,) * 4,
    "pin-sources": (TWELVE,) * 4,
    "bundle-recipe": (ONE,) * 4,
    "bundle-full": (TWELVE,) * 4,
    "derivation-json": (ONE,) * 4,
    "mirror": (TWELVE,) * 4,
}
EDITS = [
    *("identical", "hosts", "hostname", "motd", "service", "editor", "initrd"),
    *("add-runtime-package", "add-build-package", "patch-program", "patch-library"),
    *("change-stdenv", "new-package", "bump-version"),
]


def test_strategies_claims_what_was_measured() -> None:
    scenario = shipped("strategies")
    assert list(scenario.matrix.edits) == EDITS
    assert list(scenario.matrix.provisions) == ["built", "cached-packages", "cached-all", "copied"]
    claimed: dict[tuple[str, str], str] = {}
    for key in scenario.matrix.combinations(scenario.name):  # those that are left out too
        claim = scenario.claim(key)
        assert claim.cause in {None, Cause.BUILD_MISS}
        fate = "P" if claim.verdict is Verdict.REBUILT else "."
        at = key.strategy, key.provision
        claimed[at] = claimed.get(at, "") + fate
    assert claimed == {
        (strategy, provision): fates
        for strategy, row in MEASURED.items()
        for provision, fates in zip(scenario.matrix.provisions, row, strict=True)
    }
    assert len(scenario.cells) == 11 * (14 + 3 * 10)


def test_flags_claims_what_was_measured() -> None:
    scenario = shipped("flags")
    fates = {
        (k.network, k.command, k.flags, k.caches): str(scenario.claim(k)) for k in scenario.cells
    }
    for (network, command, flags, caches), fate in fates.items():
        if flags == "--offline":
            assert fate == ("failed: unsupported-flag" if command == "nix-build" else "rebuilt")
        elif flags:
            assert fate == "rebuilt"
        elif network == "blackhole":
            assert fate == "failed: stalled"
        elif caches == "wiped" or (command == "nix" and network in {"down", "no-interface"}):
            assert fate == "rebuilt"
        else:
            assert fate == "failed: cache-query"
    for network in scenario.matrix.network:
        assert fates[network, "nix-build", "", "kept"] != "rebuilt"
        for command in ("nix-build", "nix"):
            assert fates[network, command, "--option substitute false", "kept"] == "rebuilt"
    slow = [
        at for at in fates if at[0] in {"dns-dead", "blackhole"} and at[2] in {"", "--fallback"}
    ]
    assert len(slow) == 2, "each takes about a minute or more"


def test_ifd_claims_that_evaluation_fails_everywhere() -> None:
    scenario = shipped("ifd")
    assert scenario.ifd
    assert {str(scenario.claim(key)) for key in scenario.cells} == {"failed: evaluation-fetch"}
    assert len(scenario.cells) == 6 * (4 + 3 * 2)


def test_an_import_made_with_known_tools_is_lost_by_no_strategy() -> None:
    scenario = shipped("ifd-known-tools")
    assert scenario.ifd
    for key in scenario.cells:
        expected = "failed: evaluation-fetch" if key.strategy == NO_STRATEGY else "rebuilt"
        assert str(scenario.claim(key)) == expected, key.id


def test_smoke_is_small_and_has_cells_that_must_fail() -> None:
    scenario = shipped("smoke")
    fates = [(key.strategy, scenario.claim(key).verdict) for key in scenario.cells]
    assert 6 <= len(fates) <= 12
    assert (NO_STRATEGY, Verdict.FAILED) in fates
    assert ("keep-outputs", Verdict.REBUILT) in fates
