"""The seed of the pocket system: what its first two derivations fetch, made from Debian packages.

``busybox`` (static) unpacks ``seed.tar``: tcc with the loader and libraries it runs with, and
musl, which programs are built against.  The hashes depend on Debian's versions of the packages,
so they are not in the tree but in ``seed.json``, which goes beside it.

``busybox`` is a NAR of a folder ``bin`` and not the bare program: Nix calls a builder by the last
part of its path, and Debian's busybox does not know itself by a name that starts with a hash (that
of nixpkgs is patched: pkgs/os-specific/linux/busybox/busybox-in-store.patch).
"""

from __future__ import annotations

import json
from pathlib import Path

from harness.errors import SetupError
from harness.systems.pocket.archive import Entry, Link, Program, archive, nar, sri

_GNU = "usr/lib/x86_64-linux-gnu"
_MUSL = "usr/lib/x86_64-linux-musl"
_URL = "http://mirror.internet/seed"

#: Name in the archive → file in the root file system. musl's static libc stays out: everything is
#: linked dynamically, and it would double the archive.
_FILES = {
    "bin/tcc": "usr/bin/tcc",
    "lib/ld-linux-x86-64.so.2": f"{_GNU}/ld-linux-x86-64.so.2",
    "lib/libc.so.6": f"{_GNU}/libc.so.6",
    "lib/libm.so.6": f"{_GNU}/libm.so.6",
    "lib/tcc/libtcc1.a": f"{_GNU}/tcc/libtcc1.a",
    "musl/lib/crt1.o": f"{_MUSL}/crt1.o",
    "musl/lib/libc.so": f"{_MUSL}/libc.so",
}
#: The same for folders, with all that is in them.
_FOLDERS = {
    "lib/tcc/include": f"{_GNU}/tcc/include",
    "musl/include": "usr/include/x86_64-linux-musl",
}


def make_seed(rootfs: Path, destination: Path) -> None:
    """Write ``busybox``, ``seed.tar`` and ``seed.json`` to the folder *destination*.

    *rootfs* is an unpacked Debian root file system with the packages busybox-static, musl,
    musl-dev and tcc.  The same packages give the same bytes.  Raises `SetupError` when a file
    of theirs is missing.
    """
    destination.mkdir(parents=True, exist_ok=True)
    program = Program(_found(rootfs, "usr/bin/busybox").read_bytes())
    busybox = nar({"bin": {"busybox": program, "sh": Link("busybox")}})
    seed = archive(_entries(rootfs))
    (destination / "busybox").write_bytes(busybox)
    (destination / "seed.tar").write_bytes(seed)
    pins = {
        "busybox": {"url": f"{_URL}/busybox", "hash": sri(busybox)},
        "seed": {"url": f"{_URL}/seed.tar", "hash": sri(seed)},
    }
    (destination / "seed.json").write_text(json.dumps(pins, indent=2) + "\n")


def _entries(rootfs: Path) -> list[Entry]:
    files = {name: _found(rootfs, source) for name, source in _FILES.items()}
    for name, source in _FOLDERS.items():
        folder = _found(rootfs, source)
        for path in folder.rglob("*"):
            if path.is_file():
                files[f"{name}/{path.relative_to(folder).as_posix()}"] = path
    programs = {"bin/tcc", "lib/ld-linux-x86-64.so.2", "musl/lib/libc.so"}  # loaders are run
    return [Entry(name, path.read_bytes(), name in programs) for name, path in files.items()]


def _found(rootfs: Path, name: str) -> Path:
    path = rootfs / name
    if not path.exists():
        raise SetupError(
            f"the Debian root file system {rootfs} has no /{name}",
            hint="it needs the packages busybox-static, musl, musl-dev and tcc",
        )
    return path
