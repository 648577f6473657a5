from __future__ import annotations

import os
import tempfile
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.reports import Redactor
from tests.reports.sample import sample_run

REDACT = Redactor(
    {"/home/ann": "~", "/home/ann/.cache": "$CACHE", "/tmp": "$TMPDIR", "/": "never"},
    ["s3cret-token"],
)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("cannot open /home/ann/x: no", "cannot open ~/x: no"),
        ("'/home/ann/.cache/images/ab'", "'$CACHE/images/ab'"),
        ("/home/ann.", "~."),
        ("/home/ann", "~"),
        ("file:///home/ann/a", "file://~/a"),
        ("PATH=/home/ann/bin:/tmp/b:/bin", "PATH=~/bin:$TMPDIR/b:/bin"),
        ("nix-build -I/home/ann/nixpkgs", "nix-build -I~/nixpkgs"),
        ("/home/anna/x /home/ann-2 /home/ann.old", "/home/anna/x /home/ann-2 /home/ann.old"),
        ("/mnt/home/ann/x and /var/tmp/x", "/mnt/home/ann/x and /var/tmp/x"),
        ("/nix/store/abc-x / //", "/nix/store/abc-x / //"),
        ("Authorization: s3cret-token!", "Authorization: ***!"),
        ("http://bob:pw@cache.invalid/x", "http://bob:***@cache.invalid/x"),
        ("no paths here", "no paths here"),
    ],
)
def test_folders_and_secrets_are_replaced(text: str, redacted: str) -> None:
    assert REDACT(text) == redacted


@given(st.lists(st.sampled_from(["/home/ann", "/tmp", "/.cache", "/", " ", "x", ".", ":"])))
def test_redacting_twice_changes_nothing_more(pieces: list[str]) -> None:
    once = REDACT("".join(pieces))
    assert REDACT(once) == once


def test_the_host_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "project").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "c"))
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_0123456789")
    monkeypatch.setenv("SHORT_TOKEN", "yes")
    monkeypatch.chdir(tmp_path / "project")
    redact = Redactor()
    text = f"{tmp_path}/home/c/i {tmp_path}/home/x {tmp_path}/project/s.yaml ghs_0123456789 yes"
    assert redact(text) == "$CACHE/i ~/x ./s.yaml *** yes"
    assert redact(f"{tempfile.gettempdir()}/h") == "$TMPDIR/h"


def test_a_home_folder_that_is_the_root_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert Redactor()("/nix/store/x") == "/nix/store/x"


def texts(value: object) -> list[str]:
    """Every text in a result."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple | list):
        return [text for item in value for text in texts(item)]
    if isinstance(value, dict):
        return texts([*value.keys(), *value.values()])
    if is_dataclass(value):
        return [text for field in fields(value) for text in texts(getattr(value, field.name))]
    return []


def test_every_text_of_a_run_is_redacted() -> None:
    run = sample_run()
    leak = os.path.join("/home/ann", "secret")  # noqa: PTH118 - a text, not a path
    cell = run.cells[0]
    cell = replace(
        cell,
        message=leak,
        detail=leak,
        log_tail=leak,
        built=(leak,),
        claim=replace(cell.claim, file=leak),
        witnesses=(replace(cell.witnesses[0], evidence=leak),),
    )
    branch = replace(run.branches[0], witnesses=(replace(cell.witnesses[0], evidence=leak),))
    run = replace(run, cells=(cell,), branches=(branch,), facts={"image": leak}, message=leak)
    redacted = REDACT.apply(run)
    assert not [text for text in texts(redacted) if "ann" in text]
    assert sum(text == "~/secret" for text in texts(redacted)) == 9
    assert redacted.cells[0].verdict is cell.verdict
    assert REDACT.apply(sample_run()) == sample_run()
