"""The shell protocol, against a guest of a few lines and against the real bash of this host."""

from __future__ import annotations

import base64
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.machines import backdoor
from harness.machines.backdoor import GREETING, Backdoor, LostShellError, parse_answer, request
from harness.machines.base import Output

Reply = Callable[[bytes, socket.socket], None]


class Guest:
    """The other ends of a backdoor's two sockets; *reply* answers each line that arrives."""

    def __init__(self) -> None:
        ours_console, self.console = socket.socketpair()
        ours_answers, self.answers = socket.socketpair()
        self.door = Backdoor(ours_console, ours_answers, "/dev/port")

    def greet(self, before: bytes = b"") -> None:
        self.console.sendall(before + GREETING + b"\n")
        self.door.wait_until_open(5)
        assert self.line() == b"exec 4>/dev/port"

    def line(self) -> bytes:
        data = b""
        while not data.endswith(b"\n"):
            data += self.console.recv(1)
        return data[:-1]

    def answering(self, *pieces: bytes) -> threading.Thread:
        def answer() -> None:
            self.line()
            for piece in pieces:
                self.answers.sendall(piece)

        thread = threading.Thread(target=answer)
        thread.start()
        return thread

    def close(self) -> None:
        self.door.close()
        self.console.close()
        self.answers.close()


@pytest.fixture
def guest() -> Iterator[Guest]:
    made = Guest()
    yield made
    made.close()


@pytest.fixture
def open_guest(guest: Guest) -> Guest:
    guest.greet()
    return guest


def encoded(text: str) -> bytes:
    return base64.b64encode(text.encode())


def test_greeting_may_come_in_pieces_and_after_noise(guest: Guest) -> None:
    half = len(GREETING) // 2
    guest.console.sendall(b"noise\r\n" + GREETING[:half])
    threading.Timer(0.05, guest.console.sendall, (GREETING[half:] + b"\n",)).start()
    guest.door.wait_until_open(5)


def test_no_greeting_is_an_error(guest: Guest) -> None:
    guest.console.sendall(b"Spawning something else\n")
    with pytest.raises(LostShellError, match="hangs"):
        guest.door.wait_until_open(0.1)


def test_answer_in_single_bytes(open_guest: Guest) -> None:
    answer = encoded("out") + b"\n1 3 0\n" + encoded("err") + b"\n"
    thread = open_guest.answering(*(answer[i : i + 1] for i in range(len(answer))))
    assert open_guest.door.execute("x", 10) == Output(3, "out", "err")
    thread.join()


def test_a_layer_says_what_it_shares_and_its_answers_come_from_it(open_guest: Guest) -> None:
    thread = open_guest.answering(b"mounts\nro", b"utes\nlayer 3\n")
    assert open_guest.door.begin_layer("layer 3", 3, 10) == "mounts\nroutes"
    thread.join()
    thread = open_guest.answering(b"\n1 0 0\n\n")
    with pytest.raises(LostShellError, match="comes from layer"):
        open_guest.door.execute("x", 10)
    thread.join()


@pytest.mark.parametrize(
    ("said", "error"),
    [(b"mounts\nlayer 3: failed\n", "layer 3 did not begin"), (b"mounts\nlayer 2\n", "hangs")],
)
def test_a_layer_that_does_not_begin(
    open_guest: Guest, monkeypatch: pytest.MonkeyPatch, said: bytes, error: str
) -> None:
    monkeypatch.setattr(backdoor, "GRACE", 0.1)
    thread = open_guest.answering(said)
    with pytest.raises(LostShellError, match=error):
        open_guest.door.begin_layer("layer 3", 3, 0.2)
    thread.join()


def test_answers_follow_their_commands(open_guest: Guest) -> None:
    for number in range(1, 4):
        thread = open_guest.answering(b"%s\n%d 0 0\n\n" % (encoded(str(number)), number))
        assert open_guest.door.execute("x", None).stdout == str(number)
        thread.join()


def test_answer_to_another_command_is_refused(open_guest: Guest) -> None:
    thread = open_guest.answering(b"\n7 0 0\n\n")
    with pytest.raises(LostShellError, match="out of step"):
        open_guest.door.execute("x", 10)
    thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"%%%\n1 0 0\n\n",
        b"YQ==\nx y 0\n\n",
        b"YQ==\n1\n\n",
        b"YQ==\n1 0\n\n",
        b"YQ==\n1 0 1\n\n",
        b"YQ==\n1 0 0 0\n\n",
        b"YQ\n1 0 0\n\n",
        b"\n\n\n",
    ],
)
def test_nonsense_is_refused(open_guest: Guest, answer: bytes) -> None:
    thread = open_guest.answering(answer)
    with pytest.raises(LostShellError):
        open_guest.door.execute("x", 10)
    thread.join()


def test_end_of_the_guest_is_noticed_at_once(open_guest: Guest) -> None:
    threading.Timer(0.1, open_guest.answers.close).start()
    with pytest.raises(LostShellError, match="closed"):
        open_guest.door.execute("x", 1000)


def test_silence_is_a_hang(open_guest: Guest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backdoor, "GRACE", 0.1)
    with pytest.raises(LostShellError, match="hangs"):
        open_guest.door.execute("x", 0.1)


def test_a_guest_that_stops_reading_is_a_hang(
    open_guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backdoor, "GRACE", 0.1)
    with pytest.raises(LostShellError, match="does not read"):
        for _ in range(100):
            open_guest.door.tell("x" * 100_000)


def test_abort_wakes_the_waiting_thread(open_guest: Guest) -> None:
    threading.Timer(0.1, open_guest.door.abort).start()
    with pytest.raises(LostShellError):
        open_guest.door.execute("x", None)


def test_close_from_another_thread_wakes_too_and_nothing_works_after(open_guest: Guest) -> None:
    threading.Timer(0.1, open_guest.door.close).start()
    with pytest.raises(LostShellError):
        open_guest.door.execute("x", None)
    with pytest.raises(LostShellError):
        open_guest.door.execute("x", 1)


def test_killed_after_the_limit_counts_as_the_limit(open_guest: Guest) -> None:
    def answer_late() -> None:
        open_guest.line()
        time.sleep(0.2)
        open_guest.answers.sendall(b"\n1 137 0\n\n")

    thread = threading.Thread(target=answer_late)
    thread.start()
    assert open_guest.door.execute("x", 0.1).status == 124
    thread.join()


def test_killed_within_the_limit_stays_killed(open_guest: Guest) -> None:
    thread = open_guest.answering(b"\n1 137 0\n\n")
    assert open_guest.door.execute("x", 100).status == 137
    thread.join()


def test_long_commands_do_not_fit(guest: Guest) -> None:
    assert guest.door.fits("x" * 50_000)
    assert not guest.door.fits("x" * 100_000)
    assert not guest.door.fits("'" * 30_000), "quotes grow when they are quoted"
    assert not guest.door.fits("é" * 60_000), "the line is bytes"


def through_bash(
    command: str, timeout: float | None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Output:
    """What this host's own bash answers to a request."""
    monkeypatch.setattr(backdoor, "_STDERR", str(folder / "stderr"))
    answers = folder / "answers"
    line = f"exec 4>{shlex.quote(str(answers))}\n{request(command, timeout, 5)}"
    subprocess.run(["bash", "--norc", "/dev/stdin"], input=line.encode(), cwd=folder, check=True)
    lines = answers.read_bytes().split(b"\n")
    assert lines.pop() == b""
    return parse_answer(lines, 5, 0)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("true", Output(0, "", "")),
        ("echo out; echo err >&2; exit 42", Output(42, "out\n", "err\n")),
        ("cat; echo end", Output(0, "end\n", "")),
        ("false | true", Output(1, "", "")),
        ("printf 'a\\nb'", Output(0, "a\nb", "")),
        ("echo \"it's\" '$HOME' \\\\ # comment", Output(0, "it's $HOME \\\n", "")),
        ("cat <<'END'\n$x 'y'\nEND", Output(0, "$x 'y'\n", "")),
        ("echo >&4", Output(1, "", "bash: line 1: 4: Bad file descriptor\n")),
    ],
)
def test_real_bash_understands(
    command: str, expected: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for timeout in (None, 20.0):
        assert through_bash(command, timeout, tmp_path, monkeypatch) == expected


def test_real_timeout_gives_124(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert through_bash("echo a; sleep 60", 0.2, tmp_path, monkeypatch) == Output(124, "a\n", "")


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80))
def test_any_text_reaches_the_command(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    command = f"printf %s {shlex.quote(text)}; printf %s {shlex.quote(text)} >&2"
    with pytest.MonkeyPatch.context() as patch:
        done = through_bash(command, None, tmp_path_factory.mktemp("text"), patch)
    assert done == Output(0, text, text)
