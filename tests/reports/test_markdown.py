from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from harness.reports import markdown
from harness.results import Cause, Claim, Ending, RunResult, Verdict, Witness
from tests.reports.sample import cell, sample_run
from tests.results.generated import runs, wild_text

RUN = sample_run()
BROKEN = replace(
    cell(RUN.cells[0].key),
    verdict=Verdict.FAILED,
    cause=Cause.BUILD_MISS,
    claim=Claim(Verdict.REBUILT, None, "scenarios/x/scenario.yaml", 7, "measured"),
    log_tail="".join(f"line {n}\n" for n in range(300)),
)


def of(*cells: object, **changes: object) -> RunResult:
    run = replace(RUN, cells=cells, branches=(), planned=len(cells))  # type: ignore[arg-type]
    return replace(run, **changes)  # type: ignore[arg-type]


def test_failures_come_first_then_advice_then_the_matrix() -> None:
    text = markdown.render(RUN)
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# Offline rebuild: 💥 errors",
        "## What needs attention",
        "## Which strategy?",
        "## Matrix",
        "## Controls",
        "## Provenance",
    ]
    assert "964 cells in 13 min 32 s: 958 passed, 3 failed, 2 error, 1 skipped (414 of" in text
    assert text.index("the machine panicked") < text.index("claimed rebuilt, found failed")
    assert text.count("<details") == text.count("</details>")


def test_a_failure_shows_claim_cause_and_the_last_hundred_lines() -> None:
    text = markdown.render(of(BROKEN))
    assert "- claimed: `rebuilt` in scenarios/x/scenario.yaml:7 measured" in text
    assert "- found: `failed: build-miss`" in text
    assert "- missing: " not in text
    assert "line 299\n" in text
    assert "\nline 200\n" in text
    assert "\nline 199\n" not in text


def test_the_table_has_marks_and_costs() -> None:
    text = markdown.render(RUN)
    row = next(line for line in text.splitlines() if line.startswith("| keep-derivations"))
    assert row.startswith("| keep-derivations | `P` | `.` | `.` | ❌ `.` | `.` |")
    assert row.endswith("| 8.9 MB |  | 0.3 s | 0.7 s |")


def test_a_passing_run_is_short_and_says_so() -> None:
    good = cell(RUN.cells[0].key)
    text = markdown.render(of(good))
    assert text.startswith("# Offline rebuild: ✅ every claim holds\n")
    assert "needs attention" not in text
    assert "did not fit" not in text


def test_incomplete_empty_and_unproved_runs_say_so() -> None:
    late = of(BROKEN, complete=False, ended=Ending.INTERRUPTED, planned=5, message="by SIGTERM")
    assert "**Incomplete (interrupted):** 1 of 5 cells are finished. by SIGTERM" in (
        markdown.render(late)
    )
    assert markdown.render(of()).startswith("# Offline rebuild: 💥 errors")
    branch = replace(RUN.branches[0], witnesses=(Witness("canary", False, "still there"),))
    text = markdown.render(of(cell(RUN.cells[0].key), branches=(branch,)))
    assert "a witness does not hold, canary: still there" in text


def test_the_limit_holds_and_what_is_left_out_is_counted() -> None:
    logs = "".join(f"line {n} {'x' * 90}\n" for n in range(200))
    cells = tuple(
        replace(BROKEN, key=replace(c.key, scenario=f"s{n}"), log_tail=logs)
        for n in range(12)
        for c in RUN.cells
    )
    text = markdown.render(of(*cells))
    assert 900_000 < len(text.encode()) <= 1_000_000 < 1024 * 1024
    assert "parts of this summary did not fit. The whole report is `report.html`" in text
    assert text.index("## Matrix") > text.index("## What needs attention")
    assert text.count("<details") == text.count("</details>")


@settings(max_examples=80, deadline=None)
@given(run=runs(wild_text), limit=st.integers(2_000, 20_000))
def test_no_limit_is_ever_exceeded(run: RunResult, limit: int) -> None:
    assert len(markdown.render(run, limit).encode()) <= limit


def test_a_log_cannot_break_out_of_its_block() -> None:
    evil = "```\n# not a heading\n````text\n<script>alert(1)</script>\n"
    edit = "a|b*c*`d`<i>"
    key = replace(BROKEN.key, edit=edit)
    text = markdown.render(of(replace(BROKEN, key=key, log_tail=evil, message="<b>|x")))
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    fences = [token.content for token in tokens if token.type == "fence"]
    assert evil.rstrip() in [fence.rstrip("\n") for fence in fences]
    headings = [tokens[n + 1].content for n, t in enumerate(tokens) if t.type == "heading_open"]
    assert "not a heading" not in headings
    html = [token.content for token in tokens if token.type == "html_block"]
    assert not any("<i>" in block or "<b>|" in block for block in html)
    cells = [tokens[n + 1].content for n, t in enumerate(tokens) if t.type == "th_open"]
    assert cells[1] == "a|b\\*c\\*\\`d\\`\\<i\\>"  # the table took the bar's escape off
