"""The JSON Schema for editors: what it refuses, the harness refuses; what ships, both accept."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import harness.scenario
from harness.results import Cause
from harness.scenario import DIMENSIONS, Caches, Command, NetworkMode, Provision, SystemName
from harness.scenario import fields as bounds
from harness.scenario.reader import (
    _BOOT_LOADER,
    _MACHINE,
    _OPTIONAL,
    _PATIENCE,
    _REQUIRED,
    read_scenario,
)

Write = Callable[..., Path]
Document = dict[str, Any]

SCHEMA = json.loads(
    (Path(harness.scenario.__file__).parent / "scenario.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def test_words_are_those_of_the_harness() -> None:
    definitions = SCHEMA["definitions"]
    for word, kinds in {
        "systemWord": SystemName,
        "provisionWord": Provision,
        "cachesWord": Caches,
        "networkWord": NetworkMode,
        "commandWord": Command,
        "cause": Cause,
    }.items():
        assert definitions[word]["enum"] == [str(kind) for kind in kinds]
    assert definitions["name"]["maxLength"] == bounds.MAX_NAME


def test_keys_and_bounds_are_those_of_the_harness() -> None:
    keys = SCHEMA["properties"]
    assert set(SCHEMA["required"]) == set(_REQUIRED)
    assert set(keys) == {*_REQUIRED, *_OPTIONAL}
    assert set(DIMENSIONS) <= set(keys), "every dimension is a key"
    claim = {*DIMENSIONS, "rebuilt", "otherwise", "failed", "why"}
    assert set(keys["claims"]["items"]["properties"]) == claim
    assert set(keys["exclude"]["items"]["properties"]) == {*DIMENSIONS, "why"}
    assert {alternative["required"][0] for alternative in keys["exclude"]["items"]["anyOf"]} == set(
        DIMENSIONS
    )
    patience = keys["patience"]
    assert (patience["minimum"], patience["maximum"]) == _PATIENCE
    sizes = dict(keys["machine"]["properties"])
    assert sizes.pop(_BOOT_LOADER)["type"] == "boolean"
    assert {key: (size["minimum"], size["maximum"]) for key, size in sizes.items()} == _MACHINE


def test_the_example_fits(write: Write, document: Document, known: tuple[str, ...]) -> None:
    assert VALIDATOR.is_valid(document)
    assert read_scenario(write(document), known)[1] == []


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 3),
    st.floats(allow_nan=False, allow_infinity=False, width=16),
    st.builds(list),
    st.builds(dict),
    st.builds(lambda: ["x", "x"]),
    st.sampled_from(
        ["", " ", "all", "a b", "A", "-x", "x\n", "a\nb", "../x.nix", "/x.nix", "x.nix"]
    ),
    st.sampled_from(
        ["none", "kept", "built", "hosts", "nothing", "--offline", "--option x", "stalled"]
    ),
    st.text(max_size=3),
)


@settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_the_schema_refuses_the_harness_refuses(
    write: Write, document: Document, known: tuple[str, ...], data: st.DataObject
) -> None:
    changed: Any = copy.deepcopy(document)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(list(places(changed))[1:]))
        above = changed
        for key in path[:-1]:
            above = above[key]
        action = data.draw(st.sampled_from(["replace", "delete", "add", "wrap"]))
        if action == "delete":
            del above[path[-1]]
        elif action == "wrap":
            above[path[-1]] = [above[path[-1]]]
        elif action == "add" and isinstance(above[path[-1]], dict):
            above[path[-1]][data.draw(st.sampled_from(["x", "all", "why", "failed", "A b"]))] = (
                data.draw(junk)
            )
        else:
            above[path[-1]] = data.draw(junk)
    refused = list(VALIDATOR.iter_errors(changed))
    _, problems = read_scenario(write(changed), known)
    if refused:
        assert problems, refused[0].message


@pytest.mark.parametrize("key", _REQUIRED)
def test_both_miss_a_key(
    write: Write, document: Document, known: tuple[str, ...], key: str
) -> None:
    del document[key]
    assert not VALIDATOR.is_valid(document)
    assert read_scenario(write(document), known)[1]
