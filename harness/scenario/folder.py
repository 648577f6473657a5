"""The files of a scenario folder: which ones belong to it, that none lies outside, their digest.

The folder is copied into a machine and its digest goes into every report, so a link that leads
out of it, a pipe or a device is a fault even where no key of the scenario names it.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from harness.errors import Problem
from harness.scenario.document import Sheet
from harness.scenario.fields import kind
from harness.scenario.wording import shown

#: What tools leave behind and no experiment reads: hidden files, Python's and editors' droppings.
_DROPPINGS = re.compile(r"\..*|__pycache__|.*~")
_RELATIVE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*")
_MAX_PATH = 200
MAX_FILES = 2_000
MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Contents:
    """The files and links of a scenario folder, relative and sorted, and the digest of them all.

    The digest (SHA-256, hexadecimal) covers names, contents, executability and targets of links.
    """

    files: tuple[str, ...]
    digest: str


def display(path: Path) -> str:
    """The path as people are shown it: relative where it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _is_inside(path: Path, folder: Path) -> bool:
    """Whether *path* stays in *folder* with all links followed (a loop of links does)."""
    # realpath and not Path.resolve: that raises RuntimeError for a loop before Python 3.13
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def survey(folder: Path, problems: list[Problem]) -> Contents:
    """Look at every file below *folder*; faults are added to *problems*."""
    digest = hashlib.sha256()
    files: list[str] = []
    size = 0
    for path in _walk(folder, problems):
        relative = path.relative_to(folder).as_posix()
        try:
            marker, content = _read(path, folder, MAX_BYTES - size)
        except (OSError, _NotOursError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            problems.append(Problem(display(path), 1, 1, f"cannot be part of a scenario: {reason}"))
            continue
        size += len(content)
        files.append(relative)
        for part in (os.fsencode(relative), marker, content):
            digest.update(len(part).to_bytes(8, "big") + part)
        if len(files) > MAX_FILES:
            problems.append(Problem(display(folder), 1, 1, f"more than {MAX_FILES} files"))
            break
    return Contents(tuple(files), digest.hexdigest())


class _NotOursError(Exception):
    """This file cannot belong to a scenario; the text says why."""


def _walk(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    def complain(error: OSError) -> None:
        where = display(Path(os.fsdecode(error.filename)))
        problems.append(Problem(where, 1, 1, f"cannot be read: {error.strerror}"))

    for parent, folders, names in os.walk(folder, onerror=complain):
        linked = [name for name in folders if Path(parent, name).is_symlink()]
        folders[:] = sorted(n for n in folders if n not in linked and not _DROPPINGS.fullmatch(n))
        for name in sorted([*names, *linked]):
            if not _DROPPINGS.fullmatch(name):
                yield Path(parent, name)


def _read(path: Path, folder: Path, budget: int) -> tuple[bytes, bytes]:
    """What the digest takes in for one file: what it is, and its content."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        if not _is_inside(path, folder):
            raise _NotOursError("the link leads out of the scenario's folder")
        return b"link", os.fsencode(path.readlink())
    if not stat.S_ISREG(status.st_mode):
        raise _NotOursError("it is neither a file, a folder nor a link")
    if status.st_size > budget:
        raise _NotOursError(f"the folder holds more than {MAX_BYTES // 1024**2} MiB")
    executable = bool(status.st_mode & stat.S_IXUSR)
    return b"program" if executable else b"file", path.read_bytes()


def file_named(sheet: Sheet, node: yaml.Node, what: str, folder: Path, suffix: str) -> Path | None:
    """The existing regular file inside *folder* that a key of the scenario names."""
    if kind(node) != "text":
        sheet.complain(node, f"{what} must be the name of a file, not {kind(node)}")
        return None
    relative: str = node.value
    path = folder / relative
    if PurePosixPath(relative).is_absolute() or ".." in PurePosixPath(relative).parts:
        fault = "must lie inside the scenario's folder"
    elif not _RELATIVE.fullmatch(relative) or len(relative) > _MAX_PATH:
        fault = f"must consist of letters, digits and ._-/ and have {_MAX_PATH} of them at most"
    elif not relative.endswith(suffix):
        fault = f"must be a {suffix} file"
    elif not _is_inside(path, folder):
        fault = "leads out of the scenario's folder"
    else:
        fault = _not_a_file(path)
    if fault:
        sheet.complain(node, f"{what} {fault}: {shown(relative)}")
        return None
    return path


def _not_a_file(path: Path) -> str:
    try:
        return "" if stat.S_ISREG(path.stat().st_mode) else "is not a regular file"
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def unused(folder: Path, contents: Contents, used: Collection[Path]) -> list[Problem]:
    """Warnings about edits and checks in the folder that the scenario does not name."""
    named = {path.relative_to(folder).as_posix() for path in used}
    candidates = re.compile(r"edits/[^/]*\.nix|checks/test_[^/]*\.py")
    return [
        Problem(display(folder / file), 1, 1, "no edit of the scenario uses this file")
        for file in contents.files
        if candidates.fullmatch(file) and file not in named
    ]
