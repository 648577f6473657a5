from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from hypothesis import given, settings

from harness.reports import html
from harness.results import CellResult, Ending, Outcome, RunResult, Witness
from tests.reports.sample import LOG, sample_run
from tests.results.generated import runs, wild_text

RUN = sample_run()
_VOID = {"meta", "br", "line", "circle", "polyline"}


class Page(HTMLParser):
    """What a browser would see: elements, their attributes, and whether all are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def attributes(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.elements if name in attrs]

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.texts))


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(html.render(RUN))


def test_all_elements_are_closed_in_order(page: Page) -> None:
    assert page.open == []


def test_it_needs_nothing_else_and_runs_nothing(page: Page) -> None:
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)
    assert page.attributes("src") == []
    assert all(link.startswith(("#", "logs/")) for link in page.attributes("href"))
    style = html.render(RUN).split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_every_cell_is_explained_once_and_linked_from_a_matrix(page: Page) -> None:
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    anchors = [one for one in ids if re.fullmatch(r"c\d+", one)]
    assert len(anchors) == len(RUN.cells)
    links = page.attributes("href")
    assert {link for link in links if link.startswith("#")} <= {f"#{one}" for one in ids}
    assert sorted(link for link in links if re.fullmatch(r"#c\d+", link)) == sorted(
        f"#{anchor}" for anchor in anchors
    )
    logs = [link for link in links if link.startswith("logs/")]
    assert len(logs) == len(RUN.cells)


def test_no_colour_without_a_text(page: Page) -> None:
    text = html.render(RUN)
    cells = re.findall(r'<td class="v (\w+)">(.*?)</td>', text)
    assert len(cells) == len(RUN.cells)
    words = {
        "rebuilt": "rebuilt as claimed",
        "expected": "failed as claimed",
        "wrong": "not as claimed",
        "error": "error",
        "skipped": "skipped",
    }
    assert {state for state, _ in cells} == set(words)
    for state, content in cells:
        assert words[state] in content
        assert re.search(r"<b [^>]*>[✓✗Es]!?</b>", content)


def test_tables_have_headings_with_scopes(page: Page) -> None:
    scopes = [attrs.get("scope") for tag, attrs in page.elements if tag == "th"]
    assert scopes
    assert set(scopes) <= {"row", "col"}
    assert ("html", {"lang": "en"}) in page.elements


def test_the_sections_are_there_in_both_colour_schemes(page: Page) -> None:
    for words in (
        "What needs attention",
        "Which strategy?",
        "12 of 14 edits survive at best. Use pin-sources",
        "Controls and witnesses",
        "canary-collected",
        "QEMU emulator version 7.2.22",
        "tcg (a guest did not boot under KVM within 10 s)",
    ):
        assert words in page.text
    assert "prefers-color-scheme: dark" in page.text
    assert len([tag for tag, _ in page.elements if tag == "svg"]) == 4


def test_a_thousand_cells_fit_into_2_mib() -> None:
    assert len(html.render(RUN).encode()) < 2 * 1024 * 1024
    logs = replace(RUN, cells=tuple(replace(c, log_tail=LOG * 30, detail=LOG) for c in RUN.cells))
    assert len(html.render(logs).encode()) < 2 * 1024 * 1024
    broken = tuple(replace(c, witnesses=(Witness("w", False, "<"),)) for c in logs.cells)
    text = html.render(replace(logs, cells=broken))
    assert len(text.encode()) < 2 * 1024 * 1024
    assert text.count("error: build of") > 100  # what room there is, is used


def test_a_huge_run_explains_what_is_wrong_and_leads_to_the_other_logs() -> None:
    def moved(cell: CellResult, number: int) -> CellResult:
        key = replace(cell.key, scenario=f"{cell.key.scenario}-{number}")
        return replace(cell, key=key, log=f"logs/{key.id}.log", detail=LOG, log_tail=LOG)

    cells = tuple(moved(cell, number) for number in range(3) for cell in RUN.cells)
    assert len(cells) > 2_000
    text = html.render(replace(RUN, cells=cells, branches=()))
    assert len(text.encode()) < 2 * 1024 * 1024
    page = Page(text)
    wrong = [c for c in cells if c.outcome in (Outcome.FAILED, Outcome.ERROR)]
    assert len([tag for tag, attrs in page.elements if attrs.get("class") == "cell"]) == len(wrong)
    targets = set(page.attributes("href"))
    anchors = {f"#{name}" for name in page.attributes("id")}
    assert {target for target in targets if target.startswith("#")} <= anchors
    good = next(c for c in cells if c.outcome is Outcome.PASSED)
    assert quote(good.log) in targets
    bare = html.render(replace(RUN, cells=tuple(replace(c, log="") for c in cells), branches=()))
    assert len(bare.encode()) < 2 * 1024 * 1024
    assert set(Page(bare).attributes("href")) <= {
        f"#{name}" for name in Page(bare).attributes("id")
    }


def test_what_failed_keeps_its_log_when_room_is_short() -> None:
    logs = replace(RUN, cells=tuple(replace(c, log_tail=LOG * 30) for c in RUN.cells))
    attention = html.render(logs).split('id="attention"')[1].split("<h2")[0]
    wrong = [c for c in RUN.cells if c.outcome in (Outcome.FAILED, Outcome.ERROR)]
    assert attention.count("End of the log") == len(wrong)


def test_an_incomplete_run_says_so() -> None:
    run = replace(RUN, complete=False, ended=Ending.DEADLINE, planned=2000, message="out of time")
    assert "Incomplete (deadline): 964 of 2000 cells are finished. out of time" in (
        Page(html.render(run)).text
    )


def test_an_empty_run_has_a_page() -> None:
    text = Page(html.render(replace(RUN, cells=(), branches=(), planned=0))).text
    assert "E The run has errors" in text
    assert "No cell ran." in text


def test_a_broken_branch_needs_attention() -> None:
    branch = replace(RUN.branches[0], witnesses=(Witness("canary", False, "still there"),))
    text = Page(html.render(replace(RUN, branches=(branch,)))).text
    assert "the experiment proves nothing. ✗ does not hold: canary still there" in text


@settings(max_examples=40, deadline=None)
@given(run=runs(wild_text))
def test_any_text_stays_text(run: RunResult) -> None:
    text = html.render(run)
    text.encode()
    assert Page(text).open == []


def test_markup_in_names_and_logs_is_shown_and_not_obeyed() -> None:
    evil = '</pre><script>alert("1")</script><img src=x onerror=y>'
    cell = RUN.cells[30]
    cell = replace(
        cell, key=replace(cell.key, edit=evil), log_tail=evil, message=evil, log='a"b/<c>.log'
    )
    page = Page(html.render(replace(RUN, cells=(cell,), facts={evil: evil})))
    assert not {tag for tag, _ in page.elements} & {"script", "img"}
    assert evil in "".join(page.texts)
    assert "a%22b/%3Cc%3E.log" in page.attributes("href")
