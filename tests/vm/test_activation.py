"""What the pocket system's activation does to /etc, in the guest's own shell."""

from __future__ import annotations

from pathlib import Path

import pytest

import harness.systems.pocket
from harness.machines.qemu import QemuMachine
from tests.vm.conftest import MakeMachine

pytestmark = pytest.mark.vm

MODULES = Path(harness.systems.pocket.__file__).parent / "tree" / "nixos" / "modules"
#: Three systems; their etc are as the module builds them: links to sources, and modes of copies.
SYSTEMS = """\
mkdir -p /root/a/ssh/deep /root/b/ssh /root/sources /root/one /root/two /root/three; cd /root
ln -s /root/a one/etc; ln -s /root/b two/etc; ln -s /root/a three/etc
for name in plain deep copy other .hidden; do echo "$name" >sources/$name; done
ln -s /root/sources/plain a/plain; ln -s /root/sources/deep a/ssh/deep/file
ln -s /root/sources/copy a/ssh/copy; echo 0600 >a/ssh/copy.mode
ln -s /root/sources/.hidden a/.hidden; ln -s /root/sources a/folder
ln -s /root/sources/other b/plain; ln -s /root/sources/copy b/ssh/copy
"""


@pytest.fixture(scope="module")
def started(make_machine: MakeMachine) -> QemuMachine:
    machine = make_machine()
    machine.start()
    functions = (MODULES / "activate-functions.sh").read_text()
    text = functions.replace("@out@", "$1").replace("@busybox@", "/usr")
    text += 'setup_etc "$systemConfig/etc"\n' + (MODULES / "activate-end.sh").read_text()
    machine.succeed(f"cat >/root/activate <<'EOF'\n{text}EOF\n{SYSTEMS}")
    machine.succeed("ln -s /root/sources/plain /etc/foreign; ln -s /gone /etc/dangling")
    return machine


@pytest.fixture
def machine(started: QemuMachine) -> QemuMachine:
    """The same machine, without an activation of an earlier test."""
    names = ("static", ".clean", "plain", "ssh", ".hidden", "folder")
    started.succeed(f"rm -rf /run/current-system {' '.join(f'/etc/{name}' for name in names)}")
    return started


def activate(machine: QemuMachine, system: str) -> None:
    machine.succeed(f"busybox sh -eu /root/activate /root/{system}")


def linked(machine: QemuMachine, name: str) -> str:
    return machine.succeed(f"readlink /etc/{name}").strip()


def test_every_entry_is_linked_by_way_of_static_and_modes_make_copies(
    machine: QemuMachine,
) -> None:
    activate(machine, "one")
    assert linked(machine, "static") == "/root/one/etc"
    for name in ("plain", "ssh/deep/file", ".hidden", "folder"):
        assert linked(machine, name) == f"/etc/static/{name}"
    assert machine.succeed("cat /etc/ssh/deep/file /etc/.hidden") == "deep\n.hidden\n"
    assert machine.succeed("stat -c '%F %a' /etc/ssh/copy") == "regular file 600\n"
    assert machine.succeed("ls /etc/ssh") == "copy\ndeep\n"


def test_what_the_next_system_lacks_is_gone_and_what_others_put_there_stays(
    machine: QemuMachine,
) -> None:
    activate(machine, "one")
    activate(machine, "two")
    assert machine.succeed("cat /etc/plain /etc/ssh/copy") == "other\ncopy\n"
    assert linked(machine, "ssh/copy") == "/etc/static/ssh/copy"
    machine.fail("ls -d /etc/.hidden /etc/ssh/deep/file /etc/folder 2>&1 | grep -v 'No such'")
    assert machine.succeed("cat /etc/foreign") == "plain\n"
    assert linked(machine, "dangling") == "/gone"
    assert machine.succeed("cat /etc/.clean") == ""


def test_what_was_changed_by_hand_is_put_right(machine: QemuMachine) -> None:
    activate(machine, "one")
    machine.succeed(
        "rm /etc/plain; echo mine >/etc/plain; rm /etc/ssh/deep/file; chmod 777 /etc/ssh/copy;"
        " ln -sfn /root/sources/other /etc/.hidden"
    )
    activate(machine, "one")
    assert machine.succeed("cat /etc/plain /etc/ssh/deep/file /etc/.hidden") == (
        "plain\ndeep\n.hidden\n"
    )
    assert machine.succeed("stat -c %a /etc/ssh/copy") == "600\n"


def test_a_collected_system_does_not_take_its_likes_etc_with_it(machine: QemuMachine) -> None:
    """Systems often share an etc; the links lead by way of the system that is running."""
    activate(machine, "one")
    activate(machine, "three")
    assert linked(machine, "static") == "/root/three/etc"
    machine.succeed("mv /root/one /root/collected")
    assert machine.succeed("cat /etc/plain; mv /root/collected /root/one") == "plain\n"
