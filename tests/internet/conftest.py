from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from harness.internet.cache import BinaryCache, Layer, View
from harness.internet.log import Mark, Request
from harness.internet.mirror import SourceMirror
from harness.internet.server import CACHE_HOST, Internet

HELLO = "0" * 32  # a package
TOPLEVEL = "1" * 32  # a system
NAR = bytes(range(256)) * 4
SOURCE = b"int main() { return 0; }\n" * 100


@pytest.fixture
def layers(tmp_path: Path) -> dict[Layer, Path]:
    """A layer of packages with one NAR, and one of systems."""
    folders = {layer: tmp_path / layer for layer in Layer}
    for layer, digest in ((Layer.PACKAGES, HELLO), (Layer.SYSTEMS, TOPLEVEL)):
        (folders[layer] / "nar").mkdir(parents=True)
        (folders[layer] / f"{digest}.narinfo").write_text(f"StorePath: /nix/store/{digest}-x\n")
        (folders[layer] / "nar" / f"{digest}.nar.xz").write_bytes(NAR)
    return folders


@pytest.fixture
def internet(tmp_path: Path, layers: dict[Layer, Path]) -> Iterator[Internet]:
    source = tmp_path / "hello.c"
    source.write_bytes(SOURCE)
    cache = BinaryCache(layers, View.ALL)
    mirror = SourceMirror({"/hello-1.0.c": source})
    with Internet(cache, mirror, log_file=tmp_path / "log.jsonl") as served:
        yield served


@pytest.fixture
def ask(internet: Internet) -> Callable[..., tuple[int, bytes]]:
    """Ask one request on a connection of its own; the status and the body."""

    def asking(
        method: str,
        path: str,
        host: str = CACHE_HOST,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        client = http.client.HTTPConnection("127.0.0.1", internet.port, timeout=30)
        try:
            client.request(method, path, body, {"Host": host, **(headers or {})})
            response = client.getresponse()
            return response.status, response.read()
        finally:
            client.close()

    return asking


@pytest.fixture
def last_request(internet: Internet) -> Callable[[], Request]:
    """Shut the internet, so that all threads have ended, and take the last request of its log."""

    def last() -> Request:
        internet.shut()
        return internet.log.since(Mark(0, 0))[-1]

    return last


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait for what another thread does."""

    def wait(condition: Callable[[], object]) -> None:
        for _ in range(3000):
            if condition():
                return
            time.sleep(0.01)
        pytest.fail("it never came to be")

    return wait
