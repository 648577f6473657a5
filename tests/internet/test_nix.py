"""A real Nix publishes to the cache and substitutes from it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import process
from harness.internet.cache import BinaryCache, Layer, View
from harness.internet.faults import NO_FAULTS, Faults
from harness.internet.log import Mark
from harness.internet.mirror import SourceMirror
from harness.internet.narinfo import parse_narinfo
from harness.internet.server import Internet

pytestmark = pytest.mark.skipif(
    shutil.which("nix") is None, reason="Nix is not installed on this host (Debian: nix-bin)"
)

TEXT = "what is copied\n" * 10_000
START = Mark(0, 0)


class Nix:
    """Nix with a home and stores below a folder of its own, and our server as its only cache."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            "HOME": str(folder),
            "NIX_CONF_DIR": str(folder),
            "NIX_CONFIG": "\n".join(
                [
                    "experimental-features = nix-command",
                    "build-users-group =",
                    f"substituters = {self.url}",
                    "require-sigs = false",
                    "download-attempts = 1",
                ]
            ),
        }

    def run(self, *args: str, store: str = "publisher", check: bool = True) -> process.Completed:
        """Run a Nix command on one of our stores."""
        words = [args[0], "--store", str(self._folder / store), *args[1:]]
        return process.run(words, env=self._environment, check=check, timeout=120)

    def add(self) -> str:
        """A store path on the publisher's side."""
        source = self._folder / "source"
        source.mkdir()
        (source / "text").write_text(TEXT)
        return self.run("nix", "store", "add-path", str(source)).stdout.strip()

    def fetch(self, path: str, store: str) -> process.Completed:
        """Substitute *path* into a store; a new one, or Nix has it already."""
        return self.run("nix-store", "--realise", path, store=store, check=False)

    def content(self, path: str, store: str) -> str:
        """What is in our store path now."""
        return (self._folder / store / path[1:] / "text").read_text()

    def forget(self) -> None:
        """Drop what Nix remembers of the cache."""
        shutil.rmtree(self._folder / ".cache", ignore_errors=True)


@pytest.fixture
def cache(tmp_path: Path) -> BinaryCache:
    return BinaryCache({layer: tmp_path / layer for layer in Layer}, View.ALL)


@pytest.fixture
def internet(cache: BinaryCache) -> Iterator[Internet]:
    sites = {"127.0.0.1": cache}
    with Internet(cache, SourceMirror({}), hosts=sites) as served:
        yield served


@pytest.fixture
def nix(tmp_path: Path, internet: Internet) -> Nix:
    folder = tmp_path / "nix"
    folder.mkdir()
    return Nix(folder, internet.port)


def publish(nix: Nix, cache: BinaryCache, query: str = "") -> str:
    path = nix.add()
    with cache.publish_to(Layer.PACKAGES):
        nix.run("nix", "copy", "--to", nix.url + query, path)
    return path


@pytest.mark.parametrize("compression", ["xz", "none", "zstd", "bzip2"])
def test_publish_and_substitute(
    nix: Nix, cache: BinaryCache, internet: Internet, compression: str
) -> None:
    path = publish(nix, cache, f"?compression={compression}&write-nar-listing=1")
    assert nix.fetch(path, "consumer").status == 0
    assert nix.content(path, "consumer") == TEXT
    seen = internet.heard_since(START).requests
    assert not any(request.strange for request in seen)
    assert {request.status for request in seen} == {200, 201, 404}
    assert {request.method for request in seen} == {"GET", "HEAD", "PUT"}


def test_the_narinfo_is_what_nix_says(nix: Nix, cache: BinaryCache, tmp_path: Path) -> None:
    secret, public = tmp_path / "secret", tmp_path / "public"
    nix.run("nix-store", "--generate-binary-cache-key", "test-1", str(secret), str(public))
    path = publish(nix, cache, f"?secret-key={secret}")
    (file,) = (tmp_path / Layer.PACKAGES).glob("*.narinfo")
    info = parse_narinfo(file.read_text(), str(file))
    told = json.loads(
        process.run(
            ["nix", "path-info", "--json", "--store", nix.url, path], env=nix._environment
        ).stdout
    )[0]
    assert (info.store_path, info.nar_size) == (told["path"], told["narSize"])
    assert (info.file_size, list(info.signatures)) == (told["downloadSize"], told["signatures"])
    assert [signature.split(":")[0] for signature in info.signatures] == ["test-1"]
    assert (file.parent / info.url).stat().st_size == info.file_size
    assert f"{info.digest}.narinfo" == file.name


def test_it_takes_nothing_while_it_is_not_open_for_publishing(nix: Nix, tmp_path: Path) -> None:
    refused = nix.run("nix", "copy", "--to", nix.url, nix.add(), check=False)
    assert refused.status != 0
    assert "HTTP error 403" in refused.stderr
    assert not (tmp_path / Layer.PACKAGES).exists()


def test_a_view_hides_from_nix(nix: Nix, cache: BinaryCache) -> None:
    path = publish(nix, cache)
    nix.forget()
    cache.show(View.NOTHING)
    assert nix.fetch(path, "consumer").status != 0
    nix.forget()
    cache.show(View.PACKAGES)
    assert nix.fetch(path, "consumer").status == 0


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (Faults(refuse=True), "unable to download"),
        (Faults(status=500), "HTTP error 500"),
        (Faults(status=503, paths=("/nar/*",)), "HTTP error 503"),
        (Faults(missing=("*.narinfo",)), "know how to build|does not exist"),
        (Faults(truncate=100, paths=("/nar/*",)), "transfer closed|Transferred a partial file"),
        (Faults(corrupt=True), "hash mismatch"),
    ],
)
def test_nix_suffers_the_faults(
    nix: Nix, cache: BinaryCache, internet: Internet, faults: Faults, message: str
) -> None:
    path = publish(nix, cache, "?compression=none")
    nix.forget()
    internet.impose(faults)
    failed = nix.fetch(path, "consumer")
    assert failed.status != 0
    assert any(part in failed.stderr for part in message.split("|")), failed.stderr
    nix.forget()
    internet.impose(NO_FAULTS)
    assert nix.fetch(path, "consumer").status == 0
    assert nix.content(path, "consumer") == TEXT


def test_nix_fetches_a_source_from_the_mirror(
    nix: Nix, cache: BinaryCache, internet: Internet, tmp_path: Path
) -> None:
    source = tmp_path / "hello-1.0.c"
    source.write_text(TEXT)
    internet.hosts["127.0.0.1"] = SourceMirror({"/src/hello-1.0.c": source})
    url = f"{nix.url}/src/hello-1.0.c"
    prefetch = ("nix", "store", "prefetch-file", "--json", url)
    digest = process.run(["nix-hash", "--type", "sha256", "--flat", "--base32", source]).stdout
    internet.impose(Faults(corrupt=True))
    wrong = nix.run(*prefetch, "--expected-hash", f"sha256:{digest.strip()}", check=False)
    assert "hash mismatch" in wrong.stderr
    internet.impose(NO_FAULTS)
    fetched = json.loads(nix.run(*prefetch).stdout)
    assert (tmp_path / "nix" / "publisher" / fetched["storePath"][1:]).read_text() == TEXT
