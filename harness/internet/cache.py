"""The binary cache over folders, as Nix's HTTP binary cache store talks to it.

The names and the protocol are those of `src/libstore/binary-cache-store.cc` and
`http-binary-cache-store.cc` in NixOS/nix: GET and HEAD to substitute, and `nix copy --to http://…`
asks by HEAD what is there and uploads by PUT.
"""

from __future__ import annotations

import enum
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from harness.errors import SetupError
from harness.internet.site import Answer, Upload, refusal

#: Priority 30 comes before the public cache's 40, should a machine have both.
_CACHE_INFO = b"StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 30\n"

#: The only names that a binary cache has, so that no path leads out of its folder.
_DIGEST = "[0-9a-df-np-sv-z]{32}"
_MEDIA_TYPES = {
    re.compile(rf"{_DIGEST}\.narinfo"): "text/x-nix-narinfo",
    re.compile(r"nar/[0-9a-z]+\.nar(\.(xz|zst|bz2|br|lz4|lzip|gz))?"): "application/x-nix-nar",
    re.compile(rf"{_DIGEST}\.ls"): "application/json",
    re.compile(rf"log/{_DIGEST}-[0-9A-Za-z+._?=-]{{1,211}}"): "text/plain; charset=utf-8",
}


class Layer(enum.StrEnum):
    """A folder of published store paths."""

    PACKAGES = "packages"  # and sources: nothing that depends on a machine's configuration
    SYSTEMS = "systems"  # toplevels and their parts


class View(enum.Enum):
    """Which layers a client sees."""

    NOTHING = frozenset[Layer]()
    PACKAGES = frozenset({Layer.PACKAGES})
    ALL = frozenset(Layer)


class BinaryCache:
    """A Nix binary cache that shows the *layers* that its view names.

    While it is open for publishing into a layer (`publish_to`) it shows that layer too, as a client
    must find what it has just uploaded.  *largest* bounds an upload in bytes.  Raises `SetupError`
    when a view or a publication names a layer that the cache has not.
    """

    def __init__(
        self,
        layers: Mapping[Layer, Path],
        view: View = View.NOTHING,
        *,
        largest: int = 4 * 1024**3,
    ) -> None:
        self._layers = dict(layers)
        self._largest = largest
        self._publishing: Layer | None = None
        self.show(view)

    @property
    def view(self) -> View:
        """Which layers are on show."""
        return self._view

    def show(self, view: View) -> None:
        """Show another set of layers from the next request on."""
        for layer in view.value:
            self._folder(layer)
        self._view = view

    @contextmanager
    def publish_to(self, layer: Layer) -> Iterator[None]:
        """Take uploads into *layer* for the duration; those under way at its end are dropped."""
        self._folder(layer)
        if self._publishing is not None:
            raise SetupError(f"the cache is open for publishing to {self._publishing} already")
        self._publishing = layer
        try:
            yield
        finally:
            self._publishing = None

    def answer(self, path: str) -> Answer:
        """`nix-cache-info`, or a file of a visible layer, or 404."""
        name = path.removeprefix("/")
        if name == "nix-cache-info":
            return Answer(HTTPStatus.OK, _CACHE_INFO, "text/x-nix-cache-info")
        media_type = _media_type(name)
        if media_type is None:
            return refusal(HTTPStatus.NOT_FOUND, "not a name that a binary cache has")
        for layer in self._visible():
            file = self._folder(layer) / name
            if file.is_file():
                return Answer(HTTPStatus.OK, file, media_type, cargo=name.startswith("nar/"))
        return Answer(HTTPStatus.NOT_FOUND, b"no such path in this cache\n")

    def receive(self, path: str, upload: Upload) -> Answer:
        """Store an upload while the cache is open for publishing: all of it or nothing."""
        name = path.removeprefix("/")
        layer = self._publishing
        if layer is None:
            return refusal(HTTPStatus.FORBIDDEN, "the cache is not open for publishing")
        if _media_type(name) is None:
            return refusal(HTTPStatus.FORBIDDEN, "not a name that a binary cache has")
        if upload.length > self._largest:
            return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"over {self._largest} bytes")
        target = self._folder(layer) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with _temporary(target.parent) as written:
            with written.open("wb") as file:
                for chunk in upload.chunks():
                    file.write(chunk)
            if self._publishing is not layer:
                return refusal(HTTPStatus.FORBIDDEN, "publishing ended during the upload")
            written.replace(target)
        return Answer(HTTPStatus.CREATED)

    def _visible(self) -> list[Layer]:
        return [layer for layer in Layer if layer in self._view.value or layer is self._publishing]

    def _folder(self, layer: Layer) -> Path:
        try:
            return self._layers[layer]
        except KeyError as error:
            raise SetupError(f"the binary cache has no layer of {layer}") from error


def _media_type(name: str) -> str | None:
    for pattern, media_type in _MEDIA_TYPES.items():
        if pattern.fullmatch(name):
            return media_type
    return None


@contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """A new empty file in *folder*, readable by all, that is gone afterwards unless renamed."""
    handle, name = tempfile.mkstemp(dir=folder, prefix=".upload-")
    os.fchmod(handle, 0o644)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
