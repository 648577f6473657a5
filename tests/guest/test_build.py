"""The parts of the recipe that need no packages. The whole is built for tests/vm."""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import Any

import pytest

from harness import process
from harness.errors import SetupError
from harness.guest import build
from harness.process import Completed


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the programs of this host print, by program name."""
    answers: dict[str, str] = {}

    def run(words: list[Any], **_options: object) -> Completed:
        return Completed(tuple(map(str, words)), 0, answers[Path(words[0]).name], "")

    monkeypatch.setattr(process, "run", run)
    monkeypatch.delenv(build.MIRROR_VARIABLE, raising=False)
    return answers


def test_mirror_is_the_hosts_first_debian_archive(says: dict[str, str]) -> None:
    says["apt-get"] = (
        "Node Node http://node.invalid/\n"
        "Debian Debian-Security http://security.invalid/debian-security/\n"
        "Debian Debian http://first.invalid/debian\n"
        "Debian Debian http://second.invalid/debian\n"
    )
    assert build.mirror() == "http://first.invalid/debian"


def test_mirror_may_be_chosen(says: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(build.MIRROR_VARIABLE, "http://chosen.invalid")
    assert build.mirror() == "http://chosen.invalid"


@pytest.mark.parametrize("listed", ["", "Ubuntu Ubuntu http://ubuntu.invalid/\n"])
def test_no_debian_archive_is_explained(says: dict[str, str], listed: str) -> None:
    says["apt-get"] = listed
    with pytest.raises(SetupError) as caught:
        build.mirror()
    assert build.MIRROR_VARIABLE in caught.value.hint


def test_proxies_of_the_host_are_kept(says: dict[str, str]) -> None:
    says["apt-config"] = (
        'Acquire "";\nAcquire::http::Proxy "http://proxy.invalid:3128";\nAcquire::Retries "3";\n'
    )
    assert list(build._proxies()) == ['Acquire::http::Proxy "http://proxy.invalid:3128";']


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An unpacked tree with as little as the steps need."""
    tree = tmp_path / "tree"
    for name in ("boot", "etc/deep", "usr/bin", "usr/sbin", "usr/lib64", "usr/share/doc", "var/x"):
        (tree / name).mkdir(parents=True)
    (tree / "boot/vmlinuz-6").write_text("kernel")
    (tree / "etc/deep/file").touch()
    for name in ("busybox", "ls", "perl5", "perl"):
        (tree / "usr/bin" / name).write_text(name)
    modules = tree / "usr/lib/modules/6/kernel/drivers"
    modules.mkdir(parents=True)
    for name in build._MODULES:
        (modules / f"{name}.ko.xz").write_bytes(lzma.compress(name.encode() * 100))
    return tree


def test_trimming_keeps_what_is_used(tree: Path) -> None:
    build._trim(tree)
    assert sorted(path.name for path in (tree / "usr/bin").iterdir()) == ["busybox", "ls"]
    for gone in ("etc", "boot", "usr/share", "usr/lib/modules", "var/x"):
        assert not (tree / gone).exists()


def test_arrangement_links_only_the_missing_applets(tree: Path, says: dict[str, str]) -> None:
    says["busybox"] = "ls\nvi\nmount\n"
    (tree / "usr/sbin/mount").write_text("real")
    build._trim(tree)
    build._arrange(tree)
    assert (tree / "usr/bin/ls").read_text() == "ls"
    assert (tree / "usr/bin/vi").readlink() == Path("busybox")
    assert not (tree / "usr/bin/mount").exists()
    assert (tree / "bin").readlink() == Path("usr/bin")
    assert (tree / "init").stat().st_mode & 0o111
    assert "root:x:0:0" in (tree / "etc/passwd").read_text()


def test_kernel_and_initramfs(tree: Path, tmp_path: Path) -> None:
    build._take_kernel(tree, tmp_path)
    assert (tmp_path / "kernel").read_text() == "kernel"
    initrd = (tmp_path / "initrd").read_bytes()
    for name in build._MODULES:
        assert name.encode() * 100 in initrd, "modules are unpacked: busybox cannot do it"


def test_initramfs_script_loads_the_modules_in_order() -> None:
    script = (Path(build.__file__).parent / "initramfs.sh").read_text()
    assert f"for module in {' '.join(build._MODULES)}; do" in script
