"""``harness doctor``: what this host can do, tried and not guessed."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from harness import process
from harness.cache import cache_folder
from harness.errors import ExitCode, HarnessError
from harness.guest.image import ensure_image
from harness.machines.accelerator import PACKAGE, PROGRAM, kvm_fault

#: What a run takes, in bytes: the image and the published packages, and two machines' disks.
_DISK_NEEDED = 3 * 1024**3
#: Two guests and the harness, in bytes.
_MEMORY_NEEDED = 3 * 1024**3


@dataclass(frozen=True)
class Finding:
    """One thing that was tried. A *required* one that fails makes the embedded tier unusable."""

    name: str
    works: bool
    said: str
    required: bool = True


def main(arguments: argparse.Namespace) -> ExitCode:
    """Try everything; the code is 4 when a required thing does not work."""
    findings = [_tried(name, required, trial) for name, required, trial in _TRIALS]
    if arguments.format == "json":
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = "ok" if finding.works else ("FAIL" if finding.required else "no")
            print(f"{mark:5} {finding.name}: {finding.said}")
    bad = [finding for finding in findings if finding.required and not finding.works]
    if bad:
        print("the embedded tier cannot run here; `make setup` installs programs", file=sys.stderr)
    return ExitCode.SETUP if bad else ExitCode.OK


def _tried(name: str, required: bool, trial: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, trial(), required)
    except HarnessError as error:
        return Finding(name, False, str(error).replace("\n", "; "), required)


def _python() -> str:
    return platform.python_version()


def _program(name: str, package: str) -> Callable[[], str]:
    def trial() -> str:
        path = process.which(name, package=package)
        said = process.run([path, "--version"], check=False)
        lines = (said.stdout or said.stderr).strip().splitlines()
        return lines[0] if lines else "installed"

    return trial


def _mke2fs() -> str:
    path = process.which("mke2fs", package="e2fsprogs")
    return process.run([path, "-V"], check=False).stderr.splitlines()[0]


def _disk() -> str:
    cache = next(place for place in cache_folder().parents if place.is_dir())
    said = []
    for place, what in ((cache, "cache"), (Path(tempfile.gettempdir()), "temporary files")):
        free = shutil.disk_usage(place).free
        said.append(f"{free / 1024**3:.1f} GiB free for the {what}")
        if free < _DISK_NEEDED:
            raise HarnessError(f"{said[-1]}, {_DISK_NEEDED / 1024**3:.0f} GiB are needed")
    return ", ".join(said)


def _memory() -> str:
    lines = Path("/proc/meminfo").read_text().splitlines()
    available = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    said = f"{available / 1024**2:.1f} GiB available"
    if available * 1024 < _MEMORY_NEEDED:
        raise HarnessError(f"{said}; use --jobs 1", hint="a guest takes 1 to 1.5 GiB")
    return said


def _image() -> str:
    image = ensure_image(lambda text: print(f"      {text}", file=sys.stderr, flush=True))
    return f"{image.digest}, Nix {image.versions.get('nix-bin', 'unknown')}"


def _kvm() -> str:
    fault = kvm_fault(ensure_image(lambda _text: None))
    if fault:
        raise HarnessError(f"{fault} (emulation is used, about ten times slower)")
    return "a trial guest booted with it"


_TRIALS: list[tuple[str, bool, Callable[[], str]]] = [
    ("python", True, _python),
    ("qemu", True, _program(PROGRAM, PACKAGE)),
    ("qemu-img", True, _program("qemu-img", "qemu-utils")),
    ("mmdebstrap", True, _program("mmdebstrap", "mmdebstrap")),
    ("mke2fs", True, _mke2fs),
    ("disk", True, _disk),
    ("memory", True, _memory),
    ("guest image", True, _image),
    ("kvm", False, _kvm),
]
