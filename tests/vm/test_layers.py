"""Layers over a real machine: each cell's own, over disks that nobody can write."""

from __future__ import annotations

import time

import pytest

from harness.errors import MachineError
from harness.machines.layers import Layers
from harness.machines.qemu import QemuMachine

pytestmark = pytest.mark.vm


def test_disks_are_read_only_below_a_branch(small: QemuMachine) -> None:
    small.checkpoint("start")
    small.branch("start")
    with pytest.raises(MachineError, match="in a branch of start"):
        small.checkpoint("more")
    assert small.execute("mkdir /d; mount -o rw /dev/vda /d").status != 0
    small.restore("start")
    small.succeed("! test -e /d; touch /x")


@pytest.mark.parametrize("left", ["/dev/null", "/root/open"])
def test_where_something_runs_a_branch_is_a_restore(small: QemuMachine, left: str) -> None:
    small.succeed(f"sleep 1000 > {left} 2>&1 &")
    small.checkpoint("start")
    for _ in range(2):
        small.branch("start")
        small.succeed("! test -e /root/new; touch /root/new; ps | grep '[s]leep 1000'")
    small.restore("start")
    small.succeed("! test -e /root/new")


def test_a_file_over_another_is_read_only_in_a_branch(small: QemuMachine) -> None:
    small.succeed(
        "echo kept > /run/over; echo below > /root/file; mount --bind /run/over /root/file"
    )
    small.checkpoint("start")
    for _ in range(2):
        small.branch("start")
        small.succeed("test $HARNESS_LAYER -gt 0; test $(cat /root/file) = kept")
        assert "Read-only" in small.execute("echo new > /root/file").stderr
    small.restore("start")


def test_a_systems_daemons_run_in_every_layer(small: QemuMachine) -> None:
    activate = "sleep 7777 >/dev/null 2>&1 & echo $! > /run/sleepd.pid"
    small.succeed(
        "mkdir -p /run/current-system; cd /run/current-system;"
        f" printf '#!/bin/sh\\n%s\\n' '{activate}' > activate; chmod +x activate; ./activate"
    )
    runs = "test $(ps | grep -c '[s]leep 7777') = 1; kill -0 $(cat /run/sleepd.pid)"
    small.succeed(runs)
    small.checkpoint("start")
    for _ in range(2):
        small.branch("start")
        small.succeed(f"test $HARNESS_LAYER -gt 0; {runs}; kill $(cat /run/sleepd.pid)")
    small.restore("start")
    small.succeed(runs)


def test_sabotage_the_layer_ends_before_its_cell(small: QemuMachine) -> None:
    small.checkpoint("start")
    small.branch("start")
    small.execute("(sleep 1; busybox poweroff -f) >/dev/null 2>&1 &")
    time.sleep(3)
    with pytest.raises(MachineError, match=r"comes from layer \[0\], not from 1"):
        small.execute("true")


def test_sabotage_the_disk_stays_writable(
    small: QemuMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.checkpoint("start")
    freeze = Layers.freeze

    def thaw(layers: Layers) -> bool:
        return freeze(layers) and small._shell().execute("mount -o remount,rw /", 60).status == 0

    monkeypatch.setattr(Layers, "freeze", thaw)
    with pytest.raises(MachineError, match="a disk below the layer is writable: /"):
        small.branch("start")


@pytest.mark.parametrize("program", ["layer", "unshare"])
def test_a_layer_whose_program_fails_does_not_look_like_a_hanging_machine(
    small: QemuMachine, program: str
) -> None:
    """`busybox unshare` asks the kernel, which may refuse; here by its limit of name spaces."""
    broken = {
        "layer": "rm /usr/bin/layer",
        "unshare": "echo 0 > /proc/sys/user/max_pid_namespaces",
    }
    small.succeed(broken[program])
    small.checkpoint("start")
    with pytest.raises(MachineError, match="layer 1 did not begin"):
        small.branch("start")


def test_powering_off_from_a_branch(small: QemuMachine) -> None:
    small.checkpoint("start")
    small.branch("start")
    small.shutdown()
