from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InputError
from harness.results import Cause, Verdict
from harness.scenario import Scenario, load_scenario

Write = Callable[..., Path]

HEAD = """\
version: 1
title: A title
system: pocket
edits:
  identical: {title: nothing changed, file: edits/identical.nix, changes: nothing}
  hosts: {title: a line, file: edits/hosts.nix}
strategies: [none, keep-outputs]
caches: [kept, wiped]
"""


@pytest.fixture
def load(write: Write, known: tuple[str, ...]) -> Callable[[str], Scenario]:
    return lambda text: load_scenario(write(HEAD + text), known)


@pytest.fixture
def refused(write: Write, known: tuple[str, ...]) -> Callable[[str], list[str]]:
    def faults(text: str) -> list[str]:
        folder = write(HEAD + text)
        with pytest.raises(InputError) as error:
            load_scenario(folder, known)
        return [f"{p.line}:{p.column}: {p.message}" for p in error.value.problems]

    return faults


def outcomes(scenario: Scenario) -> dict[str, str]:
    return {
        f"{key.strategy} {key.caches} {key.edit}": str(scenario.claim(key))
        for key in scenario.cells
    }


def test_the_last_claim_that_matches_holds(load: Callable[[str], Scenario]) -> None:
    scenario = load("""\
claims:
  - {rebuilt: [identical], otherwise: build-miss}
  - {strategies: [keep-outputs], rebuilt: all}
  - {strategies: keep-outputs, caches: wiped, edits: hosts, failed: stalled, why: because}
""")
    assert outcomes(scenario) == {
        "none kept identical": "rebuilt",
        "none kept hosts": "failed: build-miss",
        "none wiped identical": "rebuilt",
        "none wiped hosts": "failed: build-miss",
        "keep-outputs kept identical": "rebuilt",
        "keep-outputs kept hosts": "rebuilt",
        "keep-outputs wiped identical": "rebuilt",
        "keep-outputs wiped hosts": "failed: stalled",
    }
    last = scenario.claim(scenario.cells[-1])
    assert (last.verdict, last.cause) == (Verdict.FAILED, Cause.STALLED)
    assert (last.line, last.why) == (12, "because")


def test_a_cell_outside_the_matrix_has_no_claim(load: Callable[[str], Scenario]) -> None:
    from dataclasses import replace

    scenario = load(
        "claims:\n  - {strategies: none, rebuilt: all}\n"
        "  - {strategies: keep-outputs, rebuilt: all}\n"
    )
    with pytest.raises(KeyError):
        scenario.claim(replace(scenario.cells[0], strategy="mirror"))


def test_an_edit_may_be_listed_for_its_own_filter_alone(load: Callable[[str], Scenario]) -> None:
    scenario = load(
        "claims:\n  - {rebuilt: [identical], otherwise: build-miss}\n"
        "  - {edits: [hosts], caches: [kept], rebuilt: [hosts]}\n"
    )
    assert outcomes(scenario)["none kept hosts"] == "rebuilt"
    assert outcomes(scenario)["none wiped hosts"] == "failed: build-miss"


def test_exclusions_leave_out_cells_that_then_need_no_claim(
    load: Callable[[str], Scenario],
) -> None:
    scenario = load("""\
exclude:
  - {strategies: none, caches: [wiped]}
  - {strategies: keep-outputs, edits: identical, why: dull}
claims:
  - {strategies: none, rebuilt: [identical], otherwise: build-miss}
  - {strategies: keep-outputs, edits: hosts, rebuilt: all}
""")
    assert list(outcomes(scenario)) == [
        "none kept identical",
        "none kept hosts",
        "keep-outputs kept hosts",
        "keep-outputs wiped hosts",
    ]


ALL = "  - {rebuilt: all}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "  - {strategies: [none], rebuilt: all}\n",
            "10:3: no claim for 4 of 8 cells: exam",
        ),
        (
            ALL + "  - {strategies: mirror, rebuilt: all}\n",
            "11:18: unknown value of 'strategies'",
        ),
        (
            ALL + "  - {edits: [host], rebuilt: all}\n",
            "11:14: unknown value of 'edits' 'host'; ",
        ),
        (
            ALL + "  - {network: refused, rebuilt: all}\n",
            "11:15: unknown value of 'network' 're",
        ),
        (
            ALL + "  - {commands: nix, rebuilt: all}\n",
            "11:16: unknown value of 'commands' 'nix'",
        ),
        (
            ALL + "  - {strategies: [], rebuilt: all}\n",
            "11:18: value of 'strategies' is an empty",
        ),
        (ALL + ALL, "10:5: dead claim: later claims override it for every cell"),
        (
            "  - {caches: kept, rebuilt: all}\n  - {caches: wiped, rebuilt: all}\n" + ALL,
            "11:5: dead claim: later claims override it for every cell",
        ),
        ("  - {}\n", "10:5: a claim has either 'rebuilt' (all, or edits) or 'failed' (a cause)"),
        ("  - {why: x}\n", "10:5: a claim has either 'rebuilt'"),
        ("  - {rebuilt: all, failed: stalled}\n", "10:5: a claim has either 'rebuilt'"),
        ("  - {failed: stalled, otherwise: stalled}\n", "10:34: 'otherwise' goes with 'rebuilt'"),
        ("  - {rebuilt: all, otherwise: stalled}\n", "10:31: 'otherwise' says nothing"),
        ("  - {rebuilt: [hosts]}\n", "10:5: a claim that not all edits are rebuilt needs 'otherw"),
        ("  - {rebuilt: [], otherwise: stalled}\n", "10:15: edit in 'rebuilt' is an empty list"),
        ("  - {rebuilt: hosts, otherwise: stalled}\n", "10:15: edit in 'rebuilt' must be a list,"),
        (
            "  - {rebuilt: [hosts, hosts], otherwise: stalled}\n",
            "10:23: edit in 'rebuilt': 'ho",
        ),
        ("  - {edits: hosts, rebuilt: [identical]}\n", "10:30: unknown edit in 'rebuilt' 'id"),
        ("  - {failed: []}\n", "10:14: cause must be text, not a list"),
        ("  - {rebuilt: all, why: 5}\n", "10:25: 'why' must be text, not a number"),
        ("  - {rebuild: all}\n", "10:6: a claim: unknown key 'rebuild'; did you mean 'rebuilt'?"),
    ],
)
def test_faults(refused: Callable[[str], list[str]], text: str, expected: str) -> None:
    found = refused(f"claims:\n{text}")
    assert any(fault.startswith(expected) for fault in found), found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  - {why: x}\n", "10:5: an exclusion must name one of system, provisions"),
        ("  - {caches: [kept, wiped]}\n", "10:3: 'exclude' leaves out every cell"),
        (
            "  - {caches: kept}\n  - {caches: kept, edits: hosts}\n",
            "11:5: this exclusion leaves out no cell",
        ),
        ("  - {caches: gone}\n", "10:14: unknown value of 'caches' 'gone'"),
        ("  - kept\n", "10:5: an exclusion must be a mapping, not text"),
    ],
)
def test_faults_of_exclusions(
    refused: Callable[[str], list[str]], text: str, expected: str
) -> None:
    found = refused(f"exclude:\n{text}claims:\n{ALL}")
    assert any(fault.startswith(expected) for fault in found), found


def test_a_claim_about_excluded_cells_matches_none(refused: Callable[[str], list[str]]) -> None:
    found = refused(
        f"exclude:\n  - {{caches: wiped}}\nclaims:\n{ALL}  - {{caches: wiped, failed: stalled}}\n"
    )
    assert found == ["13:5: this claim matches no cell"]


def test_many_cells_without_a_claim_are_counted(refused: Callable[[str], list[str]]) -> None:
    (fault,) = refused("claims:\n  - {strategies: none, caches: kept, rebuilt: all}\n")
    assert fault.startswith("10:3: no claim for 6 of 8 cells: ")
    assert fault.endswith(" and 3 more")
    assert fault.count("example/pocket/") == 3


def test_conflicting_types_never_crash(refused: Callable[[str], list[str]]) -> None:
    junk: list[Any] = ["5", "[[]]", "{a: {}}", "~", "[5, ~]"]
    for value in junk:
        assert refused(f"claims: {value}\n")
        assert refused(f"exclude: {value}\nclaims:\n{ALL}")
