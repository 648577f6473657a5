"""The monitor, against a QEMU of a few lines."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.errors import MachineError
from harness.machines.qmp import Event, Monitor

GREETING = {"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 0}}, "capabilities": []}}
Message = dict[str, Any]
Answer = Callable[["FakeQemu", Message], list[Message] | None]


class FakeQemu:
    """Speaks QMP on one end of a socket pair; *answer* makes the replies to each command."""

    def __init__(self, answer: Answer) -> None:
        self.ours, self._theirs = socket.socketpair()
        self.commands: list[Message] = []
        self._answer = answer
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def say(self, message: Message) -> None:
        self._theirs.sendall(json.dumps(message).encode() + b"\r\n")

    def die(self) -> None:
        self._theirs.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        self.say(GREETING)
        for message in self._received():
            self.commands.append(message)
            if message["execute"] == "qmp_capabilities":
                self.say({"return": {}})  # the library gives this one no id
                continue
            for answer in self._answer(self, message) or []:
                self.say(answer if "event" in answer else {"id": message["id"], **answer})
        self._theirs.close()

    def _received(self) -> Iterator[Message]:
        """The commands; nothing separates one from the next."""
        text = ""
        while data := self._theirs.recv(65536):
            text += data.decode()
            while text:
                message, end = json.JSONDecoder().raw_decode(text)
                yield message
                text = text[end:].lstrip()


def noted(_name: str, _data: Event) -> None:
    """No event matters here."""


@pytest.fixture
def connect() -> Iterator[Callable[[Answer], tuple[FakeQemu, Monitor]]]:
    monitors: list[Monitor] = []

    def make(answer: Answer) -> tuple[FakeQemu, Monitor]:
        qemu = FakeQemu(answer)
        monitors.append(Monitor(qemu.ours, noted))
        return qemu, monitors[-1]

    yield make
    for monitor in monitors:
        monitor.close()


Connect = Callable[[Answer], tuple[FakeQemu, Monitor]]


def status(job: str, word: str) -> Message:
    stamp = {"seconds": 1, "microseconds": 2}
    data = {"id": job, "status": word}
    return {"event": "JOB_STATUS_CHANGE", "data": data, "timestamp": stamp}


def running_jobs(error: str = "") -> Answer:
    """QEMU's part in a job that runs to its end, with *error* when it fails."""

    def answer(_qemu: FakeQemu, message: Message) -> list[Message]:
        if message["execute"] == "query-jobs":
            entry = {"id": "job1", "status": "concluded", **({"error": error} if error else {})}
            return [{"return": [entry]}]
        if message["execute"] == "job-dismiss":
            return [{"return": {}}]
        job = message["arguments"]["job-id"]
        words = ("created", "running", "concluded")
        return [status(job, "created"), {"return": {}}, *(status(job, w) for w in words[1:])]

    return answer


def test_command_returns_what_qemu_answers(connect: Connect) -> None:
    qemu, monitor = connect(lambda _qemu, _message: [{"return": {"running": True}}])
    assert monitor.command("set_link", name="card0", up=False, dry_run=1) == {"running": True}
    assert qemu.commands[-1]["arguments"] == {"name": "card0", "up": False, "dry-run": 1}


def test_refusal_is_an_error_in_qemus_words(connect: Connect) -> None:
    refusal = {"error": {"class": "DeviceNotFound", "desc": "Device 'x' not found"}}
    _, monitor = connect(lambda _qemu, _message: [refusal])
    with pytest.raises(MachineError, match=r"set_link.*Device 'x' not found"):
        monitor.command("set_link", name="x", up=False)


def test_silence_is_an_error(connect: Connect) -> None:
    _, monitor = connect(lambda _qemu, _message: None)
    with pytest.raises(MachineError, match=r"within 0\.1 s"):
        monitor.command("stop", timeout=0.1)


def test_job_runs_to_its_end(connect: Connect) -> None:
    qemu, monitor = connect(running_jobs())
    monitor.job("snapshot-save", tag="t", vmstate="root", devices=["root"])
    assert [command["execute"] for command in qemu.commands[1:]] == [
        "snapshot-save",
        "query-jobs",
        "job-dismiss",
    ]


def test_failed_job_is_an_error_in_its_own_words(connect: Connect) -> None:
    _, monitor = connect(running_jobs("No space left on device"))
    with pytest.raises(MachineError, match=r"snapshot-save failed: No space left on device"):
        monitor.job("snapshot-save", tag="t")


@pytest.mark.parametrize("name", ["command", "job"])
def test_death_in_the_middle_is_noticed_at_once(connect: Connect, name: str) -> None:
    def die(qemu: FakeQemu, message: Message) -> None:
        if name == "job":  # it has begun
            qemu.say({"return": {}, "id": message["id"]})
        qemu.die()

    _, monitor = connect(die)
    with pytest.raises(MachineError):
        getattr(monitor, name)("snapshot-load", tag="t")
    with pytest.raises(MachineError):
        monitor.command("query-status")


def test_no_greeting_is_an_error() -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with pytest.raises(MachineError, match="connect"):
        Monitor(ours, noted)
    ours.close()


def test_closed_monitor_refuses(connect: Connect) -> None:
    _, monitor = connect(lambda _qemu, _message: [{"return": {}}])
    monitor.close()
    monitor.close()
    with pytest.raises(MachineError, match="closed"):
        monitor.command("stop")


def test_events_are_noticed_while_nobody_waits() -> None:
    heard = threading.Event()
    seen: list[tuple[str, Event]] = []

    def note(name: str, data: Event) -> None:
        seen.append((name, data))
        heard.set()

    qemu = FakeQemu(lambda _qemu, _message: None)
    monitor = Monitor(qemu.ours, note)
    stamp = {"seconds": 1, "microseconds": 2}
    qemu.say({"event": "BLOCK_IO_ERROR", "data": {"nospace": True}, "timestamp": stamp})
    assert heard.wait(10)
    assert seen == [("BLOCK_IO_ERROR", {"nospace": True})]
    monitor.close()
