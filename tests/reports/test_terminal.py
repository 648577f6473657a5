from __future__ import annotations

import io
from dataclasses import replace

import pytest
from hypothesis import given, settings

from harness.reports import render_terminal
from harness.reports.text import clean
from harness.results import Ending, RunResult, Witness
from tests.reports.sample import sample_run
from tests.results.generated import runs, wild_text

RUN = sample_run()


class Terminal(io.StringIO):
    """A stream that calls itself a terminal."""

    def isatty(self) -> bool:
        return True


def plain(run: RunResult) -> list[str]:
    return render_terminal(run, io.StringIO()).splitlines()


def test_a_row_has_its_marks_and_costs() -> None:
    lines = plain(RUN)
    table = lines[lines.index("strategies: pocket, provision cached-packages") :]
    heading = table[1].split()
    assert heading == [str(n) for n in range(1, 15)] + [
        *("kept", "kB", "bundle", "kB", "prepare", "rebuild")
    ]
    row = next(line.split() for line in table if line.startswith("bundle-full"))
    assert row[:18] == ["bundle-full", *"PPPPPPPPPPPP..", "8,983", "49,871", "9.7"]
    assert any("2 hosts" in line and "3 hostname" in line for line in table)


def test_the_columns_stand_below_their_numbers() -> None:
    lines = plain(RUN)
    heading, row = lines[1], lines[4]
    for number in range(1, 15):
        at = heading.index(f"{number:>2} ", 25)
        assert row[at + 1 if number < 10 else at : at + 2].strip() in set("P.!") | {"."}


def test_what_is_not_as_claimed_stands_out() -> None:
    lines = plain(RUN)
    assert "P!" in next(line for line in lines if line.startswith("none "))
    assert "! not as claimed" in "\n".join(lines)
    wrong = [line for line in lines if line.startswith(("error  ", "failed  "))]
    assert [line.split()[0] for line in wrong] == ["error"] * 2 + ["failed"] * 3
    assert "        the machine panicked: Out of memory" in lines
    assert lines[-1].startswith(
        "964 cells in 13 min 32 s: 958 passed, 3 failed, 2 error, 1 skipped"
    )
    assert "controls: 172 of 172 hold" in lines


def test_many_failures_are_counted() -> None:
    cells = tuple(replace(c, witnesses=(Witness("w", False, "x"),)) for c in RUN.cells)
    assert "... and 953 more" in plain(replace(RUN, cells=cells))


def test_an_incomplete_run_and_a_broken_branch_say_so() -> None:
    branch = replace(RUN.branches[0], witnesses=(Witness("canary", False, "still there"),))
    run = replace(
        RUN, complete=False, ended=Ending.DEADLINE, planned=2000, message="late", branches=(branch,)
    )
    lines = plain(run)
    assert lines[-1] == "incomplete (deadline): 964 of 2000 cells. late"
    assert any("witness canary of" in line and "still there" in line for line in lines)


def test_an_empty_run_says_so() -> None:
    run = replace(RUN, cells=(), branches=(), planned=0)
    assert plain(run)[-1].startswith("0 cells")


def test_colours_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = render_terminal(RUN, Terminal())
    assert "\x1b[" in coloured
    assert clean(coloured).split() == render_terminal(RUN, io.StringIO()).split()
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in render_terminal(RUN, Terminal())
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[3" not in render_terminal(RUN, Terminal())


@settings(max_examples=80, deadline=None)
@given(run=runs(wild_text))
def test_no_name_or_message_can_upset_the_terminal(run: RunResult) -> None:
    text = render_terminal(run, io.StringIO())
    assert text == clean(text)
