from __future__ import annotations

import io
from pathlib import Path

import pytest

from harness.errors import SetupError
from harness.internet.mirror import SourceMirror
from harness.internet.site import Upload


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "hello.tar"
    file.write_bytes(b"source")
    return file


def test_only_what_it_was_given(source: Path) -> None:
    mirror = SourceMirror({"/gnu/hello+1.tar": source})
    found = mirror.answer("/gnu/hello+1.tar")
    assert (found.status, found.body, found.cargo) == (200, source, True)
    for path in ("/", "/hello.tar", "/gnu/../gnu/hello+1.tar", f"/{source}", ""):
        assert mirror.answer(path).status == 404


def test_it_is_read_only(source: Path) -> None:
    mirror = SourceMirror({"/hello.tar": source})
    assert mirror.receive("/hello.tar", Upload(io.BytesIO(b"evil"), 4)).status == 405
    assert source.read_bytes() == b"source"


def test_a_path_without_slash_and_a_missing_file_are_refused(source: Path) -> None:
    with pytest.raises(SetupError, match="slash"):
        SourceMirror({"hello.tar": source})
    with pytest.raises(SetupError, match="/gone"):
        SourceMirror({"/gone": source.parent / "gone"})
