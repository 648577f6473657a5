"""Where kept paths go: GC roots, a NixOS module, or a bundle that another store can import."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from harness.errors import SetupError, UsageError
from harness.nix.command import nix, nix_from_file, nix_to_file
from harness.nix.evaluation import copy
from harness.nix.keeping import Keeping
from harness.systems.base import nix_string

#: How `nix-store --export` begins: one path follows, and it is a NAR (Nix manual, "Nix Archive").
_BUNDLE_START = (1).to_bytes(8, "little") + (13).to_bytes(8, "little") + b"nix-archive-1"
_BUNDLE_END = bytes(8)

_MODULE = """\
# Written by `harness rehearse`: import it into the configuration and switch while online.
# What is listed was compared with {base}.
{{
  # A string with the context of a store path keeps the output itself and not what built it.
  # Unlike builtins.storePath it may be used in pure evaluation, as of flakes.
  system.extraDependencies =
    map (path: builtins.appendContext path {{ ${{path}} = {{ path = true; }}; }}) [
{paths}    ];
}}
"""


def realise(keeping: Keeping, valid: Iterable[str], private: str | None) -> None:
    """Have every kept path in this host's store: built or fetched where it is not there yet.

    *valid* are the paths that are there; *private* is the store that has the .drv files and the
    fetched sources (None: they are in this host's store).
    """
    absent = [kept for kept in keeping.paths if kept.path not in set(valid)]
    made = [kept.derivation for kept in absent if kept.derivation]
    if private is not None:
        copy([kept.path for kept in absent if not kept.derivation], private, "auto")
        recipes = sorted({target.split("!")[0] for target in made})
        copy(recipes, private, "auto", "--derivation")
    if made:
        nix(["nix-store", "--realise", *made])


def root(paths: Iterable[str], folder: Path) -> list[Path]:
    """Make each path a GC root by a link in *folder*; links of earlier calls stay.

    Raises `SetupError` for one that does not lead to its path afterwards: the collector skips a
    dangling root with no more than a message.
    """
    links = []
    for path in paths:
        link = folder.absolute() / Path(path).name
        nix(["nix-store", "--realise", path, "--add-root", str(link)])
        if not link.is_symlink() or str(link.readlink()) != path:
            raise SetupError(f"{link} did not become a root of {path}")
        links.append(link)
    return links


def module(keeping: Keeping) -> str:
    """A NixOS module that makes the system refer to the kept paths."""
    listed = "".join(f"      {nix_string(kept.path)}\n" for kept in keeping.paths)
    return _MODULE.format(base=keeping.base, paths=listed)


def export(paths: Sequence[str], file: Path) -> int:
    """Write *paths* into a bundle and return its size in bytes.

    What they refer to outside of *paths* has to be there already where the bundle is imported.
    """

    def fill(target: Path) -> None:
        nix_to_file(["nix-store", "--export", *paths], target)

    _write(file, fill)
    return file.stat().st_size


def restore(bundle: Path) -> list[str]:
    """Import a bundle into this host's store; the paths that it holds.

    Raises `UsageError` for a file that is no bundle or is cut short, before anything is imported.
    """
    check_bundle(bundle)
    paths = nix_from_file(["nix-store", "--import"], bundle).split()
    invalid = nix(["nix-store", "--check-validity", "--print-invalid", *paths]).split()
    if invalid:
        raise SetupError(f"{len(invalid)} paths were not imported, the first is {invalid[0]}")
    return paths


def check_bundle(bundle: Path) -> None:
    """Raise `UsageError` unless *bundle* begins and ends as `nix-store --export` writes it."""
    if os.path.lexists(bundle) and not os.path.isfile(bundle):  # noqa: PTH113 - it never raises
        raise UsageError(f"cannot read the bundle {bundle}: it is no regular file")
    try:
        with bundle.open("rb") as file:
            start = file.read(len(_BUNDLE_START))
            file.seek(-min(len(_BUNDLE_END), bundle.stat().st_size), os.SEEK_END)
            end = file.read()
    except OSError as error:
        raise UsageError(f"cannot read the bundle {bundle}: {error.strerror}") from error
    if start == end == _BUNDLE_END:
        return  # it holds nothing, since nothing had to be kept
    if start != _BUNDLE_START:
        raise UsageError(f"{bundle} is not a bundle", hint="`harness rehearse --bundle` writes one")
    if end != _BUNDLE_END:
        raise UsageError(f"the bundle {bundle} is cut short", hint="copy it again, and compare")


def write_text(file: Path, text: str) -> None:
    """Write a file as a whole or not at all."""

    def fill(target: Path) -> None:
        target.write_text(text, encoding="utf-8")

    _write(file, fill)


def check_writable_file(file: Path) -> None:
    """Raise `UsageError` if *file* cannot be written, ahead of the work for it.

    A device or a pipe is no place for a file that is put there as a whole.
    """
    if os.path.lexists(file) and not os.path.isfile(file):  # noqa: PTH113 - it never raises
        raise UsageError(f"{file} cannot be written: it is there, and no regular file")
    _check_folder(file.absolute().parent, file)


def check_writable_folder(folder: Path) -> None:
    """Raise `UsageError` if files cannot be put into *folder*, ahead of the work for them."""
    _check_folder(folder.absolute(), folder)


def _check_folder(folder: Path, place: Path) -> None:
    while not os.path.lexists(folder):
        folder = folder.parent
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):  # noqa: PTH112 - never raises
        raise UsageError(f"{place} cannot be written: {folder} is no folder that can be written to")


def _write(file: Path, fill: Callable[[Path], None]) -> None:
    file = Path(os.path.realpath(file))  # a link stays one
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}-") as folder:
            target = Path(folder) / "whole"
            fill(target)
            target.replace(file)
    except OSError as error:
        raise SetupError(f"cannot write {file}: {error.strerror}") from error
