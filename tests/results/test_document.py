from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness import process
from harness.errors import HarnessError, InputError
from harness.results import RunResult
from harness.results.document import ForeignResultsError, read_results, render
from tests.reports.sample import sample_run
from tests.results.generated import runs

SCHEMA = Path(__file__).parents[2] / "harness" / "reports" / "results.schema.json"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def read_back(folder: Path, text: str | bytes) -> RunResult:
    file = folder / "results.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_results(file)


@settings(max_examples=60, deadline=None)
@given(run=runs())
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    validator: jsonschema.Draft202012Validator,
    run: RunResult,
) -> None:
    text = render(run)
    assert read_back(tmp_path_factory.mktemp("run"), text) == run
    validator.validate(json.loads(text))


def test_another_programs_order_of_keys_is_not_kept(tmp_path: Path) -> None:
    text = render(sample_run())
    document = json.loads(text)
    document["cells"] = [dict(reversed(cell.items())) for cell in document["cells"]]
    assert render(read_back(tmp_path, json.dumps(document))) == text


def test_a_large_run_is_read_back_and_fits_the_schema(tmp_path: Path) -> None:
    run = sample_run()
    assert read_back(tmp_path, render(run)) == run
    program = Path(sys.executable).parent / "check-jsonschema"
    check: list[str | Path] = [program, "--schemafile", SCHEMA, tmp_path / "results.json"]
    process.run(check, timeout=60)


def test_each_cell_is_a_line_of_its_own() -> None:
    run = sample_run()
    lines = [line for line in render(run).splitlines() if line.startswith('  {"key"')]
    assert [json.loads(line.rstrip(","))["key"]["id"] for line in lines] == [
        cell.key.id for cell in run.cells
    ]


SMALL = replace(sample_run(), cells=sample_run().cells[:2], planned=2)
Document = dict[str, Any]


def change(path: str, value: object) -> Callable[[Document], None]:
    """An edit that puts *value* at a place like ``cells.0.key.role``."""

    def edit(document: Document) -> None:
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        at: Any = document
        for step in steps:
            at = at[step]
        at[last] = value

    return edit


WRONG = [
    ("seconds", "fast", "seconds"),
    ("seconds", -1, "seconds"),
    ("seconds", True, "seconds"),
    ("planned", 2.5, "planned"),
    ("ended", "soon", "ended"),
    ("started", "yesterday", "started"),
    ("started", "2026-03-01T12:00:00", "started"),
    ("facts.nix", 2.26, "facts.nix"),
    ("cells", {}, "cells"),
    ("cells.1", None, "cells[1]"),
    ("cells.0.key.role", "judge", "cells[0].key.role"),
    ("cells.0.key.edit", None, "cells[0].key.edit"),
    ("cells.0.verdict", "passed", "cells[0].verdict"),
    ("cells.0.cause", "build-miss", "cells[0].cause"),
    ("cells.0.claim.line", 0, "cells[0].claim.line"),
    ("cells.0.built", ["gcc", 3], "cells[0].built[1]"),
    ("cells.0.witnesses.0.holds", "yes", "cells[0].witnesses[0].holds"),
    ("cells.0.log", "../../secret", "cells[0].log"),
    ("cells.0.log", "/var/log/messages", "cells[0].log"),
    ("cells.0.trouble", "boot", "cells[0].trouble"),
    ("cells.0.surprise", 1, "unknown: surprise"),
    ("branches.0.store_after", -5, "branches[0].store_after"),
    ("branches.0.store_after", 10**400, "branches[0].store_after"),
    ("cells.0.seconds", 10**400, "cells[0].seconds"),
    ("cells.0.seconds", 1.7e308, "cells[0].seconds"),
    ("cells.0.log", "a" * 5000, "cells[0].log"),
    ("surprise", 1, "unknown: surprise"),
]
#: What only the reader can see, since a schema does not compute.
CONTRADICTIONS = [
    ("cells.0.outcome", "failed", "cells[0].outcome"),
    ("cells.0.key.id", "someone/else", "cells[0].key.id"),
    ("planned", 3, "complete"),
    ("ended", "deadline", "complete"),
]


@pytest.mark.parametrize(("place", "value", "said"), [*WRONG, *CONTRADICTIONS])
def test_wrong_values_are_refused_with_their_place(
    tmp_path: Path, place: str, value: object, said: str
) -> None:
    document = json.loads(render(SMALL))
    change(place, value)(document)
    with pytest.raises(InputError) as caught:
        read_back(tmp_path, json.dumps(document))
    assert said in str(caught.value)
    assert str(tmp_path / "results.json") in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(("place", "value", "said"), WRONG)
def test_the_schema_refuses_what_the_reader_refuses(
    validator: jsonschema.Draft202012Validator, place: str, value: object, said: str
) -> None:
    document = json.loads(render(SMALL))
    change(place, value)(document)
    assert not validator.is_valid(document)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_what_the_schema_refuses_the_reader_refuses(
    tmp_path_factory: pytest.TempPathFactory,
    validator: jsonschema.Draft202012Validator,
    data: st.DataObject,
) -> None:
    document = json.loads(render(SMALL))
    at: Any = document
    while True:
        keys = list(at) if isinstance(at, dict) else list(range(len(at)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(at[key], dict | list) or not at[key] or data.draw(st.booleans()):
            break
        at = at[key]
    junk = st.one_of(
        st.none(), st.booleans(), st.integers(), st.text(max_size=5), st.just([]), st.just({})
    )
    if data.draw(st.booleans()):
        at[key] = data.draw(junk)
    else:
        del at[key]
    try:
        read_back(tmp_path_factory.mktemp("run"), json.dumps(document))
    except HarnessError:
        return
    validator.validate(document)


def test_the_same_cell_twice_is_refused(tmp_path: Path) -> None:
    document = json.loads(render(SMALL))
    document["cells"][1] = copy.deepcopy(document["cells"][0])
    with pytest.raises(InputError, match="cells: the same twice"):
        read_back(tmp_path, json.dumps(document))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1:1: the file is cut short"),
        ("{", "cut short"),
        ("[]", "an object"),
        ("<testsuites/>", "this is not JSON"),
        ('{"seconds": NaN}', "NaN is not JSON"),
        ('{"schema": 1, "schema": 1}', "'schema' is there twice"),
        ("[" * 100_000, "nested too deeply"),
        (b"\xff\xfe{}", "not UTF-8"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_back(tmp_path, text)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    text = render(SMALL)
    for length in range(0, len(text) - 2, 97):
        with pytest.raises(HarnessError) as caught:
            read_back(tmp_path, text[:length])
        assert caught.value.exit_code == 2


def test_a_truncation_is_named_with_its_line(tmp_path: Path) -> None:
    text = render(SMALL)
    with pytest.raises(InputError, match=r"results\.json:10:\d+: the file is cut short"):
        read_back(tmp_path, "\n".join(text.splitlines()[:10]))


@pytest.mark.parametrize(
    ("document", "said", "hint"),
    [
        ({}, "no results of this harness", "results.json"),
        ({"format": "sarif", "schema": 1}, "no results of this harness", "results.json"),
        ({"format": "offline-rebuild-results"}, "schema version None", "again"),
        ({"format": "offline-rebuild-results", "schema": 0}, "schema version 0", "again"),
        ({"format": "offline-rebuild-results", "schema": 2}, "schema version 2", "update"),
        ({"format": "offline-rebuild-results", "schema": True}, "version True", "again"),
    ],
)
def test_foreign_files_and_other_versions_are_told_apart(
    tmp_path: Path, document: object, said: str, hint: str
) -> None:
    with pytest.raises(ForeignResultsError, match=said) as caught:
        read_back(tmp_path, json.dumps(document))
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_missing_files_and_folders_are_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_results(tmp_path / "results.json")
    with pytest.raises(InputError, match="Is a directory"):
        read_results(tmp_path)
