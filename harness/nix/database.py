"""The database of a Nix store, read without Nix and without leaving a trace.

Tables as in Nix's ``src/libstore/schema.sql``; the version is in the file ``schema`` beside the
database (``nixSchemaVersion`` in ``local-store.hh``: 10 since Nix 2.0, still so in 2.35).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError

#: The only schema that this module reads.
SCHEMA = 10


class DatabaseError(HarnessError):
    """There is no Nix database at that place, or not one that can be read safely."""


@dataclass(frozen=True, slots=True)
class NixDatabase:
    """A snapshot of what a store knows about its valid paths."""

    location: Path
    #: All valid paths.
    paths: frozenset[str]
    #: NAR size in bytes, for the paths of which it is known.
    nar_sizes: Mapping[str, int]
    #: The derivation that a path was recorded to come from.  It need not be the one that an
    #: evaluation here gives, nor be valid (https://github.com/NixOS/nix/issues/2712).
    derivers: Mapping[str, str]
    #: The paths that a build here made (column ``ultimate``); the others were fetched or copied in.
    built_here: frozenset[str]
    _references: Mapping[str, tuple[str, ...]]

    def references(self, path: str) -> tuple[str, ...]:
        """What *path* refers to, itself included if it does; `DatabaseError` if it is not valid."""
        if path not in self.paths:
            raise DatabaseError(f"{path} is not valid in the store of {self.location}")
        return self._references.get(path, ())


def read_database(state_directory: Path) -> NixDatabase:
    """Read the database below *state_directory* (``/nix/var/nix``, or ``NIX_STATE_DIR``).

    Raises `DatabaseError` where there is none, its schema is another, or it is damaged.
    """
    directory = state_directory / "db"
    location = directory / "db.sqlite"
    _check_schema(directory)
    with _translated(location), _opened(location) as connection:
        connection.execute("begin")  # one consistent view for both tables
        path_of: dict[int, str] = {}
        nar_sizes: dict[str, int] = {}
        derivers: dict[str, str] = {}
        built_here: set[str] = set()
        rows = connection.execute("select id, path, deriver, narSize, ultimate from ValidPaths")
        for number, path, deriver, nar_size, ultimate in rows:
            path_of[number] = path
            if nar_size:  # 0 and null both mean that it was not recorded
                nar_sizes[path] = nar_size
            if deriver:
                derivers[path] = deriver
            if ultimate:
                built_here.add(path)
        references = _references(connection, path_of, location)
    return NixDatabase(
        location=location,
        paths=frozenset(path_of.values()),
        nar_sizes=nar_sizes,
        derivers=derivers,
        built_here=frozenset(built_here),
        _references=references,
    )


def _references(
    connection: sqlite3.Connection, path_of: Mapping[int, str], location: Path
) -> dict[str, tuple[str, ...]]:
    grouped: dict[str, list[str]] = {}
    for referrer, reference in connection.execute("select referrer, reference from Refs"):
        try:
            grouped.setdefault(path_of[referrer], []).append(path_of[reference])
        except KeyError as error:
            raise DatabaseError(
                f"{location} is damaged: a reference to the unknown path number {error}",
                hint="`nix-store --verify` repairs it",
            ) from error
    return {path: tuple(targets) for path, targets in grouped.items()}


def _check_schema(directory: Path) -> None:
    location = directory / "schema"
    try:
        text = location.read_text(encoding="utf-8").strip()
    except FileNotFoundError as error:
        raise DatabaseError(
            f"there is no Nix database in {directory}",
            hint="name the directory that holds Nix's state, usually /nix/var/nix",
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DatabaseError(f"cannot read {location}: {error}") from error
    if text != str(SCHEMA):
        raise DatabaseError(
            f"the Nix database in {directory} has schema {text!r}, and only {SCHEMA} is known here",
            hint="Nix 2.0 and later write that one; a command of such a Nix, run there once, "
            "upgrades an older database",
        )


@contextmanager
def _opened(location: Path) -> Iterator[sqlite3.Connection]:
    """Open read-only, seeing every committed row, and without making a log where there is none.

    ``mode=ro`` reads what a running Nix has in its write-ahead log, but where there is no log it
    makes one, or fails if it may not.  ``immutable`` writes nothing, but does not look into the log
    and so may miss the newest paths (https://www.sqlite.org/wal.html#read_only_databases).
    """
    if not location.is_file():
        raise DatabaseError(f"there is no Nix database at {location}")
    in_use = any(Path(f"{location}-{kind}").exists() for kind in ("wal", "journal"))
    uri = f"{location.resolve().as_uri()}?mode=ro{'' if in_use else '&immutable=1'}"
    before = location.stat()
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=60)) as connection:
        yield connection
    after = location.stat()
    changed = (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size)
    if changed and not in_use:
        raise DatabaseError(
            f"{location} changed while it was being read",
            hint="a Nix command was starting or ending: try again",
        )


@contextmanager
def _translated(location: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DatabaseError(
            f"cannot read the Nix database {location}: {error}",
            hint="if it lies on a read-only medium, copy its directory to a writable place first",
        ) from error
