from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from harness.errors import Problem
from harness.scenario import folder as folders
from harness.scenario.document import Sheet
from harness.scenario.folder import Contents, file_named, survey, unused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "example"
    (root / "edits").mkdir(parents=True)
    (root / "base.nix").write_text("{ }")
    (root / "edits" / "hosts.nix").write_text("{ }")
    return root


def look(folder: Path) -> Contents:
    problems: list[Problem] = []
    contents = survey(folder, problems)
    assert not problems
    return contents


def refusal(folder: Path) -> str:
    problems: list[Problem] = []
    survey(folder, problems)
    assert len(problems) == 1
    return str(problems[0])


def test_files_are_listed_in_order(folder: Path) -> None:
    assert look(folder).files == ("base.nix", "edits/hosts.nix")


def test_digest_is_of_the_content_and_not_of_the_place(folder: Path, tmp_path: Path) -> None:
    before = look(folder)
    assert before == look(folder)
    assert look(folder.rename(tmp_path / "other")) == before


CHANGES: dict[str, Callable[[Path], object]] = {
    "content": lambda f: (f / "base.nix").write_text("{  }"),
    "new file": lambda f: (f / "new").write_text(""),
    "moved bytes": lambda f: (
        (f / "base.nix").write_text("{ }{"),
        (f / "edits" / "hosts.nix").write_text(" }"),
    ),
    "renamed": lambda f: (f / "base.nix").rename(f / "base2.nix"),
    "executable": lambda f: (f / "base.nix").chmod(0o755),
    "link": lambda f: (f / "link").symlink_to("base.nix"),
    "link to a folder": lambda f: (f / "link").symlink_to("edits"),
    "loop of links": lambda f: (f / "loop").symlink_to("loop"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_digest_notices(folder: Path, change: str) -> None:
    before = look(folder).digest
    CHANGES[change](folder)
    assert look(folder).digest != before


def test_droppings_are_no_part_of_it(folder: Path) -> None:
    before = look(folder)
    for name in ("__pycache__/x.pyc", ".git/config", ".base.nix.swp", "edits/hosts.nix~"):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    assert look(folder) == before


def test_a_link_must_not_lead_out(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (folder / "edits" / "link").symlink_to("../../secret")
    assert refusal(folder).endswith(
        "edits/link:1:1: cannot be part of a scenario: the link leads out of the scenario's folder"
    )


def test_a_sibling_with_the_same_beginning_is_outside(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "example-2").mkdir()
    (folder / "link").symlink_to("../example-2")
    assert "leads out" in refusal(folder)


def test_a_pipe_is_refused_and_not_read(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert "neither a file" in refusal(folder)


def test_sizes_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "MAX_BYTES", 4)
    assert "more than 0 MiB" in refusal(folder)
    monkeypatch.setattr(folders, "MAX_BYTES", 1000)
    monkeypatch.setattr(folders, "MAX_FILES", 1)
    assert "more than 1 files" in refusal(folder)


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ("edits/gone.nix", "does not exist"),
        ("/etc/passwd", "must lie inside"),
        ("../secret.nix", "must lie inside"),
        ("edits/../base.nix", "must lie inside"),
        ("edits", "must be a .nix file"),
        ("folder.nix", "is not a regular file"),
        ("pipe.nix", "is not a regular file"),
        ("link.nix", "leads out"),
        ("linked/secret.nix", "leads out"),
        ("loop.nix", "cannot be read (Too many levels of symbolic links)"),
        ("base.nix/x.nix", "cannot be read (Not a directory)"),
        ("a b.nix", "must consist of letters"),
        ("$(x).nix", "must consist of letters"),
        ("a\nb.nix", "must consist of letters"),
        ("'.nix", "must consist of letters"),
        (".hidden.nix", "must consist of letters"),
        ("a" * 300 + ".nix", "must consist of letters"),
        ("", "must consist of letters"),
    ],
)
def test_files_that_cannot_be_named(folder: Path, tmp_path: Path, named: str, says: str) -> None:
    (tmp_path / "secret.nix").write_text("x")
    (folder / "folder.nix").mkdir()
    os.mkfifo(folder / "pipe.nix")
    (folder / "link.nix").symlink_to("../secret.nix")
    (folder / "linked").symlink_to("..")
    (folder / "loop.nix").symlink_to("loop.nix")
    sheet = Sheet("f.yaml")
    assert file_named(sheet, _text(named), "'file'", folder, ".nix") is None
    assert len(sheet.problems) == 1
    assert says in sheet.problems[0].message
    assert "\n" not in sheet.problems[0].message


def _text(value: str) -> yaml.Node:
    mark = yaml.Mark("f", 0, 0, 0, None, 0)
    return yaml.ScalarNode("tag:yaml.org,2002:str", value, mark, mark, style='"')


def test_a_link_inside_may_be_named(folder: Path) -> None:
    (folder / "edits" / "same.nix").symlink_to("hosts.nix")
    sheet = Sheet("f.yaml")
    assert file_named(sheet, _text("edits/same.nix"), "'file'", folder, ".nix")
    assert not sheet.problems


def test_unused_edits_and_checks_are_pointed_out(folder: Path) -> None:
    (folder / "checks").mkdir()
    for name in ("checks/test_x.py", "checks/conftest.py", "edits/motd.txt"):
        (folder / name).write_text("")
    warnings = unused(folder, look(folder), [folder / "base.nix"])
    assert [Path(w.file).name for w in warnings] == ["test_x.py", "hosts.nix"]
