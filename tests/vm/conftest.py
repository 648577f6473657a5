"""Real machines for the tests that boot."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.guest.image import Image, ensure_image
from harness.machines.accelerator import Accelerator, choose_accelerator
from harness.machines.base import MachineSize
from harness.machines.command_line import Forwards
from harness.machines.qemu import QemuMachine

MakeMachine = Callable[..., QemuMachine]
SMALL = MachineSize(memory=384, disk=768, second_disk=64)


@pytest.fixture(scope="session")
def image() -> Image:
    """The guest image, built first if the cache lacks it."""
    return ensure_image(logging.getLogger(__name__).info)


@pytest.fixture(scope="session")
def accelerator(image: Image) -> Accelerator:
    """The best that this host has."""
    return choose_accelerator("auto", image)


@pytest.fixture(scope="module")
def make_machine(
    image: Image, accelerator: Accelerator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeMachine]:
    """Make machines, not started yet; whatever is left of them is ended after the module."""
    made: list[QemuMachine] = []

    def make(forwards: Forwards | None = None, size: MachineSize | None = None) -> QemuMachine:
        folder: Path = tmp_path_factory.mktemp("machine")
        machine = QemuMachine(image, folder, size or MachineSize(), forwards or {}, accelerator)
        made.append(machine)
        return machine

    yield make
    for machine in made:
        machine.crash()


@pytest.fixture
def small(make_machine: MakeMachine) -> Iterator[QemuMachine]:
    """A machine for a test that breaks it; nothing may be left of it afterwards."""
    own = make_machine(size=SMALL)
    own.start()
    yield own
    own.crash()
    assert not processes_mentioning(str(own._folder))
    assert not list(own._folder.glob("*.qcow2"))


def processes_mentioning(text: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if text in words and entry.name != str(os.getpid()):
                found.append(words)
    return found
