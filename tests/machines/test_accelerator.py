"""The choice of an accelerator, with a QEMU that behaves as each test says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import process
from harness.errors import SetupError, UsageError
from harness.guest.image import Image
from harness.machines import accelerator
from harness.machines.accelerator import choose_accelerator, kvm_fault
from harness.process import Completed, ProcessError

BOOTED = Completed((), 0, "SeaBIOS\r\nharness: no root file system\r\n", "")
ABORTED = Completed((), -6, "", "qemu: kvm_buf_set_msrs: Assertion failed.\n")


class Host:
    """A host with a KVM device of its own; *trials* counts the guests it booted."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.image = Image(folder / "image", "digest", {})
        self.device = folder / "kvm"
        self.device.touch()
        self.boot_id = folder / "boot_id"
        self.boot_id.write_text("one\n")
        self.version = "QEMU emulator version 7.2"
        self.outcome: Completed | ProcessError = BOOTED
        self.trials = 0
        patch.setattr(accelerator, "_DEVICE", self.device)
        patch.setattr(accelerator, "_BOOT_ID", self.boot_id)
        patch.setattr(process, "which", lambda name, package="": Path(name))
        patch.setattr(process, "run", self.run)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        (folder / "cache/offline-rebuild-harness").mkdir(parents=True)

    def run(self, words: list[Any], **_options: object) -> Completed:
        if "--version" in words:
            return Completed((), 0, f"{self.version}\nCopyright\n", "")
        self.trials += 1
        assert "kvm" in words
        if isinstance(self.outcome, ProcessError):
            raise self.outcome
        return self.outcome


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return Host(tmp_path, monkeypatch)


def test_kvm_when_a_guest_really_booted(host: Host) -> None:
    chosen = choose_accelerator("auto", host.image)
    assert (chosen.name, host.trials) == ("kvm", 1)


def test_emulation_with_the_reason_otherwise(host: Host) -> None:
    host.outcome = ABORTED
    chosen = choose_accelerator("auto", host.image)
    assert chosen.name == "tcg"
    assert "Assertion failed" in chosen.reason


def test_required_kvm_that_does_not_work_is_an_error(host: Host) -> None:
    host.outcome = ABORTED
    with pytest.raises(SetupError, match="Assertion failed"):
        choose_accelerator("require-kvm", host.image)


def test_emulation_asked_for_needs_no_trial(host: Host) -> None:
    assert choose_accelerator("tcg", host.image).name == "tcg"
    assert host.trials == 0


def test_unknown_policy_is_refused(host: Host) -> None:
    with pytest.raises(UsageError):
        choose_accelerator("fast", host.image)


@pytest.mark.parametrize(
    "outcome",
    [
        Completed((), 0, "SeaBIOS\r\n", ""),
        Completed((), 1, BOOTED.stdout, "late trouble"),
        ProcessError(Completed(("qemu",), -9, "", "still running after 10 s")),
    ],
)
def test_anything_but_a_clean_boot_is_a_fault(
    host: Host, outcome: Completed | ProcessError
) -> None:
    host.outcome = outcome
    assert kvm_fault(host.image)


def test_missing_and_forbidden_devices_need_no_trial(host: Host) -> None:
    host.device.unlink()
    assert "there is no" in kvm_fault(host.image)
    assert host.trials == 0


@pytest.mark.parametrize("outcome", [BOOTED, ABORTED])
def test_the_outcome_is_remembered(host: Host, outcome: Completed) -> None:
    host.outcome = outcome
    assert choose_accelerator("auto", host.image) == choose_accelerator("auto", host.image)
    assert host.trials == 1


def changed_boot(host: Host) -> None:
    host.boot_id.write_text("two\n")


def changed_qemu(host: Host) -> None:
    host.version = "QEMU emulator version 10.0"


def changed_image(host: Host) -> None:
    host.image = Image(host.image.folder, "another", {})


def changed_device(host: Host) -> None:
    host.device.unlink()


def garbage(host: Host) -> None:
    [memory] = host.image.folder.parent.glob("cache/*/kvm-trial.json")
    memory.write_text("not JSON")


@pytest.mark.parametrize("change", [changed_boot, changed_qemu, changed_image, garbage])
def test_a_changed_situation_is_tried_anew(host: Host, change: Callable[[Host], None]) -> None:
    choose_accelerator("auto", host.image)
    change(host)
    host.outcome = ABORTED
    assert choose_accelerator("auto", host.image).name == "tcg"
    assert host.trials == 2


def test_a_device_that_went_away_is_noticed(host: Host) -> None:
    assert choose_accelerator("auto", host.image).name == "kvm"
    changed_device(host)
    assert choose_accelerator("auto", host.image).name == "tcg"
