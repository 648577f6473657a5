"""The source mirror: what `fetchurl` downloads."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

from harness.errors import SetupError
from harness.internet.site import Answer, Upload, refusal


class SourceMirror:
    """Files at URL paths, read only; *sources* maps a path such as `/hello-1.0.tar` to its file.

    Raises `SetupError` for a path without a leading slash and for a file that is not there.
    """

    def __init__(self, sources: Mapping[str, Path]) -> None:
        for path, file in sources.items():
            if not path.startswith("/"):
                raise SetupError(f"the mirror's path {path!r} does not start with a slash")
            if not file.is_file():
                raise SetupError(f"the mirror's source {path} is not there: {file} is not a file")
        self._sources = dict(sources)

    def answer(self, path: str) -> Answer:
        """The source at *path*, or 404."""
        file = self._sources.get(path)
        if file is None:
            return refusal(HTTPStatus.NOT_FOUND, "no such source")
        return Answer(HTTPStatus.OK, file, "application/octet-stream", cargo=True)

    def receive(self, path: str, upload: Upload) -> Answer:  # noqa: ARG002 - as the protocol has it
        """Refused: a mirror takes nothing."""
        return refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"{path}: the mirror is read-only")
