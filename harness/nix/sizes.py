"""NAR sizes of store paths that are not here: from what binary caches say of them."""

from __future__ import annotations

import os
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from contextlib import closing
from http.client import HTTPException
from pathlib import Path

from harness.errors import HarnessError, UsageError
from harness.internet.narinfo import parse_narinfo

#: Seconds to wait for a binary cache, for each answer.
_PATIENCE = 10.0
#: A narinfo is a few hundred bytes, and with thousands of references some hundred kilobytes.
_LARGEST = 1 << 22


class CacheError(HarnessError):
    """A binary cache cannot be asked."""


def remembered_sizes(paths: Iterable[str], caches: Path | None = None) -> Mapping[str, int]:
    """The sizes that Nix itself remembers from asking its substituters earlier.

    It keeps narinfos in ``binary-cache-v*.sqlite`` below *caches* (``~/.cache/nix``; Nix's
    ``src/libstore/nar-info-disk-cache.cc``).  Raises `CacheError` for one that cannot be read.
    """
    folder = caches or cache_home() / "nix"
    wanted = {_digest(path): path for path in paths}
    found: dict[str, int] = {}
    for file in sorted(folder.glob("binary-cache-v*.sqlite")):
        uri = f"{file.resolve().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
                query = "select narSize from NARs where hashPart = ? and present = 1 and narSize"
                for digest, path in wanted.items():
                    for (size,) in connection.execute(query, (digest,)):
                        found[path] = size
        except sqlite3.Error as error:
            raise CacheError(f"cannot read what Nix remembers in {file}: {error}") from error
    return found


def cache_home() -> Path:
    """The user's folder for caches (XDG base directory specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def cache_sizes(cache: str, paths: Iterable[str]) -> Mapping[str, int]:
    """The sizes that a binary cache states: a folder, ``file://…``, ``http://…`` or ``https://…``.

    A path that it does not have is left out.  Raises `UsageError` for another kind of cache,
    `CacheError` when it does not answer, `NarInfoError` when what it answers is no narinfo.
    """
    try:
        address = urllib.parse.urlsplit(cache)
    except ValueError as error:
        raise UsageError(f"{cache} is not an address: {error}") from error
    if address.scheme in ("", "file"):
        folder = Path(urllib.parse.unquote(address.path) if address.scheme else cache)
        if not folder.is_dir():
            raise CacheError(f"there is no binary cache in {folder}")
        texts = {path: _from_folder(folder, path) for path in paths}
    elif address.scheme in ("http", "https"):
        texts = {path: _from_server(cache.rstrip("/"), path) for path in paths}
    else:
        raise UsageError(
            f"{cache} is not a binary cache that can be asked for sizes",
            hint="give a folder, or an address that begins with file://, http:// or https://",
        )
    return {
        path: parse_narinfo(text, f"{cache}/{_digest(path)}.narinfo").nar_size
        for path, text in texts.items()
        if text is not None
    }


def _from_folder(folder: Path, path: str) -> str | None:
    file = folder / f"{_digest(path)}.narinfo"
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CacheError(f"cannot read {file}: {error.strerror}") from error


def _from_server(address: str, path: str) -> str | None:
    url = f"{address}/{_digest(path)}.narinfo"
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:
            text: bytes = answer.read(_LARGEST)
            return text.decode(errors="replace")
    except urllib.error.HTTPError as error:
        if error.code in (403, 404):  # some caches answer 403 for what they do not have
            return None
        raise CacheError(f"{url} answers {error.code} {error.reason}") from error
    except (OSError, HTTPException, UnicodeError) as error:
        raise CacheError(f"{address} does not answer: {error}") from error


def _digest(path: str) -> str:
    return path.rpartition("/")[2][:32]
