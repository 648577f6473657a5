"""Whether KVM can be used: found out by booting, never by looking at ``/dev/kvm``.

On some hosts (nested virtualisation, containers) the device opens, and then guests hang or QEMU
aborts on a model-specific register: only a guest that came up proves that guests come up.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from harness import process
from harness.cache import cache_folder
from harness.errors import SetupError, UsageError
from harness.guest.image import Image

PROGRAM = "qemu-system-x86_64"
#: Debian's package of `PROGRAM`.
PACKAGE = "qemu-system-x86"
POLICIES = ("auto", "require-kvm", "tcg")

#: Seconds in which a kernel and an initramfs must have come up and powered off under KVM.
_DEADLINE = 10.0
_DEVICE = Path("/dev/kvm")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
#: What the guest's initramfs says when it finds no disk (harness/guest/initramfs.sh).
_SENTINEL = "harness: no root file system"


@dataclass(frozen=True)
class Accelerator:
    """How QEMU runs the guest's instructions (``kvm`` or ``tcg``), and why that one."""

    name: str
    reason: str


def choose_accelerator(policy: str, image: Image) -> Accelerator:
    """KVM where *policy* allows it and a guest really boots with it, else emulation (TCG).

    The outcome of the trial is remembered until the host boots again, or QEMU or the image
    changes.  Raises `SetupError` when the policy is ``require-kvm`` and KVM does not work.
    """
    if policy not in POLICIES:
        raise UsageError(f"no accelerator policy {policy!r}", hint=f"one of {', '.join(POLICIES)}")
    if policy == "tcg":
        return Accelerator("tcg", "asked for")
    fault = _remembered_fault(image)
    if not fault:
        return Accelerator("kvm", "a trial guest booted with it")
    if policy == "require-kvm":
        raise SetupError(
            f"KVM is required and does not work: {fault}",
            hint="choose another accelerator policy to emulate, about ten times slower",
        )
    return Accelerator("tcg", f"KVM does not work: {fault}")


def _remembered_fault(image: Image) -> str:
    version = process.run([process.which(PROGRAM, package=PACKAGE), "--version"]).stdout
    situation = {
        "boot": _BOOT_ID.read_text().strip(),
        "qemu": version.splitlines()[0],
        "image": image.digest,
        "usable": os.access(_DEVICE, os.R_OK | os.W_OK),
    }
    memory = cache_folder() / "kvm-trial.json"
    if memory.exists():
        try:
            known = json.loads(memory.read_text())
        except ValueError:
            known = {}  # written by something else: try again and overwrite it
        if known.get("situation") == situation:
            return str(known["fault"])
    fault = kvm_fault(image)
    new = memory.with_name(f"{memory.name}.{os.getpid()}")
    new.write_text(json.dumps({"situation": situation, "fault": fault}))
    new.replace(memory)
    return fault


def bare_boot(image: Image, accelerator: str, cpu: str, timeout: float) -> process.Completed:
    """Boot *image*'s kernel and initramfs with no disk, which powers off with a sentinel said.

    Raises `ProcessError` when it is not over after *timeout* seconds.
    """
    words: list[str | Path] = [
        *(PROGRAM, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-machine", "q35", "-accel", accelerator, "-cpu", cpu, "-m", "256M"),
        *("-kernel", image.kernel, "-initrd", image.initrd),
        *("-append", "console=ttyS0 quiet panic=-1", "-serial", "stdio"),
    ]
    return process.run(words, timeout=timeout, check=False)


def kvm_fault(image: Image) -> str:
    """Why guests do not boot with KVM here, in a few words; "" when one did, just now."""
    if not _DEVICE.exists():
        return f"there is no {_DEVICE}"
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return f"no permission to use {_DEVICE} (is the user in the group kvm?)"
    try:
        done = bare_boot(image, "kvm", "host", _DEADLINE)
    except process.ProcessError:
        return f"a trial guest did not come up within {_DEADLINE:g} s"
    if _SENTINEL in done.stdout and done.status == 0:
        return ""
    said = (done.stderr or done.stdout).strip().splitlines()
    return f"QEMU ended with status {done.status}: {said[-1] if said else 'it said nothing'}"
