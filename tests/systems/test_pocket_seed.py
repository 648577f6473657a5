"""The seed: deterministic, complete, and refused when the packages are not there."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from harness.errors import SetupError
from harness.systems.pocket.archive import Link, Program, nar, sri
from harness.systems.pocket.seed import make_seed

GNU = "usr/lib/x86_64-linux-gnu"
MUSL = "usr/lib/x86_64-linux-musl"
FILES = (
    "usr/bin/busybox",
    "usr/bin/tcc",
    f"{GNU}/ld-linux-x86-64.so.2",
    f"{GNU}/libc.so.6",
    f"{GNU}/libm.so.6",
    f"{GNU}/tcc/libtcc1.a",
    f"{GNU}/tcc/include/stddef.h",
    f"{MUSL}/crt1.o",
    f"{MUSL}/libc.so",
    "usr/include/x86_64-linux-musl/stdio.h",
    "usr/include/x86_64-linux-musl/sys/stat.h",
)


def make_rootfs(folder: Path, names: tuple[str, ...] = FILES) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content of {name}")
    return folder


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    make_seed(make_rootfs(tmp_path / "rootfs"), tmp_path / "seed")
    return tmp_path / "seed"


def test_pins_are_of_what_is_written(seed: Path) -> None:
    pins = json.loads((seed / "seed.json").read_text())
    for key, name in (("busybox", "busybox"), ("seed", "seed.tar")):
        assert pins[key]["url"] == f"http://mirror.internet/seed/{name}"
        assert pins[key]["hash"] == sri((seed / name).read_bytes())


def test_busybox_is_a_nar_with_a_shell(seed: Path) -> None:
    program = Program(b"content of usr/bin/busybox")
    expected = nar({"bin": {"busybox": program, "sh": Link("busybox")}})
    assert (seed / "busybox").read_bytes() == expected


def test_archive_holds_compiler_and_libc(seed: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO((seed / "seed.tar").read_bytes())) as tar:
        modes = {member.name: member.mode for member in tar.getmembers() if member.isfile()}
    programs = {name for name, mode in modes.items() if mode == 0o755}
    assert programs == {"bin/tcc", "lib/ld-linux-x86-64.so.2", "musl/lib/libc.so"}
    assert {"musl/include/sys/stat.h", "lib/tcc/include/stddef.h", "lib/libc.so.6"} <= set(modes)


def test_same_packages_give_the_same_bytes(seed: Path, tmp_path: Path) -> None:
    again = make_rootfs(tmp_path / "again", FILES[::-1])
    make_seed(again, tmp_path / "second")
    for name in ("busybox", "seed.tar", "seed.json"):
        assert (seed / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


@pytest.mark.parametrize("missing", ["usr/bin/busybox", "usr/bin/tcc", f"{MUSL}/libc.so"])
def test_missing_package(tmp_path: Path, missing: str) -> None:
    rootfs = make_rootfs(tmp_path / "rootfs", tuple(name for name in FILES if name != missing))
    with pytest.raises(SetupError, match=missing):
        make_seed(rootfs, tmp_path / "seed")
