"""What the shipped scenario's configurations evaluate to, as derivations; nothing is built."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.nix.derivation import Derivation, OutputKind, parse_derivation
from harness.process import ProcessError, run
from harness.systems.pocket.system import SHIPPED

pytestmark = pytest.mark.skipif(
    shutil.which("nix-instantiate") is None, reason="Nix is not installed on this host"
)

SCENARIO = Path(__file__).parents[2] / "scenarios" / "strategies"
EDITS = sorted(path.stem for path in (SCENARIO / "edits").glob("*.nix"))
#: What the edits need that no one has before: the sources of these derivations.
NEW_SOURCES = {"new-package": {"cowsay-3.8.4.tar"}, "bump-version": {"hello-2.12.2.tar"}}


def name(path: str) -> str:
    """The name of a derivation, from the path of its .drv file."""
    return path.removeprefix("/nix/store/")[33:].removesuffix(".drv")


class Evaluation:
    """The pocket tree with a made-up seed, and a store of its own for the .drv files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.tree = folder / "pocket"
        shutil.copytree(SHIPPED / "tree", self.tree)
        pin = {"url": "http://mirror.internet/seed", "hash": "sha256-" + "A" * 43 + "="}
        (self.tree / "seed.json").write_text(json.dumps({"busybox": pin, "seed": pin}))

    def instantiate(self, expression: str) -> str:
        """The .drv file of an expression, in which <nixpkgs> is the pocket tree."""
        store = str(self._folder / "root")
        words = ["nix-instantiate", "--store", store, "-I", f"nixpkgs={self.tree}"]
        done = run([*words, "-E", expression], env={"NIX_PATH": ""}, timeout=120)
        return done.stdout.strip().split("!")[0]

    def system(self, *modules: str, attribute: str = "system") -> str:
        """The same of a configuration's system; *modules* are Nix expressions."""
        configuration = f"{{ imports = [ {' '.join(f'({module})' for module in modules)} ]; }}"
        return self.instantiate(
            f"(import <nixpkgs/nixos> {{ configuration = {configuration}; }}).{attribute}"
        )

    def edited(self, edit: str, *modules: str) -> str:
        """The system of the scenario with one of its edits."""
        return self.system(f"{SCENARIO}/base.nix", f"{SCENARIO}/edits/{edit}.nix", *modules)

    def read(self, path: str) -> Derivation:
        """One derivation."""
        return parse_derivation((self._folder / "root" / path.lstrip("/")).read_text("latin-1"))

    def closure(self, path: str) -> dict[str, Derivation]:
        """A derivation with all that it is built from, by path."""
        found: dict[str, Derivation] = {}
        todo = [path]
        while todo:
            here = todo.pop()
            if here not in found:
                found[here] = self.read(here)
                todo.extend(found[here].input_derivations)
        return found

    def sources(self, path: str) -> set[str]:
        """The names of the fixed outputs that it takes to build a derivation."""
        return {
            name(source)
            for source, drv in self.closure(path).items()
            if any(output.kind is OutputKind.FIXED for output in drv.outputs.values())
        }


@pytest.fixture(scope="module")
def pocket(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return Evaluation(tmp_path_factory.mktemp("pocket"))


@pytest.fixture(scope="module")
def base(pocket: Evaluation) -> str:
    return pocket.system(f"{SCENARIO}/base.nix")


def names(pocket: Evaluation, path: str) -> set[str]:
    return set(map(name, pocket.closure(path)))


def test_size(pocket: Evaluation, base: str) -> None:
    assert 40 <= len(pocket.closure(base)) <= 60


@pytest.mark.parametrize("edit", EDITS)
def test_edit_changes_the_system_and_needs_known_sources(
    pocket: Evaluation, base: str, edit: str
) -> None:
    edited = pocket.edited(edit)
    assert (edited == base) == (edit == "identical")
    assert pocket.sources(edited) - pocket.sources(base) == NEW_SOURCES.get(edit, set())


def changed(pocket: Evaluation, base: str, edit: str) -> set[str]:
    """The names of the derivations that an edit makes anew."""
    before = pocket.closure(base)
    after = pocket.closure(pocket.edited(edit))
    return {name(path) for path in after if path not in before}


TOPLEVEL = "nixos-system-pocket-24.11"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ("hosts", {"hosts", "etc", TOPLEVEL}),
        ("hostname", {"etc-hostname", "activate", "etc", "nixos-system-renamed-24.11"}),
        ("motd", {"etc", TOPLEVEL}),
        ("service", {"sshd_config-validated", "etc", TOPLEVEL}),
        ("editor", {"nanorc", "nano-wrapped-8.4", "system-path", "etc", TOPLEVEL}),
        ("initrd", {"initrd", "boot.json", TOPLEVEL}),
        ("add-runtime-package", {"system-path", TOPLEVEL}),
        ("add-build-package", {"system-path", TOPLEVEL}),
        ("patch-program", {"hello-2.12.1", "system-path", TOPLEVEL}),
    ],
)
def test_edit_is_small(pocket: Evaluation, base: str, edit: str, expected: set[str]) -> None:
    assert changed(pocket, base, edit) == expected


def test_library_reaches_what_links_it(pocket: Evaluation, base: str) -> None:
    assert {"zlib-1.3.1", "openssh-9.9p2", "file-5.46"} <= changed(pocket, base, "patch-library")


def test_stdenv_rebuilds_all_but_the_seed(pocket: Evaluation, base: str) -> None:
    kept = names(pocket, base) - changed(pocket, base, "change-stdenv")
    seed = {"busybox-1.37.0", "bootstrap-tools", "musl-1.2.5", "tinycc-wrapper-0.9.27", "seed"}
    assert {one for one in kept if not one.endswith(".tar")} == seed


def test_build_dependencies_take_a_tool_of_their_own(pocket: Evaluation) -> None:
    option = "{ system.includeBuildDependencies = true; }"
    with_jq = pocket.edited("identical", option)
    without = pocket.edited("identical", "{ boot.bootspec.enable = false; }")
    both = pocket.edited("identical", option, "{ boot.bootspec.enable = false; }")
    assert {"closure-info", "jq-1.7.1"} <= names(pocket, with_jq)
    assert "jq-1.7.1" not in names(pocket, without)
    [info] = [drv for path, drv in pocket.closure(both).items() if name(path) == "closure-info"]
    assert without in info.input_derivations
    # All outputs of all that the plain system is built from.
    assert set(pocket.closure(without)) <= set(info.input_derivations)


def test_published_packages_are_all_that_no_configuration_changes(
    pocket: Evaluation, base: str
) -> None:
    listed = pocket.instantiate(
        "derivation { name = ''all''; system = ''x''; builder = ''x'';"
        " all = (import <nixpkgs> { }).publish; }"
    )
    configured = {
        *("activate", "boot.json", "check-sysctl", "etc", "hosts", "initrd", "nanorc"),
        *("nano-wrapped-8.4", "sshd_config-validated", "switch-to-configuration", "system-path"),
        TOPLEVEL,
    }
    missing = set(pocket.closure(base)) - set(pocket.closure(listed))
    found = set(map(name, missing))
    assert {one for one in found if not one.startswith("etc-")} == configured
    assert {"cowsay-3.8.4", "cowsay-3.8.4.tar"} <= names(pocket, listed)


def test_input_derivation_refers_to_every_input(pocket: Evaluation, base: str) -> None:
    kept = pocket.read(pocket.system(f"{SCENARIO}/base.nix", attribute="system.inputDerivation"))
    assert kept.input_derivations == pocket.read(base).input_derivations


@pytest.mark.parametrize(
    ("module", "complaint"),
    [
        ('{ networking.hostname = "x"; }', "option `networking.hostname' does not exist"),
        ('{ networking.hostName = "a b"; }', "option `networking.hostName' is not of type"),
        ("{ services.openssh.ports = [ 70000 ]; }", "is not of type `16 bit unsigned integer"),
        ('{ environment.etc.a.txt = ""; }', "option `environment.etc.a.txt' does not exist"),
        ('{ assertions = [ { assertion = false; message = "no way"; } ]; }', "- no way"),
    ],
)
def test_refused(pocket: Evaluation, module: str, complaint: str) -> None:
    with pytest.raises(ProcessError) as caught:
        pocket.edited("identical", module)
    assert complaint in str(caught.value)


def test_warnings_are_shown_and_do_not_change_the_system(pocket: Evaluation, base: str) -> None:
    assert pocket.edited("identical", '{ warnings = [ "careful" ]; }') == base
