"""A machine's disks: real files made by QEMU's own program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import process
from harness.errors import SetupError
from harness.guest.image import Image
from harness.machines.base import MachineSize
from harness.machines.disks import DISKS, MEMORY, ROOT, SECOND, Disks

SIZE = MachineSize(disk=64, second_disk=32)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    folder = tmp_path / "image, with a comma"
    folder.mkdir()
    (folder / "rootfs").write_bytes(bytes(8 << 20))
    return Image(folder, "digest", {"linux-image-6.1-cloud": "1"})


@pytest.fixture
def disks(tmp_path: Path, image: Image) -> Disks:
    made = Disks(tmp_path / "machine, too")
    made.paths[ROOT].parent.mkdir()
    made.create(image, SIZE)
    return made


def information(disk: Path) -> dict[str, object]:
    done = process.run(["qemu-img", "info", "--output=json", disk])
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def access(disks: Disks) -> set[str]:
    nodes = [json.loads(word) for word in disks.arguments() if "node-name" in word]
    return {node["file"]["aio"] for node in nodes}


def test_sizes_and_what_is_below(disks: Disks, image: Image) -> None:
    root, second = (information(disks.paths[name]) for name in DISKS)
    assert (root["virtual-size"], second["virtual-size"]) == (64 << 20, 32 << 20)
    assert root["full-backing-filename"] == str(image.rootfs)
    assert "backing-filename" not in second


def test_what_holds_the_memory_has_large_clusters_and_nothing_below(disks: Disks) -> None:
    assert MEMORY == SECOND
    assert information(disks.paths[MEMORY])["cluster-size"] == 1 << 20


def test_too_small_for_the_guest(tmp_path: Path, image: Image) -> None:
    with pytest.raises(SetupError, match="a disk of 7 MiB does not hold the guest"):
        Disks(tmp_path).create(image, MachineSize(disk=7))


def test_a_disk_error_stops_the_machine_and_is_never_the_guests(disks: Disks) -> None:
    devices = [json.loads(word) for word in disks.arguments() if "virtio-blk" in word]
    assert [device["drive"] for device in devices] == list(DISKS)
    assert {(device["werror"], device["rerror"]) for device in devices} == {("stop", "stop")}


def test_threads_where_io_uring_cannot_be_had(
    tmp_path: Path, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What `qemu-img info` says where a container forbids the system call."""
    run = process.run
    refused = process.Completed((), 1, "", "Could not open: Unable to use io_uring")
    asked = []

    def without(words: list[str | Path], **options: object) -> process.Completed:
        if "info" not in words:
            return run(words)
        asked.append(str(words[-1]))
        return refused

    monkeypatch.setattr(process, "run", without)
    made = Disks(tmp_path)
    made.create(image, SIZE)
    assert access(made) == {"threads"}
    assert asked == [f"driver=file,aio=io_uring,filename={made.paths[ROOT]}"]


def test_they_are_gone_when_removed(disks: Disks) -> None:
    assert access(disks) <= {"threads", "io_uring"}
    disks.remove()
    assert not any(path.exists() for path in disks.paths.values())
    disks.remove()
