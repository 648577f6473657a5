"""Hypothesis strategies for results: any run that does not contradict itself."""

from __future__ import annotations

import datetime

from hypothesis import strategies as st

from harness.results import (
    BranchResult,
    Cause,
    CellKey,
    CellResult,
    Claim,
    Ending,
    Role,
    RunResult,
    Trouble,
    Verdict,
    Witness,
)

#: Every character that can occur, lone surrogates and control characters among them.
wild_text = st.text(st.characters(exclude_categories=[]), max_size=40)
#: What survives a file in UTF-8.
plain_text = st.text(max_size=40)
seconds = st.floats(0, 1e6)
sizes = st.integers(0, 10**15)


def witnesses(texts: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[Witness, ...]]:
    one = st.builds(Witness, texts, st.booleans(), texts)
    return st.lists(one, max_size=3).map(tuple)


@st.composite
def cells(draw: st.DrawFn, texts: st.SearchStrategy[str] = plain_text) -> CellResult:
    verdict = draw(st.sampled_from(Verdict))
    claimed = draw(st.sampled_from([Verdict.REBUILT, Verdict.FAILED]))
    names = st.lists(texts, max_size=3).map(tuple)
    return CellResult(
        key=draw(st.builds(CellKey, *[texts] * 9, st.sampled_from(Role))),
        claim=Claim(
            claimed,
            draw(st.sampled_from(Cause)) if claimed is Verdict.FAILED else None,
            draw(texts),
            draw(st.integers(1, 10**6)),
            draw(texts),
        ),
        verdict=verdict,
        cause=draw(st.sampled_from(Cause)) if verdict is Verdict.FAILED else None,
        message=draw(texts),
        detail=draw(texts),
        seconds=draw(seconds),
        rebuild_seconds=draw(seconds),
        built=draw(names),
        missing=draw(names),
        output=draw(texts),
        expected_output=draw(texts),
        witnesses=draw(witnesses(texts)),
        log=draw(st.from_regex(r"logs/[a-z0-9-]{1,9}\.log", fullmatch=True)),
        log_tail=draw(texts),
        trouble=draw(st.none() | st.sampled_from(Trouble)) if verdict is Verdict.ERROR else None,
    )


def branches(texts: st.SearchStrategy[str] = plain_text) -> st.SearchStrategy[BranchResult]:
    coordinates = [texts] * 6
    return st.builds(
        BranchResult, *coordinates, *[sizes] * 3, *[seconds] * 3, witnesses=witnesses(texts)
    )


@st.composite
def runs(draw: st.DrawFn, texts: st.SearchStrategy[str] = plain_text) -> RunResult:
    found = draw(st.lists(cells(texts), max_size=4, unique_by=lambda cell: cell.key))
    complete = draw(st.booleans())
    zone = datetime.timezone(datetime.timedelta(hours=draw(st.integers(-12, 14))))
    moment = draw(st.datetimes(timezones=st.just(zone)))
    return RunResult(
        started=moment.isoformat(),
        seconds=draw(seconds),
        complete=complete,
        ended=Ending.FINISHED if complete else draw(st.sampled_from(Ending)),
        planned=len(found) if complete else draw(st.integers(len(found), 10**6)),
        cells=tuple(found),
        branches=tuple(draw(st.lists(branches(texts), max_size=3, unique_by=lambda b: b.key))),
        facts=draw(st.dictionaries(texts, texts, max_size=3)),
        scenarios=draw(st.dictionaries(texts, texts, max_size=2)),
        message=draw(texts),
    )
