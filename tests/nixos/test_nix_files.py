"""The Nix files, evaluated: on the stand-in, and on a real nixpkgs where NIXPKGS is its path.

The stand-in knows the options and packages that our files use, from the real modules, and refuses
all others, as NixOS does.  Everything happens in a private store; nothing is built.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.internet.node import PROXY_PORT
from harness.nixos_tier import SUPPORTED
from harness.scenario import load_scenario
from harness.strategies import registry
from harness.systems.nixos.system import NIX_FILES

ROOT = Path(__file__).parents[2]
MAKE = Path(__file__).parent / "mk.nix"
NIXPKGS = os.environ.get("NIXPKGS", "")
SHIPPED = ["nixos-smoke", "nixos-edits", "nixos-bootloader", "nixos-ifd"]
IMPORTS = "nixos-ifd"  # evaluates to its end only where what it imports may be built

Evaluate = Callable[..., Any]


class RefusedError(Exception):
    """Nix did not evaluate it."""


@pytest.fixture(scope="module", params=["standin", pytest.param("nixpkgs", id="real-nixpkgs")])
def evaluate(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Evaluate:
    """Evaluate an attribute of mk.nix to JSON, or with *drv* to a .drv file that is written.

    An attribute that is a function is called with *argument*.
    """
    if request.param == "nixpkgs" and not NIXPKGS:
        pytest.skip("NIXPKGS names no nixpkgs")
    # A nixpkgs that lies in a store is evaluated with that store: nothing has to be copied.
    inside = "NIX_STORE_DIR" in os.environ and request.param == "nixpkgs"
    env = dict(os.environ) if inside else private_store(tmp_path_factory.mktemp("nix"))
    path = NIXPKGS if request.param == "nixpkgs" else standin(tmp_path_factory.mktemp("standin"))

    def evaluate(attribute: str, argument: str = "", *, drv: bool = False) -> Any:
        how = [] if drv else ["--eval", "--strict", "--json", "--read-write-mode"]
        how += ["--option", "allow-import-from-derivation", "false"]  # as on Hydra
        text = f'(import {MAKE} {{ nixpkgs = "{path}"; }}).{attribute} {argument}'
        done = subprocess.run(
            ["nix-instantiate", *how, "-E", text],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RefusedError(done.stderr)
        return done.stdout.split() if drv else json.loads(done.stdout)

    return evaluate


def standin(folder: Path) -> Path:
    """The stand-in as one folder that can be copied into a store, as a nixpkgs can."""
    shutil.copytree(Path(__file__).parent / "standin", folder, dirs_exist_ok=True)
    shutil.copytree(ROOT / "harness/systems/pocket/tree/lib", folder / "pocket-lib")
    return folder


def private_store(folder: Path) -> dict[str, str]:
    """An environment in which Nix has nothing but *folder*."""
    places = {f"NIX_{name}_DIR": str(folder / name.lower()) for name in ("STORE", "STATE", "LOG")}
    settings = "build-users-group =\nexperimental-features = nix-command flakes\nsubstituters =\n"
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NIX_REMOTE": "local",
        "NIX_CONF_DIR": str(folder),
        "NIX_CONFIG": settings,
        **places,
    }


@pytest.mark.parametrize(
    "file",
    [
        *sorted(NIX_FILES.glob("*.nix")),
        *sorted(ROOT.glob("*.nix")),
        *sorted(ROOT.glob("scenarios/nixos*/**/*.nix")),
        ROOT / "scenarios/nixos.nix",
    ],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_file_parses(file: Path) -> None:
    words = ["nix-instantiate", "--parse", str(file)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "attribute",
    [
        "small.keep-outputs",
        "small.rehearsed",
        "real",
        "bootLoader",
        "copied",
        "host",
        "smoke",
        "run",
    ],
)
def test_a_test_becomes_a_derivation(evaluate: Evaluate, attribute: str) -> None:
    [drv] = evaluate(attribute, drv=True)
    assert Path(drv.split("!")[0]).exists()


def test_the_flake_offers_what_it_promises(evaluate: Evaluate) -> None:
    flake = evaluate("flake")
    assert {"apps", "checks", "hydraJobs", "legacyPackages", "lib", "nixosModules", "packages"} == {
        *flake["names"]
    }
    assert flake["module"] is True
    assert flake["program"] is True
    assert flake["smoke"] == flake["job"] == flake["matrix"] != flake["own"]
    assert "offline-rebuild-harness" in flake["package"]


def test_strategies_and_network_models_make_different_tests(evaluate: Evaluate) -> None:
    attributes = ["small.keep-outputs", "small.rehearsed", "real", "copied"]
    drvs = [drv for attribute in attributes for drv in evaluate(attribute, drv=True)]
    assert len(set(drvs)) == len(attributes)


@pytest.mark.parametrize(
    ("attribute", "complaint"),
    [
        ("built", "cannot provide built, only cached-all, copied"),
        ("neither", "needs `base` or `nixosConfiguration`"),
        ("misspelt", "The option `networking.hostNam' does not exist"),
        ("notARealSetting", "memorySize"),
    ],
)
def test_what_makes_no_sense_is_refused(evaluate: Evaluate, attribute: str, complaint: str) -> None:
    with pytest.raises(RefusedError, match=complaint):
        evaluate(attribute, drv=True)


def test_the_machine_is_fit_for_checkpoints_and_collections(evaluate: Evaluate) -> None:
    machine = evaluate("machine")
    assert machine["sharedDirectories"] == {}, "QEMU saves no state with a 9p share mounted"
    assert "-snapshot" in machine["options"]
    assert machine["networkingOptions"] == [], "the only card leads to the internet node"
    assert machine["mountHostNixStore"] is False
    assert machine["useNixStoreImage"] is True
    assert machine["writableStoreUseTmpfs"] is False
    assert machine["references"] is False, "what the script names must not be in the machine"
    assert machine["restartIfChanged"] is False, "a switch must not close the driver's door"
    assert machine["switch"] is True
    assert machine["substituters"] == ["http://cache.internet"]
    assert machine["hashed-mirrors"] is None
    assert [place["address"] for place in machine["network"]] == ["192.168.1.2"]


def test_python_and_nix_agree(evaluate: Evaluate) -> None:
    assert evaluate("supported") == {model: list(names) for model, names in SUPPORTED.items()}
    assert evaluate("settings")["proxyPort"] == PROXY_PORT


def test_the_table_of_shipped_scenarios_is_right(evaluate: Evaluate) -> None:
    for name, told in evaluate("shipped").items():
        scenario = load_scenario(ROOT / "scenarios" / name, registry())
        assert told["edits"] == [edit.name for edit in scenario.edits]
        assert set(told["strategies"]) <= set(scenario.matrix.strategies)
        assert set(map(str, scenario.matrix.provisions)) & set(SUPPORTED["hermetic"])
        assert told.get("machine", {}).get("bootLoader", False) == scenario.machine.boot_loader


def test_a_generated_scenario_is_a_valid_one(evaluate: Evaluate, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    for part in ("edits", "checks"):
        (folder / part).mkdir(parents=True)
    (folder / "scenario.yaml").write_text(evaluate("scenarioText"))
    (folder / "base.nix").write_text("{ }")
    (folder / "edits/hosts.nix").write_text("{ }")
    (folder / "checks/test_hosts.py").write_text("")
    scenario = load_scenario(folder, registry())
    assert [str(scenario.claim(key)) for key in scenario.cells] == ["rebuilt"]
    assert scenario.patience == 900


def test_rehearsal_results_become_part_of_the_system(evaluate: Evaluate) -> None:
    kept = evaluate("rehearsal.system.extraDependencies")
    assert len(kept) == 2
    assert any("hello" in path for path in kept)
    assert any("curl" in path for path in kept)
    assert evaluate("rehearsal.nix.settings.keep-outputs") is True


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != IMPORTS])
def test_every_edit_evaluates_and_changes_the_system(evaluate: Evaluate, name: str) -> None:
    folder = ROOT / "scenarios" / name
    drvs = evaluate("scenario", str(folder))
    scenario = load_scenario(folder, registry())
    for edit in scenario.edits:
        same = drvs[f"{edit.name}.nix"] == drvs["base"]
        assert same == edit.changes_nothing, edit.name


def test_what_imports_from_a_derivation_evaluates_up_to_there(evaluate: Evaluate) -> None:
    """The list of references, of which Nix speaks then, is made from the whole system."""
    scenario = load_scenario(ROOT / "scenarios" / IMPORTS, registry())
    found = {"base": references(evaluate, scenario.folder, "null")}
    for edit in scenario.edits:
        found[edit.name] = references(evaluate, scenario.folder, f'"{edit.name}.nix"')
        assert (found[edit.name] == found["base"]) == edit.changes_nothing, edit.name


def references(evaluate: Evaluate, folder: Path, edit: str) -> str:
    """The derivation that makes the list of references, which evaluation asks for."""
    with pytest.raises(RefusedError) as refused:
        evaluate("edited", f"{folder} {edit}")
    words = str(refused.value)
    told = re.search(r"cannot build '(\S+-references\.nix\.drv)\S*' during evaluation", words)
    assert told is not None, words
    return told[1]
