from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import ExitCode, InputError, UsageError
from harness.scenario import discover, find, load_scenario, load_scenarios

Write = Callable[..., Path]

VALID = """\
version: 1
title: A title
system: pocket
edits: {hosts: {title: a line, file: edits/hosts.nix}}
strategies: none
claims: [{failed: build-miss}]
"""


def test_discover_sorts_and_looks_one_level_deep(write: Write, tmp_path: Path) -> None:
    folders = [write(VALID, name) for name in ("b", "a", "c/d")]
    (tmp_path / "notes.txt").write_text("")
    assert discover(tmp_path) == (folders[1], folders[0])


def test_discover_finds_broken_scenarios_too(write: Write, tmp_path: Path) -> None:
    (tmp_path / "folder" / "scenario.yaml").mkdir(parents=True)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "scenario.yaml").symlink_to("gone")
    assert [path.name for path in discover(tmp_path)] == ["folder", "link"]
    with pytest.raises(InputError) as error:
        load_scenarios(discover(tmp_path), ["none"])
    assert [p.message for p in error.value.problems] == [
        "this is a folder; a YAML file is expected here",
        "the file cannot be read: No such file or directory",
    ]


@pytest.mark.parametrize("root", ["gone", "file", "empty"])
def test_no_scenarios_is_a_usage_error(tmp_path: Path, root: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError) as error:
        discover(tmp_path / root)
    assert error.value.exit_code == ExitCode.USAGE
    assert root in error.value.message


def test_problems_of_all_files_come_together(write: Write) -> None:
    one = write(VALID.replace("pocket", "poket"), "one")
    two = write(VALID.replace("build-miss", "miss"), "two")
    three = write(VALID, "three")
    with pytest.raises(InputError) as error:
        load_scenarios([one, two, three], ["none"])
    assert [Path(p.file).parent.name for p in error.value.problems] == ["one", "two"]
    assert error.value.exit_code == ExitCode.USAGE


def test_a_folder_counts_once_and_a_name_too(write: Write, tmp_path: Path) -> None:
    one, other = write(VALID, "one"), write(VALID, "other/one")
    (tmp_path / "link").symlink_to(one)
    assert len(load_scenarios([one, one, tmp_path / "link"], ["none"])) == 1
    with pytest.raises(InputError) as error:
        load_scenarios([one, other], ["none"])
    assert "a scenario named 'one' is already there" in str(error.value)


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        load_scenario(tmp_path / "gone", ["none"])
    assert "gone/scenario.yaml:1:1: the file cannot be read" in str(error.value)


def test_find_takes_names_and_paths(write: Write, tmp_path: Path) -> None:
    smoke = write(VALID, "shipped/smoke")
    flags = write(VALID, "shipped/flags")
    own = write(VALID, "own")
    shipped = tmp_path / "shipped"
    assert find([], shipped) == (flags, smoke)
    assert find(["smoke"], shipped) == (smoke,)
    assert find([str(own), "flags"], shipped) == (own, flags)
    assert find([str(own)], tmp_path / "gone") == (own,), "a path needs no shipped scenarios"


def test_find_offers_the_nearest_name(write: Write, tmp_path: Path) -> None:
    write(VALID, "shipped/smoke")
    with pytest.raises(UsageError) as error:
        find(["smok"], tmp_path / "shipped")
    assert error.value.message == "unknown scenario 'smok'; did you mean 'smoke'? (allowed: smoke)"
