"""Nix's commands on this host, for the user's own store (machines have `harness.nix.store`)."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from harness.process import Completed, ProcessError, run, spawn, terminate, which

#: What Nix and the fetchers that it starts may look at, beside what every child inherits: where
#: the store is (NIX_…), who asks, and how to reach git hosts and proxies.
_PASSED = ("USER", "LOGNAME", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "XDG_CONFIG_HOME")
_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
#: Debian's name; elsewhere it is Nix all the same.
_PACKAGE = "nix-bin"


def nix_environment() -> dict[str, str]:
    """The part of the environment that decides what Nix does."""
    names = [*_PASSED, *_PROXIES, *(name.upper() for name in _PROXIES)]
    names += [name for name in os.environ if name.startswith("NIX")]
    return {name: os.environ[name] for name in names if name in os.environ}


def nix(words: Sequence[str], extra: Mapping[str, str] | None = None) -> str:
    """Run one of Nix's commands and return its standard output.

    Raises `ProcessError` when it fails, `SetupError` when there is no Nix.
    """
    which(words[0], package=_PACKAGE)
    return run(words, env={**nix_environment(), **(extra or {})}).stdout


def nix_to_file(words: Sequence[str], file: Path) -> None:
    """Run one of Nix's commands with its standard output in *file*, which may hold any bytes."""
    with file.open("wb") as target:
        _stream(words, stdin=None, stdout=target)


def nix_from_file(words: Sequence[str], file: Path) -> str:
    """Run one of Nix's commands with *file* as its standard input; its standard output."""
    with file.open("rb") as source, tempfile.TemporaryFile() as printed:
        _stream(words, stdin=source, stdout=printed)
        printed.seek(0)
        return printed.read().decode(errors="replace")


def _stream(words: Sequence[str], *, stdin: IO[bytes] | None, stdout: IO[bytes]) -> None:
    which(words[0], package=_PACKAGE)
    with Path(os.devnull).open("rb") as nothing, tempfile.TemporaryFile() as said:
        source = (stdin or nothing).fileno()
        child = spawn(words, env=nix_environment(), stdin=source, stdout=stdout, stderr=said)
        try:
            status = child.wait()
        finally:
            terminate(child)
        said.seek(0)
        text = said.read().decode(errors="replace")
    if status != 0:
        raise ProcessError(Completed(tuple(words), status, "", text))
