"""Work in a copy of a process that has no other thread: pytest's own may have some."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from harness import process

ROOT = Path(__file__).parents[1]


def in_a_process_of_its_own(text: str) -> list[str]:
    code = f"import os\nfrom harness.process import apart\n{text}"
    paths = {"PYTHONPATH": str(ROOT)}
    return process.run([sys.executable, "-c", code], env=paths).stdout.split()


def test_a_copy_works_and_what_it_did_is_there() -> None:
    work = "done = apart(lambda: os.write(1, f'{os.getpid()}\\n'.encode()))"
    copy, answer, own = in_a_process_of_its_own(f"{work}\nprint(done(), os.getpid())")
    assert answer == "True"
    assert copy != own


def test_a_copy_that_fails_says_no_and_ends() -> None:
    """Whatever it raises: it did not come to its end."""
    text = "def fail(): raise SystemExit(0)\nprint(apart(fail)())"
    assert in_a_process_of_its_own(text) == ["False"]


def test_where_no_process_can_be_had_the_answer_is_no() -> None:
    text = "def no(): raise BlockingIOError(11, 'Resource temporarily unavailable')\nos.fork = no\n"
    assert in_a_process_of_its_own(f"{text}print(apart(lambda: print('begun'))())") == ["False"]


def test_an_end_that_cannot_be_known_is_no_success() -> None:
    text = "import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
    assert in_a_process_of_its_own(f"{text}print(apart(lambda: None)())") == ["False"]


def test_with_other_threads_nothing_is_begun(tmp_path: Path) -> None:
    go = threading.Event()
    other = threading.Thread(target=go.wait)
    other.start()
    try:
        done = process.apart((tmp_path / "begun").touch)
        assert not done()
    finally:
        go.set()
        other.join()
    assert not (tmp_path / "begun").exists()
