"""How a guest image is made: Debian packages → a trimmed root file system, a kernel, an initramfs.

Nothing is mounted and no package's scripts run, so an ordinary user can do it: fakeroot gives
everything to root, and mke2fs fills the file system from a folder.
"""

from __future__ import annotations

import lzma
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from harness import process
from harness.errors import SetupError
from harness.guest import cpio
from harness.systems.pocket.seed import make_seed

SUITE = "trixie"
#: What the guest consists of; packages that these depend on come along.
PACKAGES = (
    "bash-static",
    "busybox-static",
    "coreutils",
    "e2fsprogs",
    "iproute2",
    "linux-image-cloud-amd64",
    "nix-bin",
    "tar",
)
#: What the pocket system is bootstrapped from. It never enters the guest itself: a compiler that
#: lies about there would hide that a build closure lacks one.
SEED_PACKAGES = ("busybox-static", "musl", "musl-dev", "tcc")
#: Virtual size of the file system as it is built, in MiB; the guest grows it to its disk.
ROOT_SIZE = 512

#: Overrides the host's own package source, for hosts that are not Debian.
MIRROR_VARIABLE = "HARNESS_DEBIAN_MIRROR"

_ARCHIVE = "$(ORIGIN) $(LABEL) $(SITE)"
#: Run by mmdebstrap: with no package's scripts run there is no dpkg database to ask later.
_LIST_VERSIONS = """\
for package in "$1"/var/cache/apt/archives/*.deb; do dpkg-deb -W "$package"; done >"$1/versions"
"""

_HERE = Path(__file__).parent
#: Modules in the order in which they are loaded (Debian's cloud kernel has the rest built in).
_MODULES = ("failover", "net_failover", "virtio_net", "virtio_blk", "virtio-rng", "overlay")
#: What the guest never uses.
_TRIMMED = (
    "boot",
    "dev/*",
    "etc",
    "tmp/*",
    "usr/bin/*perl*",
    "usr/bin/systemd*",
    "usr/include",
    "usr/lib/dracut",
    "usr/lib/klibc*",
    "usr/lib/modules",
    "usr/lib/systemd",
    "usr/lib/udev",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/x86_64-linux-gnu/libperl*",
    "usr/lib/x86_64-linux-gnu/perl*",
    "usr/lib/x86_64-linux-gnu/security",
    "usr/lib/x86_64-linux-gnu/systemd",
    "usr/share",
    "var/*",
)


def build_image(folder: Path, progress: Callable[[str], None]) -> Mapping[str, str]:
    """Build kernel, initrd, root file system and seed into the empty *folder*.

    Returns the version of every Debian package that went in.  Raises `SetupError` when a program
    or the package source is missing and `ProcessError` when one of the programs fails.
    """
    progress(f"fetching Debian {SUITE} packages for the seed of the pocket system")
    tree = folder / "tree"
    versions = _extract(SEED_PACKAGES, tree)
    make_seed(tree, folder / "seed")
    shutil.rmtree(tree)
    progress(f"fetching Debian {SUITE} packages for the guest")
    versions |= _extract(PACKAGES, tree)
    progress("making the kernel's initramfs and the root file system")
    _take_kernel(tree, folder)
    _trim(tree)
    _arrange(tree)
    _make_root(tree, folder / "rootfs")
    shutil.rmtree(tree)
    return versions


def mirror() -> str:
    """The address of the Debian archive that this host itself uses.

    Raises `SetupError` where the host's apt knows no Debian archive.
    """
    if chosen := os.environ.get(MIRROR_VARIABLE):
        return chosen
    listed = process.run(
        ["apt-get", "indextargets", "--format", _ARCHIVE, "Created-By: Packages"],
        hint="the guest image is made from Debian packages",
    ).stdout
    for line in listed.splitlines():
        origin, label, site = line.split(" ", 2)
        if (origin, label) == ("Debian", "Debian"):
            return site
    raise SetupError(
        "apt on this host knows no Debian archive to make the guest image from",
        hint=f"run `apt-get update`, or set {MIRROR_VARIABLE} to the address of a Debian mirror",
    )


def _extract(packages: Sequence[str], tree: Path) -> dict[str, str]:
    """Unpack *packages* and what they depend on; no scripts run. Their versions by name."""
    process.which("fakeroot")
    process.which("mmdebstrap")
    site = mirror()
    process.run(
        [
            *("fakeroot", "mmdebstrap", "--mode=chrootless", "--variant=extract"),
            f"--include={','.join(packages)}",
            f"--extract-hook={_LIST_VERSIONS}",
            *(f"--aptopt={option}" for option in _proxies()),
            *("--", SUITE, tree, site),
        ],
        timeout=1800,
        hint=f"is {site} reachable, and does the host's archive keyring know {SUITE}?",
    )
    lines = (tree / "versions").read_text().splitlines()
    (tree / "versions").unlink()
    return dict(line.split("\t") for line in sorted(lines))


def _proxies() -> Iterator[str]:
    """The host's apt proxy settings, which mmdebstrap's own configuration lacks."""
    for line in process.run(["apt-config", "dump", "Acquire"]).stdout.splitlines():
        if "::proxy" in line.lower():
            yield line


def _take_kernel(tree: Path, folder: Path) -> None:
    """Take out what the host needs, and make the initramfs that finds the root disk."""
    [kernel] = tree.glob("boot/vmlinuz-*")
    shutil.move(kernel, folder / "kernel")
    shutil.copy(tree / "usr/bin/busybox", folder / "busybox")
    entries = [
        *(cpio.folder(name) for name in ("bin", "dev", "modules", "root")),
        cpio.file("init", (_HERE / "initramfs.sh").read_bytes(), mode=0o755),
        cpio.file("bin/busybox", (tree / "usr/bin/busybox").read_bytes(), mode=0o755),
        cpio.symlink("bin/sh", "busybox"),
    ]
    for name in _MODULES:
        [module] = tree.glob(f"usr/lib/modules/*/kernel/**/{name}.ko.xz")
        entries.append(cpio.file(f"modules/{name}.ko", lzma.decompress(module.read_bytes())))
    (folder / "initrd").write_bytes(cpio.archive(entries))


def _trim(tree: Path) -> None:
    for pattern in _TRIMMED:
        for path in tree.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _arrange(tree: Path) -> None:
    """Add what the packages' scripts and a service manager would have: links, /etc, the init."""
    for name in ("bin", "sbin", "lib", "lib64"):
        (tree / name).symlink_to(f"usr/{name}")
    for name in ("mnt", "nix", "proc", "root", "run", "sys", "var/tmp"):
        (tree / name).mkdir(parents=True)
    shutil.copytree(_HERE / "etc", tree / "etc")
    shutil.copy(_HERE / "init.sh", tree / "init")
    for name in ("poweroff", "freeze", "layer"):
        shutil.copy(_HERE / f"{name}.sh", tree / "usr/bin" / name)
        (tree / "usr/bin" / name).chmod(0o755)
    (tree / "init").chmod(0o755)
    for shell in ("bash", "sh"):
        (tree / "usr/bin" / shell).symlink_to("bash-static")
    applets = process.run([tree / "usr/bin/busybox", "--list"]).stdout.split()
    for applet in applets:
        if not any(os.path.lexists(tree / place / applet) for place in ("usr/bin", "usr/sbin")):
            (tree / "usr/bin" / applet).symlink_to("busybox")


def _make_root(tree: Path, image: Path) -> None:
    """A raw ext4 image of *tree*, owned by root; no journal: no machine boots a crashed disk."""
    # Debian leaves the administrator's programs out of an ordinary user's PATH.
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    process.run(
        [
            *("fakeroot", "mke2fs", "-q", "-t", "ext4", "-b", "4096", "-m", "0", "-L", "root"),
            *("-O", "^has_journal", "-E", "root_owner=0:0", "-d", tree),
            *(image, f"{ROOT_SIZE}M"),
        ],
        env={"PATH": path},
        timeout=600,
        hint="it needs the Debian package e2fsprogs and about 1 GiB of disk",
    )
