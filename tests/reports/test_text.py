from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.reports.text import (
    clean,
    count,
    human_bytes,
    human_seconds,
    kilobytes,
    one_line,
    tail,
)
from tests.results.generated import wild_text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("\x1b[31;1merror:\x1b[0m gone", "error: gone"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Bplain\x9b1mbold", "plainbold"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("nul\x00 del\x7f nel\x85 fffe\ufffe ffff\uffff", "nul del nel fffe ffff"),
        ("lone \ud800 and \udfff", "lone  and "),
        ("unfinished \x1b", "unfinished "),
        ("tab\tand\nline", "tab\tand\nline"),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(wild_text)
@example("\x1b\x1b[[mm")
def test_clean_text_survives_xml_and_utf8(text: str) -> None:
    element = ET.Element("a", {"b": clean(text)})
    element.text = clean(text)
    read = ET.fromstring(ET.tostring(element, encoding="unicode").encode())
    assert (read.text or "") == clean(text)
    assert read.get("b") == clean(text)


@given(wild_text, st.integers(4, 30))
def test_one_line_is_one_line(text: str, width: int) -> None:
    line = one_line(text, width)
    assert len(line) <= width
    assert len(line.splitlines()) <= 1


@given(st.text(st.characters(categories=("L", "N", "P", "Z", "S", "Cn"))))
def test_texts_that_need_no_cleaning_are_spared_it_rightly(text: str) -> None:
    """Printable texts take a short way; one more character sends them the long way."""
    assert clean(text) == clean(f"{text}\x7f")
    assert one_line(text) == one_line(f"{text}\x7f")


@given(st.lists(st.text(max_size=12), max_size=30), st.integers(1, 8), st.integers(1, 60))
def test_tail_is_the_end_within_its_bounds(lines: list[str], most: int, size: int) -> None:
    text = clean("\n".join(lines)).rstrip("\n")
    found = tail(text, lines=most, size=size)
    kept = found.removeprefix("[the beginning is cut]\n")
    assert len(kept.encode()) <= size
    assert len(kept.split("\n")) <= most
    assert text.endswith(kept)
    assert (found == text) == (kept == text)


def test_tail_says_what_it_did() -> None:
    assert tail("a\nb\nc\n", lines=3, size=100) == "a\nb\nc"
    assert tail("a\nb\nc\n", lines=2, size=100) == "[the beginning is cut]\nb\nc"
    assert tail("aaaa\nbb\ncc", lines=9, size=6) == "[the beginning is cut]\nbb\ncc"
    assert tail("é" * 10, lines=9, size=5) == "[the beginning is cut]\néé"
    assert tail("x" * 10_000_000, lines=9, size=3).endswith("\nxxx")


def test_amounts() -> None:
    assert [human_bytes(n) for n in (0, 999, 8983000, 123_456_789, -64000)] == [
        "0 B",
        "999 B",
        "9.0 MB",
        "123 MB",
        "-64.0 kB",
    ]
    assert kilobytes(58_178_400) == "58,178"
    assert [human_seconds(s) for s in (0.04, 9.96, 61, 812.4, 7322)] == [
        "0.0 s",
        "10.0 s",
        "61 s",
        "13 min 32 s",
        "2 h 2 min",
    ]
    assert [count(1, "cell"), count(1200, "cell")] == ["1 cell", "1,200 cells"]
