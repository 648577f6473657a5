from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.internet.narinfo import NarInfoError
from harness.nix.sizes import CacheError, cache_sizes, remembered_sizes
from tests.nix.toys import path

HERE, GONE = path("here"), path("gone")
DIGEST = HERE[11:43]
NARINFO = f"StorePath: {HERE}\nURL: nar/x\nNarHash: sha256:{'0' * 52}\nNarSize: 1234\n"


class Cache(http.server.BaseHTTPRequestHandler):
    """Answers by the first part of the path: how the cache behaves."""

    def do_GET(self) -> None:
        _, behaviour, file = self.path.split("/")
        known = file == f"{DIGEST}.narinfo"
        codes = {"good": 200 if known else 404, "private": 200 if known else 403, "broken": 500}
        self.send_response(codes.get(behaviour, 200))
        self.end_headers()
        self.wfile.write((NARINFO if behaviour in ("good", "private") else "<html>").encode())

    def log_message(self, *_args: object) -> None:
        """Nothing: the test's output is for its failures."""


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Cache) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("behaviour", ["good", "private"])
def test_what_a_cache_does_not_have_is_left_out(server: str, behaviour: str) -> None:
    assert cache_sizes(f"{server}/{behaviour}", [HERE, GONE]) == {HERE: 1234}


def test_a_cache_that_fails_is_not_taken_for_an_empty_one(server: str) -> None:
    with pytest.raises(CacheError, match="answers 500"):
        cache_sizes(f"{server}/broken", [HERE])
    with pytest.raises(NarInfoError, match="StorePath is missing"):
        cache_sizes(f"{server}/portal", [HERE])
    with pytest.raises(CacheError, match="does not answer"):
        cache_sizes("http://127.0.0.1:9", [HERE])


def test_a_cache_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "a cache %41"
    folder.mkdir()
    (folder / f"{DIGEST}.narinfo").write_text(NARINFO)
    for place in (str(folder), folder.as_uri()):
        assert cache_sizes(place, [HERE, GONE]) == {HERE: 1234}


def test_what_nix_remembers_may_be_nothing_or_damaged(tmp_path: Path) -> None:
    assert remembered_sizes([HERE], tmp_path) == {}
    (tmp_path / "binary-cache-v6.sqlite").write_bytes(b"no database" * 99)
    with pytest.raises(CacheError, match="cannot read what Nix remembers"):
        remembered_sizes([HERE], tmp_path)
