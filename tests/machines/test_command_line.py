"""The words that QEMU gets."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from harness.guest.image import Image
from harness.machines.accelerator import Accelerator
from harness.machines.base import MachineSize
from harness.machines.command_line import Forwards, Wiring, arguments
from harness.machines.disks import Disks

IMAGE = Image(Path("/cache/an odd 'name', really"), "digest", {"linux-image-6.1-cloud": "1"})
DISKS = Disks(Path("/run, folder"))
WIRING = Wiring(10, 11, 12, 13, console=Path("/run, folder/log"), disks=DISKS)


def line(forwards: Forwards | None = None, accelerator: str = "tcg") -> list[str]:
    size = MachineSize(memory=777, cores=3)
    return arguments(IMAGE, size, Accelerator(accelerator, ""), forwards or {}, WIRING)


def option(words: list[str], name: str) -> list[str]:
    return [words[at + 1] for at, word in enumerate(words) if word == name]


def test_size_and_files() -> None:
    words = line()
    assert option(words, "-m") == ["777M"]
    assert option(words, "-smp") == ["3"]
    assert option(words, "-kernel") == [str(IMAGE.folder / "kernel")]
    disks = [json.loads(word) for word in option(words, "-blockdev")]
    assert [disk["file"]["filename"] for disk in disks] == [str(p) for p in DISKS.paths.values()]


def test_commas_in_paths_are_doubled() -> None:
    assert "file,id=console,path=/run,, folder/log" in option(line(), "-chardev")


def test_every_socket_is_wired_once() -> None:
    chardevs = " ".join(option(line(), "-chardev"))
    for number in (10, 11, 12, 13):
        assert chardevs.count(f"fd={number}") == 1


@pytest.mark.parametrize(("accelerator", "cpu"), [("kvm", "host"), ("tcg", "qemu64,-cx16")])
def test_processor_goes_with_the_accelerator(accelerator: str, cpu: str) -> None:
    words = line(accelerator=accelerator)
    assert option(words, "-accel") == [accelerator]
    assert option(words, "-cpu")[0].startswith(cpu)


def test_network_is_restricted_and_forwards_only_what_is_asked() -> None:
    words = line({("10.0.2.100", 80): 4711, ("10.0.2.100", 53): 53053})
    [plug] = [json.loads(word) for word in option(words, "-netdev")]
    assert plug["restrict"] is True
    forwards = [entry["str"].split("-cmd:") for entry in plug["guestfwd"]]
    assert [guest for guest, _ in forwards] == ["tcp:10.0.2.100:80", "tcp:10.0.2.100:53"]
    relay = [str(IMAGE.relay), "nc", "127.0.0.1"]
    assert [shlex.split(command) for _, command in forwards] == [
        [*relay, "4711"],
        [*relay, "53053"],
    ]


def test_no_forwards_no_way_out() -> None:
    [plug] = [json.loads(word) for word in option(line(), "-netdev")]
    assert plug["guestfwd"] == []
