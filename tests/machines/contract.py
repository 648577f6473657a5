"""What every implementation of `Machine` has to do, as checks on a started machine.

A test parametrizes over `CHECKS` (and `CHECKPOINT_CHECKS` where the machine has the capability)
and calls each with a machine and an empty folder of the host.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import CommandFailed, MachineError
from harness.machines.base import Link, Machine

Check = Callable[[Machine, Path], None]


def status_and_streams_are_told_apart(machine: Machine, folder: Path) -> None:
    done = machine.execute("echo out; echo err >&2; exit 3")
    assert (done.status, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert machine.execute("true").stderr == "", "standard error of an earlier command came along"


def odd_text_arrives_unharmed(machine: Machine, folder: Path) -> None:
    text = "ä€😀 'single' \"double\" $HOME `id` \\ \t !x\nsecond line %s * #"
    assert machine.succeed("cat <<'END'\n" + text + "\nEND") == f"{text}\n"


def bad_utf8_is_decoded_lossily(machine: Machine, folder: Path) -> None:
    assert machine.succeed("printf 'a\\377b'") == "a\ufffdb"


def large_output_is_complete(machine: Machine, folder: Path) -> None:
    done = machine.execute("seq 300000; seq 100000 >&2")
    assert done.stdout.splitlines() == [str(number) for number in range(1, 300001)]
    assert done.stderr.splitlines() == [str(number) for number in range(1, 100001)]


def long_command_is_run(machine: Machine, folder: Path) -> None:
    word = "it's " * 60_000
    assert machine.succeed(f'echo "{word}" | wc -c') == f"{len(word) + 1}\n"
    assert machine.execute(f"false; # {word}").status == 1


def standard_input_is_empty(machine: Machine, folder: Path) -> None:
    assert machine.succeed("cat; read -r line || echo end") == "end\n"


def failing_pipes_and_unset_variables_fail(machine: Machine, folder: Path) -> None:
    assert machine.execute("false | true").status == 1
    assert machine.execute("echo $unset; echo on").status != 0
    assert machine.execute("false; echo on").stdout == ""


def nothing_persists_in_the_shell(machine: Machine, folder: Path) -> None:
    machine.succeed("export FOO=1; cd /; set +u")
    assert machine.succeed("echo ${FOO-gone}; pwd") == "gone\n/tmp\n"


def time_limit_gives_status_124(machine: Machine, folder: Path) -> None:
    done = machine.execute("echo before; sleep 600; echo after", timeout=1.5)
    assert (done.status, done.stdout) == (124, "before\n")
    assert machine.succeed("echo next") == "next\n"


def time_limit_holds_for_the_stubborn(machine: Machine, folder: Path) -> None:
    assert machine.execute("trap '' TERM; while :; do sleep 1; done", timeout=1).status == 124


def closed_background_job_does_not_hold_up(machine: Machine, folder: Path) -> None:
    machine.succeed("sleep 1000 >/dev/null 2>&1 & echo $! > /tmp/job")
    machine.succeed("kill $(cat /tmp/job)")


def a_daemons_stderr_does_not_garble_later_ones(machine: Machine, folder: Path) -> None:
    machine.succeed("(sleep 1; echo late >&2) >/dev/null & echo early >&2")
    done = machine.execute("echo mine >&2; sleep 2; echo too >&2")
    assert done.stderr == "mine\nlate\ntoo\n"


def success_and_failure_are_demanded(machine: Machine, folder: Path) -> None:
    assert machine.succeed("echo fine") == "fine\n"
    assert machine.fail("echo bad; exit 7") == "bad\n"
    with pytest.raises(CommandFailed, match="status 7") as caught:
        machine.succeed("echo out; echo why >&2; exit 7")
    assert caught.value.status == 7
    assert "why" in caught.value.output
    with pytest.raises(CommandFailed):
        machine.fail("true")


def waiting_repeats_until_success(machine: Machine, folder: Path) -> None:
    machine.succeed("rm -f /tmp/tries")
    tries = machine.wait_until_succeeds(
        "echo x >> /tmp/tries; test $(wc -l < /tmp/tries) -ge 3; wc -l < /tmp/tries", 60
    )
    assert tries == "3\n"
    with pytest.raises(CommandFailed):
        machine.wait_until_succeeds("false", 2)


def files_survive_both_ways(machine: Machine, folder: Path) -> None:
    content = bytes(range(256)) * 40_000
    (folder / "file").write_bytes(content)
    machine.copy_from_host(folder / "file", "/root/made/folder/copied file")
    machine.succeed("test $(stat -c %u /root/made/folder/copied\\ file) = 0")
    machine.copy_from_machine("/root/made/folder/copied file", folder / "back")
    assert (folder / "back").read_bytes() == content


def folders_survive_both_ways(machine: Machine, folder: Path) -> None:
    source = folder / "source"
    (source / "empty").mkdir(parents=True)
    (source / "deep" / "er").mkdir(parents=True)
    (source / "deep" / "er" / "naïve 'name'\n").write_text("x")
    (source / "link").symlink_to("/nix/store/nowhere")
    (source / "tool").write_text("#!/bin/sh\n")
    (source / "tool").chmod(0o755)
    machine.copy_from_host(source, "/root/tree")
    machine.succeed("test -x /root/tree/tool && test -L /root/tree/link && echo y > /root/tree/y")
    machine.copy_from_host(source, "/root/tree")
    machine.copy_from_machine("/root/tree", folder / "back")
    names = sorted(str(path.relative_to(folder / "back")) for path in (folder / "back").rglob("*"))
    found = sorted([*(str(path.relative_to(source)) for path in source.rglob("*")), "y"])
    assert names == found
    assert (folder / "back" / "link").readlink() == Path("/nix/store/nowhere")


def copying_what_is_missing_fails(machine: Machine, folder: Path) -> None:
    with pytest.raises(MachineError):
        machine.copy_from_machine("/root/no-such-file", folder / "nothing")
    assert not (folder / "nothing").exists()
    with pytest.raises(MachineError):
        machine.copy_from_host(folder / "no-such-file", "/root/nothing")
    assert machine.succeed("echo still here") == "still here\n"


def links_are_cut_and_restored(machine: Machine, folder: Path) -> None:
    carrier = "cat /sys/class/net/eth*/carrier"
    machine.set_link(Link.DOWN)
    assert set(machine.links().values()) == {Link.DOWN}
    machine.wait_until_succeeds(f"! {carrier} | grep 1", 30)
    machine.set_link(Link.UP)
    assert set(machine.links().values()) == {Link.UP}
    machine.wait_until_succeeds(f"! {carrier} | grep 0", 30)


def checkpoint_holds_disk_and_memory(machine: Machine, folder: Path) -> None:
    machine.succeed("echo disk > /root/kept; sync; echo memory > /dev/shm/kept; rm -f /root/new")
    machine.succeed("sleep 1000 >/dev/null 2>&1 & echo $! > /dev/shm/job")
    machine.checkpoint("kept")
    machine.succeed("rm /root/kept /dev/shm/kept; touch /root/new; sync; kill $(cat /dev/shm/job)")
    for _ in range(3):
        machine.restore("kept")
        assert machine.succeed("cat /root/kept /dev/shm/kept") == "disk\nmemory\n"
        machine.succeed("! test -e /root/new; kill -0 $(cat /dev/shm/job); touch /root/new")
    machine.succeed("kill $(cat /dev/shm/job)")
    machine.forget("kept")


def checkpoints_branch_and_are_replaced(machine: Machine, folder: Path) -> None:
    for content in ("one", "two"):
        machine.succeed(f"echo {content} > /root/state")
        machine.checkpoint(content)
    machine.restore("one")
    machine.succeed("echo three > /root/state")
    machine.checkpoint("two")
    machine.restore("one")
    assert machine.succeed("cat /root/state") == "one\n"
    machine.restore("two")
    assert machine.succeed("cat /root/state") == "three\n"
    machine.forget("one")
    with pytest.raises(MachineError):
        machine.restore("one")
    machine.forget("two")
    assert machine.succeed("echo well") == "well\n"


def restoring_keeps_the_link_that_was_set_last(machine: Machine, folder: Path) -> None:
    carrier = "cat /sys/class/net/eth*/carrier"
    machine.checkpoint("plugged")
    machine.set_link(Link.DOWN)
    machine.restore("plugged")
    assert set(machine.links().values()) == {Link.DOWN}
    machine.wait_until_succeeds(f"! {carrier} | grep 1", 30)
    machine.checkpoint("unplugged")
    machine.set_link(Link.UP)
    machine.restore("unplugged")
    assert set(machine.links().values()) == {Link.UP}
    machine.wait_until_succeeds(f"! {carrier} | grep 0", 30)
    for tag in ("plugged", "unplugged"):
        machine.forget(tag)


def branches_leave_nothing_behind(machine: Machine, folder: Path) -> None:
    places = "/root /run /tmp /etc /nix /dev/shm"
    machine.succeed(f"for place in {places}; do echo kept > $place/state; done")
    name = machine.succeed("hostname").strip()
    machine.succeed("hostname before; ip addr add 10.9.9.9/32 dev lo")
    machine.checkpoint("start")
    for _ in range(3):
        machine.branch("start")
        machine.succeed("test $(hostname) = before; hostname after")
        machine.succeed("ip addr show dev lo | grep 10.9.9.9; ip addr del 10.9.9.9/32 dev lo")
        assert machine.succeed(f"for p in {places}; do cat $p/state; done") == "kept\n" * 6
        machine.succeed(
            f"for p in {places}; do ! test -e $p/new; echo x | tee $p/state $p/new; done"
        )
        machine.succeed("! ps | grep '[s]leep 4321'; sleep 4321 >/dev/null 2>&1 &")
        assert machine.succeed("ps | grep -c '[s]leep 4321'") == "1\n"
        machine.copy_from_host(Path(__file__), "/root/copied")
    machine.restore("start")
    assert machine.succeed(f"for p in {places}; do cat $p/state; done") == "kept\n" * 6
    machine.succeed(f"for p in {places}; do ! test -e $p/new; rm $p/state; done")
    machine.succeed(f"hostname {name}; ip addr del 10.9.9.9/32 dev lo")
    machine.forget("start")
    with pytest.raises(MachineError, match="no checkpoint"):
        machine.branch("start")


def the_clock_goes_back_with_a_checkpoint(machine: Machine, folder: Path) -> None:
    machine.checkpoint("then")
    machine.succeed("date -s 2030-01-01")
    time.sleep(1)
    machine.restore("then")
    assert not machine.succeed("date +%Y").startswith("2030")
    machine.forget("then")


CHECKS: tuple[Check, ...] = (
    status_and_streams_are_told_apart,
    odd_text_arrives_unharmed,
    bad_utf8_is_decoded_lossily,
    large_output_is_complete,
    long_command_is_run,
    standard_input_is_empty,
    failing_pipes_and_unset_variables_fail,
    nothing_persists_in_the_shell,
    time_limit_gives_status_124,
    time_limit_holds_for_the_stubborn,
    closed_background_job_does_not_hold_up,
    a_daemons_stderr_does_not_garble_later_ones,
    success_and_failure_are_demanded,
    waiting_repeats_until_success,
    files_survive_both_ways,
    folders_survive_both_ways,
    copying_what_is_missing_fails,
    links_are_cut_and_restored,
)
CHECKPOINT_CHECKS: tuple[Check, ...] = (
    checkpoint_holds_disk_and_memory,
    checkpoints_branch_and_are_replaced,
    restoring_keeps_the_link_that_was_set_last,
    branches_leave_nothing_behind,
    the_clock_goes_back_with_a_checkpoint,
)
