from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.errors import ExitCode
from harness.nix import database
from harness.nix.closure import runtime_closure
from harness.nix.database import DatabaseError, read_database

#: The columns of Nix's schema 10.
TABLES = """
create table ValidPaths (
    id integer primary key autoincrement not null, path text unique not null, hash text not null,
    registrationTime integer not null, deriver text, narSize integer, ultimate integer,
    sigs text, ca text);
create table Refs (referrer integer not null, reference integer not null,
    primary key (referrer, reference));
"""
APP, LIB, OLD = (f"/nix/store/{digit * 32}-{name}" for digit, name in ("1a", "2b", "3c"))


def add(
    connection: sqlite3.Connection, path: str, size: int | None = None, deriver: str | None = None
) -> None:
    connection.execute(
        "insert into ValidPaths (path, hash, registrationTime, deriver, narSize)"
        " values (?, 'sha256:00', 0, ?, ?)",
        (path, deriver, size),
    )


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Nix's state directory, as a Nix that has ended leaves it: the database is in WAL mode."""
    directory = tmp_path / "a state % ? #" / "db"
    directory.mkdir(parents=True)
    (directory / "schema").write_text("10")
    with closing(sqlite3.connect(directory / "db.sqlite")) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.executescript(TABLES)
        add(connection, APP, 4096, f"{APP}.drv")
        add(connection, LIB, 0)
        add(connection, OLD)
        connection.executemany("insert into Refs values (?, ?)", [(1, 1), (1, 2), (2, 3)])
        connection.commit()
    return directory.parent


@pytest.fixture
def writer(state: Path) -> Iterator[sqlite3.Connection]:
    """A Nix that has the database open."""
    with closing(sqlite3.connect(state / "db" / "db.sqlite")) as connection:
        connection.execute("pragma wal_autocheckpoint = 0")
        yield connection


def test_what_a_store_knows(state: Path) -> None:
    found = read_database(state)
    assert found.paths == {APP, LIB, OLD}
    assert found.nar_sizes == {APP: 4096}  # 0 and null: not recorded
    assert found.derivers == {APP: f"{APP}.drv"}
    assert set(found.references(APP)) == {APP, LIB}
    assert found.references(OLD) == ()
    assert runtime_closure([APP], found.references) == {APP, LIB, OLD}


def test_a_path_that_is_not_valid(state: Path) -> None:
    with pytest.raises(DatabaseError, match="/nix/store/gone is not valid"):
        read_database(state).references("/nix/store/gone")


def test_reading_leaves_no_trace(state: Path) -> None:
    files = {file: file.stat().st_mtime_ns for file in (state / "db").iterdir()}
    read_database(state)
    assert {file: file.stat().st_mtime_ns for file in (state / "db").iterdir()} == files


def test_what_a_running_nix_has_only_in_its_log_is_seen(
    state: Path, writer: sqlite3.Connection
) -> None:
    before = (state / "db" / "db.sqlite").read_bytes()
    add(writer, "/nix/store/new", 7)
    writer.commit()
    assert (state / "db" / "db.sqlite").read_bytes() == before
    assert "/nix/store/new" in read_database(state).paths


def test_what_a_running_nix_has_not_finished_is_not_seen(
    state: Path, writer: sqlite3.Connection
) -> None:
    add(writer, "/nix/store/new", 7)
    assert read_database(state).paths == {APP, LIB, OLD}


def test_a_database_without_a_log_that_changes_while_it_is_read(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = database._references

    def slow(
        connection: sqlite3.Connection, path_of: dict[int, str], location: Path
    ) -> dict[str, tuple[str, ...]]:
        with closing(sqlite3.connect(location)) as other:
            add(other, "/nix/store/new")
            other.commit()
        return real(connection, path_of, location)

    monkeypatch.setattr(database, "_references", slow)
    with pytest.raises(DatabaseError, match="changed while it was being read"):
        read_database(state)


@pytest.mark.parametrize("text", ["7\n", "11", "", "ten", "1" * 200])
def test_another_schema(state: Path, text: str) -> None:
    (state / "db" / "schema").write_text(text)
    with pytest.raises(DatabaseError) as caught:
        read_database(state)
    assert f"has schema {text.strip()!r}" in caught.value.message
    assert "only 10 is known" in caught.value.message
    assert caught.value.exit_code == ExitCode.SETUP


def test_a_schema_file_that_is_no_text(state: Path) -> None:
    (state / "db" / "schema").write_bytes(b"\xff\xfe")
    with pytest.raises(DatabaseError, match="cannot read"):
        read_database(state)


def test_no_nix_at_all(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="there is no Nix database in"):
        read_database(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_database_without_its_file(state: Path) -> None:
    (state / "db" / "db.sqlite").unlink()
    with pytest.raises(DatabaseError, match="there is no Nix database at"):
        read_database(state)


@pytest.mark.parametrize("content", [b"", b"no database" * 1000])
def test_a_file_that_is_no_nix_database(state: Path, content: bytes) -> None:
    (state / "db" / "db.sqlite").write_bytes(content)
    with pytest.raises(DatabaseError, match="cannot read the Nix database"):
        read_database(state)


def test_a_database_cut_short(state: Path) -> None:
    location = state / "db" / "db.sqlite"
    location.write_bytes(location.read_bytes()[:-4096])
    with pytest.raises(DatabaseError, match="cannot read the Nix database"):
        read_database(state)


def test_a_reference_to_nowhere(state: Path, writer: sqlite3.Connection) -> None:
    writer.execute("insert into Refs values (3, 99)")
    writer.commit()
    with pytest.raises(DatabaseError, match="damaged: a reference to the unknown path number 99"):
        read_database(state)
