from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import InputError
from harness.machines.base import MachineSize
from harness.scenario import load_scenario, reader
from harness.scenario.reader import _OPTIONAL, _REQUIRED, read_scenario

Write = Callable[..., Path]
Document = dict[str, Any]

MINIMAL = """\
version: 1
title: A title
system: pocket
edits:
  hosts: {title: a line, file: edits/hosts.nix}
strategies: none
claims:
  - failed: build-miss
"""


def problems(folder: Path, known: tuple[str, ...]) -> list[str]:
    """What is wrong, as line:column: message."""
    with pytest.raises(InputError) as error:
        load_scenario(folder, known)
    start = f"{folder}/scenario.yaml:"
    return [str(p).removeprefix(start) for p in error.value.problems]


def test_every_key_is_read(write: Write, document: Document, known: tuple[str, ...]) -> None:
    assert set(document) == {*_REQUIRED, *_OPTIONAL}, "the example shows the whole format"
    folder = write(document)
    scenario = load_scenario(folder, known)
    assert (scenario.name, scenario.title) == ("example", "A title")
    assert scenario.description == "Two lines\nof text"
    assert scenario.machine == MachineSize(memory=1536, cores=2, disk=4096)
    assert (scenario.patience, scenario.ifd) == (60, False)
    assert scenario.base == folder / "base.nix"
    identical, hosts = scenario.edits
    assert identical.changes_nothing
    assert not hosts.changes_nothing
    assert hosts.check == folder / "checks/test_hosts.py"
    assert hosts.rehearse == folder / "edits/placeholder.nix"
    assert scenario.edit("hosts") is hosts
    assert scenario.matrix.system == ("pocket", "nixos")
    assert scenario.matrix.flags == ("", "--option substitute false")
    assert len(scenario.cells) == 2 * 2 * 2 * 2 * 1 * (2 * 2 - 1) * 2
    assert len(scenario.digest) == 64
    assert "checks/test_hosts.py" in scenario.files


def test_defaults(write: Write, known: tuple[str, ...]) -> None:
    scenario = load_scenario(write(MINIMAL), known)
    assert scenario.machine == MachineSize()
    assert (scenario.patience, scenario.ifd, scenario.description) == (600, False, "")
    assert scenario.base.name == "base.nix"
    assert [cell.id for cell in scenario.cells] == [
        "example/pocket/cached-packages/none/kept/down/nix-build/substitute-false/hosts"
    ]


def test_lines_are_kept(write: Write, known: tuple[str, ...]) -> None:
    scenario = load_scenario(write(MINIMAL), known)
    assert scenario.edits[0].line == 5
    assert scenario.claims[0].line == 8
    claim = scenario.claim(scenario.cells[0])
    assert (claim.line, claim.file) == (8, scenario.file)
    assert scenario.file.endswith("example/scenario.yaml")


def test_files_are_shown_relative_to_the_current_folder(
    write: Write, known: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(MINIMAL)
    monkeypatch.chdir(folder.parent)
    assert load_scenario(Path("example"), known).file == "example/scenario.yaml"


def test_unused_files_are_warnings(write: Write, known: tuple[str, ...]) -> None:
    scenario = load_scenario(write(MINIMAL), known)
    names = [Path(warning.file).name for warning in scenario.warnings]
    assert names == ["test_hosts.py", "identical.nix", "placeholder.nix"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("version: 1", "version: 2", "1:10: version 2 of the format is not known (allowed: 1)"),
        ("version: 1", "version: '1'", "1:10: 'version' must be a number, not text"),
        ("version: 1\n", "", "1:1: a scenario lacks the key 'version'"),
        ("title: A", "titel: A", "2:1: a scenario: unknown key 'titel'; did you mean 'title'?"),
        ("title: A title", "title: 5", "2:8: 'title' must be text, not a number; put it in quotes"),
        ("title: A title", "title:", "2:7: 'title' must be text, not nothing"),
        ("system: pocket", "system: poket", "3:9: unknown value of 'system' 'poket'; did you mean"),
        ("system: pocket", "system: []", "3:9: value of 'system' is an empty list"),
        ("system: pocket", "system: {}", "3:9: value of 'system' must be a list or one word"),
        ("system: pocket", "system: [pocket, pocket]", "3:18: value of 'system': 'pocket' is list"),
        (
            "strategies: none",
            "strategies: non",
            "6:13: unknown strategy 'non'; did you mean",
        ),
        ("strategies: none", "strategies: [none, 5]", "6:20: strategy must be text, not a number"),
        ("strategies: none", "strategies: null", "6:13: strategy must be a list or one word, not"),
        ("  hosts:", "  Hosts:", "5:3: 'Hosts' is not a name"),
        ("  hosts:", '  "a/b":', "5:3: 'a/b' is not a name"),
        ("  hosts:", '  "a\\nb":', "5:3: 'a\\nb' is not a name"),
        ("  hosts:", '  "$(id)":', "5:3: '$(id)' is not a name"),
        ("  hosts:", "  5:", "5:3: a key of 'edits' must be text, not a number; put it in quotes"),
        ("  hosts:", "  all:", "5:3: 'all' means every edit in a claim"),
        ("file: edits/hosts.nix", "file: edits/host.nix", "5:32: 'file' of edit 'hosts' does not"),
        ("file: edits/hosts.nix", "file: ../x.nix", "5:32: 'file' of edit 'hosts' must lie inside"),
        ("title: a line, ", "", "5:10: edit 'hosts' lacks the key 'title'"),
        ("hosts.nix}", "hosts.nix, changes: 'no'}", "5:58: unknown 'changes' of edit 'hosts' 'no'"),
        ("hosts.nix}", "hosts.nix, rehearse: edits/hosts.nix}", "5:59: edit 'hosts' rehearses its"),
        ("hosts.nix}", "hosts.nix, changes: nothing}", "5:3: no edit changes anything"),
        ("strategies: none", "strategies: none\nbase: gone.nix", "7:7: 'base' does not exist"),
        ("strategies: none", "strategies: none\nifd: yes", "7:6: 'ifd' must be true or false, not"),
        (
            "strategies: none",
            "strategies: none\npatience: 0",
            "7:11: 'patience' must be a whole number from 1 to ",
        ),
        (
            "strategies: none",
            "strategies: none\npatience: -5",
            "7:11: 'patience' must be a whole number from 1 to 86400, in decimal digits",
        ),
        ("strategies: none", "strategies: none\npatience: 1.5", "7:11: 'patience' must be a whole"),
        ("strategies: none", "strategies: none\nmachine: {ram: 1}", "7:11: 'machine': unknown key"),
        (
            "strategies: none",
            "strategies: none\nmachine: {boot-loader: true}",
            "7:24: 'boot-loader': only a machine of nixos",
        ),
        (
            "strategies: none",
            "strategies: none\nmachine: {memory: 1}",
            "7:19: 'memory' must be",
        ),
        (
            "strategies: none",
            "strategies: none\nflags: --ofline",
            "7:8: 'flags': unknown flag",
        ),
        ("strategies: none", 'strategies: none\nflags: ["", ""]', "7:13: 'flags': '' is listed tw"),
        ("strategies: none", "strategies: none\nflags: [[a]]", "7:9: 'flags' must be text"),
        ("strategies: none", "strategies: none\nnetwork: gone", "7:10: unknown value of 'network'"),
        ("strategies: none", "strategies: none\ncaches: no", "7:9: unknown value of 'caches' 'no'"),
        ("strategies: none", "strategies: none\ntitle: B", "7:1: duplicate key 'title': first on"),
        ("build-miss", "build-mis", "8:13: unknown cause 'build-mis'; did you mean 'build-miss'?"),
        ("claims:\n  - failed: build-miss\n", "claims: []\n", "7:9: 'claims' is an empty list"),
        ("claims:\n  - failed: build-miss\n", "", "1:1: a scenario lacks the key 'claims'"),
        ("  - failed: build-miss", "  - no", "8:5: a claim must be a mapping, not text"),
    ],
)
def test_faults_have_places_and_advice(
    write: Write, known: tuple[str, ...], old: str, new: str, expected: str
) -> None:
    assert old in MINIMAL
    found = problems(write(MINIMAL.replace(old, new, 1)), known)
    assert any(problem.startswith(expected) for problem in found), found


@pytest.mark.parametrize("root", ["[]", "text", "5", "~", "- a: 1"])
def test_the_root_must_be_a_mapping(write: Write, known: tuple[str, ...], root: str) -> None:
    assert problems(write(root), known)[0].startswith("1:1: a scenario must be a mapping")


def test_all_faults_are_found_at_once(write: Write, known: tuple[str, ...]) -> None:
    text = MINIMAL.replace("title: A", "titel: A").replace("hosts.nix", "gone.nix")
    text = text.replace("build-miss", "miss")
    text += "patience: soon\nifd: maybe\nmachine: {cores: 0}\n"
    found = problems(write(text), known)
    lines = [int(problem.split(":")[0]) for problem in found]
    assert lines == [1, 2, 5, 8, 9, 10, 11]
    words = ["'title'", "'titel'", "'file'", "'miss'", "'patience'", "'ifd'", "'cores'"]
    assert all(word in problem for word, problem in zip(words, found, strict=True))


def test_faults_of_claims_are_found_with_those_of_other_keys(
    write: Write, known: tuple[str, ...]
) -> None:
    text = MINIMAL.replace("title: A title", "title: 5").replace("build-miss", "miss")
    assert [problem.split(":")[0] for problem in problems(write(text), known)] == ["2", "8"]


@pytest.mark.parametrize("name", ["Example", "a b", "x_y", "-a"])
def test_the_folder_is_the_name(write: Write, known: tuple[str, ...], name: str) -> None:
    assert "the folder's name" in problems(write(MINIMAL, name), known)[0]


def test_a_missing_base_is_a_fault(write: Write, known: tuple[str, ...]) -> None:
    folder = write(MINIMAL)
    (folder / "base.nix").unlink()
    assert problems(folder, known) == ["1:1: 'base' does not exist: 'base.nix'"]


def test_a_link_out_of_the_folder_is_a_fault(write: Write, known: tuple[str, ...]) -> None:
    folder = write(MINIMAL)
    (folder / "edits" / "secret").symlink_to("/etc/passwd")
    assert "the link leads out" in problems(folder, known)[0]


def test_the_matrix_is_bounded(
    write: Write, document: Document, known: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MAX_CELLS", 100)
    assert "has 128 cells, more than 100" in problems(write(document), known)[0]


values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-5, 5),
        st.sampled_from(["", "all", "none", "built", "hosts", "build-miss", "x/y", "--offline"]),
        st.text(max_size=4),
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=4,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([*_REQUIRED, *_OPTIONAL]), values)
def test_any_value_anywhere_gives_a_scenario_or_problems(
    write: Write, document: Document, known: tuple[str, ...], key: str, value: object
) -> None:
    scenario, faults = read_scenario(write({**document, key: value}), known)
    assert (scenario is None) == bool(faults)
    if scenario is not None:
        assert [scenario.claim(cell) for cell in scenario.cells]
