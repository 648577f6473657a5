"""A store on disk that no Nix made: .drv files, valid paths and a database, all by hand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from tests.nix.test_database import TABLES
from tests.nix.toys import Recipes, path, written


class FakeStore:
    """Lies below *place*, and believes that it is ``/nix/store``."""

    def __init__(self, place: Path) -> None:
        self.directory = place / "store"
        self.state = place / "state"
        self.directory.mkdir()
        (self.state / "db").mkdir(parents=True)
        (self.state / "db" / "schema").write_text("10")
        with self._database() as connection:
            connection.executescript(TABLES)

    def write(self, recipes: Recipes) -> None:
        """Put the .drv files there."""
        for name, recipe in recipes.items():
            self.file(f"{name}.drv").write_text(written(name, recipe))

    def register(
        self,
        names: Iterable[str],
        *,
        built_here: bool = False,
        derivers: Mapping[str, str] | None = None,
        references: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        """Make paths valid, with a file each and a size of 1,000 bytes."""
        with self._database() as connection:
            for name in names:
                deriver = (derivers or {}).get(name)
                self.file(name).touch()
                connection.execute(
                    "insert into ValidPaths (path, hash, registrationTime, deriver, narSize,"
                    " ultimate) values (?, 'sha256:00', 0, ?, 1000, ?)",
                    (path(name), path(f"{deriver}.drv") if deriver else None, built_here),
                )
            for name, others in (references or {}).items():
                for other in others:
                    connection.execute(
                        "insert into Refs select a.id, b.id from ValidPaths a, ValidPaths b"
                        " where a.path = ? and b.path = ?",
                        (path(name), path(other)),
                    )
            connection.commit()

    def file(self, name: str) -> Path:
        return self.directory / Path(path(name)).name

    @property
    def options(self) -> list[str]:
        return ["--store", str(self.directory), "--state", str(self.state)]

    def everything(self) -> dict[str, tuple[int, bytes]]:
        """All files below, for a proof that none was touched."""
        return {
            str(file): (file.stat().st_mtime_ns, file.read_bytes())
            for file in sorted(self.directory.parent.rglob("*"))
            if file.is_file()
        }

    def _database(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.state / "db" / "db.sqlite"))
