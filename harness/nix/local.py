"""A Nix store on this host, or of another system that is mounted here: read without Nix.

Only files are read, so it works where Nix is missing, its daemon is down, or the disk is mounted
read-only.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness.errors import SetupError, UsageError
from harness.nix.database import NixDatabase, read_database
from harness.nix.derivation import is_store_path, parse_derivation
from harness.nix.graph import ReadDerivation, store_reader


@dataclass(frozen=True)
class LocalStore:
    """Where a store's files really are, and where its state (the database) is."""

    directory: Path
    state: Path

    @classmethod
    def at(cls, directory: str | None, state: str | None) -> LocalStore:
        """The store that the command line names; without, the one that Nix itself would use.

        Nix obeys ``NIX_STORE_DIR`` and ``NIX_STATE_DIR`` ("Common Environment Variables").
        """
        return cls(
            Path(directory or os.environ.get("NIX_STORE_DIR") or "/nix/store"),
            Path(state or os.environ.get("NIX_STATE_DIR") or "/nix/var/nix"),
        )

    @property
    def read(self) -> ReadDerivation:
        """Reads .drv files by their store paths."""
        return store_reader(self.directory)

    @cached_property
    def database(self) -> NixDatabase:
        """What the store knows of its paths, as of the first use."""
        return read_database(self.state)

    @cached_property
    def damaged(self) -> frozenset[str]:
        """Paths that the database calls valid and that are not on the disk.

        Raises `SetupError` when there is no store.
        """
        try:
            names = {entry.name for entry in os.scandir(self.directory)}
        except OSError as error:
            raise SetupError(
                f"there is no Nix store in {self.directory} ({error.strerror})",
                hint="name the directory that holds the store paths with --store",
            ) from error
        paths = self.database.paths
        return frozenset(path for path in paths if path.rpartition("/")[2] not in names)

    @cached_property
    def available(self) -> frozenset[str]:
        """The paths that are valid and really there."""
        return self.database.paths - self.damaged

    def derivation(self, word: str) -> str:
        """The store path of the derivation that *word* names.

        A .drv's store path or file, a link to one (a GC root), or an output whose deriver is here.
        Raises `UsageError` when it is none of these.
        """
        # realpath and not Path.resolve: that raises RuntimeError for a loop before Python 3.13
        path = os.path.realpath(word) if os.path.islink(word) else word  # noqa: PTH114 - as above
        if not path.endswith(".drv"):
            return self._deriver(word, path)
        file = self.directory / Path(path).name
        if not is_store_path(f"/nix/store/{file.name}"):
            raise UsageError(f"{word} is not the name of a derivation in a store")
        if not os.path.isfile(file):  # noqa: PTH113 - Path.is_file raises where it may not look
            raise UsageError(
                f"{word}: there is no {file}",
                hint="evaluate the configuration again (`nix-instantiate`) to have it written",
            )
        return self._logical(file)

    def _deriver(self, word: str, output: str) -> str:
        known = self.database.derivers.get(output)
        if known is None:
            raise UsageError(
                f"{word} is neither a .drv file nor an output with a known derivation",
                hint="`nix-instantiate '<nixpkgs/nixos>' -A system` prints the .drv of a system",
            )
        if known not in self.available:
            raise UsageError(
                f"{word} was made by {known}, which is not here",
                hint="evaluate the configuration of that system to have it written again",
            )
        return known

    def _logical(self, file: Path) -> str:
        """The path under which a store knows *file*, which may lie on a mounted disk."""
        drv = parse_derivation(self.read(file.name), origin=str(file))
        mentioned = [output.path for output in drv.outputs.values() if output.path]
        for path in (*mentioned, *drv.input_derivations, *drv.input_sources):
            if is_store_path(path):
                return f"{path.rpartition('/')[0]}/{file.name}"
        return f"{self.directory}/{file.name}"

    def derivations(self, words: Sequence[str]) -> list[str]:
        """`derivation` of each of *words*, which must all be different."""
        found = [self.derivation(word) for word in words]
        if len(set(found)) < len(found):
            raise UsageError(
                f"{' and '.join(words)} are the same derivation",
                hint="give the .drv of the system as it is, then that of the edited one",
            )
        return found
