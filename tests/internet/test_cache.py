from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import SetupError
from harness.internet.cache import BinaryCache, Layer, View
from harness.internet.site import ShortUploadError, Upload

HELLO = "/" + "0" * 32 + ".narinfo"
TOPLEVEL = "/" + "1" * 32 + ".narinfo"
NEW = "/nar/" + "2" * 52 + ".nar.xz"


def upload(content: bytes) -> Upload:
    return Upload(io.BytesIO(content), len(content))


def files(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    ("view", "hello", "toplevel"),
    [(View.NOTHING, 404, 404), (View.PACKAGES, 200, 404), (View.ALL, 200, 200)],
)
def test_a_view_shows_its_layers(
    layers: dict[Layer, Path], view: View, hello: int, toplevel: int
) -> None:
    cache = BinaryCache(layers)
    cache.show(view)
    assert cache.view is view
    assert cache.answer("/nix-cache-info").status == 200
    assert cache.answer(HELLO).status == hello
    assert cache.answer(HELLO.replace("/", "/nar/").replace("narinfo", "nar.xz")).status == hello
    assert cache.answer(TOPLEVEL).status == toplevel


def test_it_says_what_nix_asks_first() -> None:
    info = BinaryCache({}).answer("/nix-cache-info")
    assert info.body == b"StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 30\n"
    assert not info.cargo


def test_only_nars_are_cargo(layers: dict[Layer, Path]) -> None:
    cache = BinaryCache(layers, View.ALL)
    assert not cache.answer(HELLO).cargo
    assert cache.answer("/nar/" + "0" * 32 + ".nar.xz").cargo


def test_a_layer_that_it_has_not_is_an_error(tmp_path: Path) -> None:
    cache = BinaryCache({Layer.PACKAGES: tmp_path})
    with pytest.raises(SetupError, match="no layer of systems"):
        cache.show(View.ALL)
    with pytest.raises(SetupError, match="no layer of systems"), cache.publish_to(Layer.SYSTEMS):
        pass
    assert cache.view is View.NOTHING


def test_publishing(layers: dict[Layer, Path]) -> None:
    cache = BinaryCache(layers, View.PACKAGES)
    assert cache.receive(NEW, upload(b"nar")).status == 403
    with cache.publish_to(Layer.SYSTEMS):
        assert cache.answer(TOPLEVEL).status == 200  # a client must see what it uploads
        assert cache.receive(NEW, upload(b"nar")).status == 201
        found = cache.answer(NEW)
        assert found.status == 200
    stored = layers[Layer.SYSTEMS] / NEW[1:]
    assert found.body == stored
    assert stored.read_bytes() == b"nar"
    assert stat.S_IMODE(stored.stat().st_mode) == 0o644
    assert not (layers[Layer.PACKAGES] / NEW[1:]).exists()
    assert cache.answer(NEW).status == 404
    assert cache.receive(NEW, upload(b"nar")).status == 403


def test_publishing_makes_the_folder(tmp_path: Path) -> None:
    cache = BinaryCache({Layer.SYSTEMS: tmp_path / "new"})
    with cache.publish_to(Layer.SYSTEMS):
        assert cache.receive(HELLO, upload(b"x")).status == 201
    assert files(tmp_path) == {f"new{HELLO}"}


def test_one_publication_at_a_time(layers: dict[Layer, Path]) -> None:
    cache = BinaryCache(layers)
    with (
        cache.publish_to(Layer.SYSTEMS),
        pytest.raises(SetupError, match="systems already"),
        cache.publish_to(Layer.PACKAGES),
    ):
        pass
    with cache.publish_to(Layer.PACKAGES):
        assert cache.receive(NEW, upload(b"nar")).status == 201


def test_an_upload_is_stored_whole_or_not_at_all(layers: dict[Layer, Path]) -> None:
    cache = BinaryCache(layers, largest=10)
    before = files(layers[Layer.SYSTEMS])
    with cache.publish_to(Layer.SYSTEMS):
        with pytest.raises(ShortUploadError, match="7 of 10 bytes"):
            cache.receive(NEW, Upload(io.BytesIO(b"nar"), 10))
        assert cache.receive(NEW, upload(b"x" * 11)).status == 413
    assert files(layers[Layer.SYSTEMS]) == before


def test_an_upload_that_outlasts_the_publication_is_dropped(layers: dict[Layer, Path]) -> None:
    cache = BinaryCache(layers)
    before = files(layers[Layer.SYSTEMS])
    publication = cache.publish_to(Layer.SYSTEMS)
    publication.__enter__()

    class Slow(Upload):
        def chunks(self) -> Iterator[bytes]:
            publication.__exit__(None, None, None)
            return super().chunks()

    assert cache.receive(NEW, Slow(io.BytesIO(b"nar"), 3)).status == 403
    assert files(layers[Layer.SYSTEMS]) == before


@pytest.mark.parametrize(
    "path",
    [
        "/../secret",
        "/nar/../../secret",
        "/nar/..%2f..%2fsecret",
        "//etc/passwd",
        "/secret",
        "/nar/" + "0" * 32,
        "/nar/a/b.nar",
        "/nar/.upload-abc",
        "/" + "0" * 31 + ".narinfo",
        "/" + "0" * 32 + ".narinfo\n",
        "/" + "e" * 32 + ".narinfo",  # not in Nix's base 32
        "/log/../secret",
        "/log/" + "0" * 32 + "-a/../../../secret",
        "",
        "/",
    ],
)
def test_other_names_are_refused(layers: dict[Layer, Path], tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_text("secret")
    (layers[Layer.PACKAGES] / "secret").write_text("secret")
    cache = BinaryCache(layers, View.ALL)
    before = files(tmp_path)
    with cache.publish_to(Layer.SYSTEMS):
        assert cache.answer(path).status == 404
        assert cache.receive(path, upload(b"evil")).status == 403
    assert files(tmp_path) == before


@given(st.text(st.sampled_from("./0-anrilogf%\\\x00\n "), max_size=60))
def test_no_name_leads_out(path: str) -> None:
    cache = BinaryCache(dict.fromkeys(Layer, Path("/nonexistent")), View.ALL)
    answer = cache.answer("/" + path)
    assert answer.status == 404


@pytest.mark.parametrize("ending", ["", ".xz", ".zst", ".bz2", ".br", ".lz4", ".lzip", ".gz"])
def test_all_compressions(layers: dict[Layer, Path], ending: str) -> None:
    cache = BinaryCache(layers, View.ALL)
    with cache.publish_to(Layer.SYSTEMS):
        for path in (f"/nar/{'2' * 52}.nar{ending}", f"/{'2' * 32}.ls", f"/log/{'2' * 32}-a.drv"):
            assert cache.receive(path, upload(b"x")).status == 201
            assert cache.answer(path).status == 200
