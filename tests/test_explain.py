"""``harness explain``: on stores that no Nix made, so that it works without one."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.nix import explanation
from tests.nix.fake_store import FakeStore
from tests.nix.toys import EDIT_SOURCES, SYSTEM, path

RUNTIME = ("top1-out", "etc1-out", "prog-out", "lib-out")
BASE, NEXT = path("top1.drv"), path("top2.drv")
SCHEMA = Path(explanation.__file__).with_name("explanation.schema.json")

Explain = Callable[..., int]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStore:
    """A system that came from a cache, after a collection; no Nix is on the PATH."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("PATH", str(tmp_path))
    made = FakeStore(tmp_path)
    made.write(SYSTEM)
    made.register([*RUNTIME, *EDIT_SOURCES])
    return made


@pytest.fixture
def explain(store: FakeStore) -> Explain:
    def run(*words: str) -> int:
        return main(["explain", *(words or (BASE, NEXT)), *store.options])

    return run


def test_says_what_is_missing_and_touches_nothing(
    explain: Explain, store: FakeStore, capsys: pytest.CaptureFixture[str]
) -> None:
    before = store.everything()
    assert explain() == 0
    assert store.everything() == before
    assert capsys.readouterr().out.splitlines() == [
        "the build stops: 1 path is missing, nearest to the edit first:",
        "  tool-out: never here: what it was needed for came from a cache",
        "    needed by top2",
        "the edit itself rebuilds 2 derivations (top2, etc2), as expected",
    ]


def test_json_is_as_the_schema_says(
    explain: Explain, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(BASE, NEXT, "--format", "json") == 0
    printed = capsys.readouterr().out
    shown: dict[str, Any] = json.loads(printed)
    assert (shown["base"], shown["next"], shown["phase"]) == (BASE, NEXT, "build-miss")
    assert shown["missing"][0]["why"] == "never-here"
    file = tmp_path / "explanation.json"
    file.write_text(printed)
    assert check_schema(file) == 0
    del shown["missing"][0]["why"]
    file.write_text(json.dumps(shown))
    assert check_schema(file) == 1


def check_schema(file: Path) -> int:
    tool = Path(sys.executable).with_name("check-jsonschema")
    command = [str(tool), "--schemafile", str(SCHEMA), str(file)]
    return subprocess.run(command, check=False, capture_output=True).returncode


def test_takes_files_of_a_mounted_store_and_outputs_with_a_known_deriver(
    explain: Explain, store: FakeStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain() == 0
    expected = capsys.readouterr().out
    (tmp_path / "root").symlink_to(store.file("top1.drv"))
    assert explain(str(tmp_path / "root"), str(store.file("top2.drv"))) == 0
    assert capsys.readouterr().out == expected
    store.register(["top2-out"], derivers={"top2-out": "top2"})
    assert explain(BASE, path("top2-out")) == 2  # the deriver itself is not valid
    assert "which is not here" in capsys.readouterr().err
    store.register(["top2.drv"])
    assert explain(BASE, path("top2-out")) == 0
    assert "the edited system is in the store already" in capsys.readouterr().out


def test_says_what_an_evaluation_lacks(
    explain: Explain, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(BASE, path("tool.drv"), "--imported", "--format", "json") == 0
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert shown["phase"] == "evaluation-fetch"
    assert [(one["name"], one["why"]) for one in shown["missing"]] == [("tool", "imported")]


def test_sizes_come_from_a_cache_and_from_what_nix_remembers(
    explain: Explain, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = path("tool-out")
    digest = tool[11:43]
    cache = tmp_path / "cache"
    cache.mkdir()
    narhash = "sha256:" + "0" * 52
    (cache / f"{digest}.narinfo").write_text(
        f"StorePath: {tool}\nURL: nar/x.nar\nNarHash: {narhash}\nNarSize: 4321\n"
    )
    for place in (str(cache), cache.as_uri()):
        assert explain(BASE, NEXT, "--cache", place) == 0
        assert "4.3 kB" in capsys.readouterr().out
    remembered = tmp_path / "caches" / "nix"
    remembered.mkdir(parents=True)
    with closing(sqlite3.connect(remembered / "binary-cache-v6.sqlite")) as connection:
        connection.execute("create table NARs (hashPart text, narSize integer, present integer)")
        connection.execute("insert into NARs values (?, 8765, 1)", (digest,))
        connection.commit()
    assert explain() == 0
    assert "8.8 kB" in capsys.readouterr().out


def test_a_cache_that_does_not_answer_is_no_reason_to_say_nothing(
    explain: Explain, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for cache in ("http://127.0.0.1:9", str(tmp_path / "nowhere")):
        assert explain(BASE, NEXT, "--cache", cache) == 0
        printed = capsys.readouterr().out
        assert "tool-out: never here" in printed
        assert "some sizes are unknown" in printed
    assert explain(BASE, NEXT, "--cache", "s3://bucket") == 2
    assert "is not a binary cache that can be asked" in capsys.readouterr().err


def test_a_path_that_is_registered_but_not_there_is_missing(
    explain: Explain, store: FakeStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.register(["tool-out"])
    assert explain() == 0
    assert "nothing is missing" in capsys.readouterr().out
    store.file("tool-out").unlink()
    assert explain() == 0
    assert "not on the disk" in capsys.readouterr().out


def damaged(store: FakeStore, *, text: str) -> None:
    store.file("top2.drv").write_text(text)


@pytest.mark.parametrize(
    ("damage", "words", "code", "message"),
    [
        (None, (BASE, BASE), 2, "the same derivation"),
        (None, (NEXT, BASE), 2, "they look swapped"),
        (None, (BASE, path("nothing.drv")), 2, "there is no"),
        (None, (BASE, path("lib-out")), 2, "neither a .drv file nor"),
        ('Derive([("out","', (BASE, NEXT), 4, "top2.drv"),  # cut short
        ("a shopping list", (BASE, NEXT), 4, "top2.drv"),
        (b"\x00\xff".decode("latin-1"), (BASE, NEXT), 4, "top2.drv"),
    ],
)
def test_bad_derivations(
    explain: Explain,
    store: FakeStore,
    capsys: pytest.CaptureFixture[str],
    damage: str | None,
    words: tuple[str, str],
    code: int,
    message: str,
) -> None:
    if damage is not None:
        damaged(store, text=damage)
    assert explain(*words) == code
    printed = capsys.readouterr()
    assert message in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


def test_a_derivation_below_is_missing(
    explain: Explain, store: FakeStore, capsys: pytest.CaptureFixture[str]
) -> None:
    store.file("etc2.drv").unlink()
    assert explain() == 4
    assert "etc2.drv is missing" in capsys.readouterr().err


def test_bad_databases(
    explain: Explain, store: FakeStore, capsys: pytest.CaptureFixture[str]
) -> None:
    schema = store.state / "db" / "schema"
    schema.write_text("7")
    assert explain() == 4
    assert "schema '7'" in capsys.readouterr().err
    schema.write_text("10")
    (store.state / "db" / "db.sqlite").write_bytes(b"no database" * 100)
    assert explain() == 4
    assert "cannot read the Nix database" in capsys.readouterr().err
    assert main(["explain", BASE, NEXT, "--store", str(store.directory), "--state", "/none"]) == 4
    assert "there is no Nix database" in capsys.readouterr().err
