from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from harness.scenario import fields
from harness.scenario.document import Sheet


def node(text: str) -> yaml.Node:
    found = yaml.compose(text, Loader=yaml.BaseLoader)
    assert found is not None
    return found


@pytest.mark.parametrize("plain", ["no", "yes", "on", "off", "y", "none", "2024-01-01", "12:30"])
def test_words_stay_text(plain: str) -> None:
    assert fields.kind(node(plain)) == "text"


@pytest.mark.parametrize(
    ("plain", "kind"),
    [
        ("~", "nothing"),
        ("null", "nothing"),
        ("true", "true or false"),
        ("5", "a number"),
        ("-1.5e3", "a number"),
        ("0x1F", "a number"),
        ("1_000", "a number"),
        (".inf", "a number"),
        ("[]", "a list"),
        ("{}", "a mapping"),
        ("'5'", "text"),
        ('"true"', "text"),
        ("|\n  5", "text"),
    ],
)
def test_kinds(plain: str, kind: str) -> None:
    assert fields.kind(node(plain)) == kind


@given(st.text("0123456789abcdefxoinNAINFtrue_.+-~:TF", min_size=1, max_size=8))
def test_what_another_reader_takes_for_no_text_is_no_text(plain: str) -> None:
    try:
        value = YAML(typ="safe").load(f"key: {plain}")["key"]
        ours = yaml.compose(f"key: {plain}", Loader=yaml.BaseLoader)
    except (yaml.YAMLError, YAMLError, ValueError):
        return
    assert isinstance(ours, yaml.MappingNode)
    if value is None or isinstance(value, bool | int | float):
        assert fields.kind(ours.value[0][1]) != "text"


@pytest.mark.parametrize("name", ["a", "0", "keep-outputs", "a" * 64, "a-"])
def test_names(name: str) -> None:
    assert fields.name_fault(name) == ""


@pytest.mark.parametrize(
    "name",
    ["", "-a", "A", "a_b", "a/b", "..", "a b", "a\n", "a'b", 'a"b', "$(x)", "a;b", "ä", "a" * 65],
)
def test_no_names(name: str) -> None:
    assert "is not a name" in fields.name_fault(name)
    assert "\n" not in fields.name_fault(name)


@pytest.mark.parametrize(
    "plain", ["08", "1.0", "-1", "0x10", "1e3", "1_0", "true", "'5'", "9" * 30]
)
def test_no_whole_numbers(plain: str) -> None:
    sheet = Sheet("f")
    assert fields.integer(sheet, node(plain), "'n'", 0, 100_000) is None
    assert len(sheet.problems) == 1


def test_nearest_match_is_offered() -> None:
    sheet = Sheet("f")
    assert fields.word(sheet, node("keep-output"), "strategy", ["none", "keep-outputs"]) is None
    assert sheet.problems[0].message == (
        "unknown strategy 'keep-output'; did you mean 'keep-outputs'? (allowed: none, keep-outputs)"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("5", "must be text, not a number; put it in quotes"),
        ("[a]", "must be text, not a list"),
        ("' '", "is empty"),
        ('"a\\nb"', "must be one line"),
        ('"a\\u0007b"', "control characters"),
        ('"\\ud800"', "control characters"),
        ("a" * 201, "longer than 200"),
    ],
)
def test_no_titles(text: str, says: str) -> None:
    sheet = Sheet("f")
    assert fields.text(sheet, node(text), "'title'") is None
    assert says in sheet.problems[0].message
