"""Whether KVM can be used: found out by booting, never by looking at ``/dev/kvm``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Accelerator:
    """How QEMU runs the guest's instructions (``kvm`` or ``tcg``), and why that one."""

    name: str
    reason: str
