import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import pytest
from markdown_it import MarkdownIt
from tests.review.sample import RUN, START, begin, fill
from typing_extensions import override

from unlit.record.model import RunState
from unlit.record.store import Store
from unlit.review import build_report, render_html, render_markdown
from unlit.review.model import TwinLine, weakest_words
from unlit.review.render import whole_names
from unlit.review.rules.words import cost
from unlit.review.text import render_text

HOSTILE = "<img src=x onerror=alert(1)>[click](javascript:alert(1)) \x1b[31mred\x1b[0m \u202eevil"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _tags(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = _Tags()
    parser.feed(html)
    return parser.found


def test_the_file_stands_alone(store: Store) -> None:
    tags = _tags(render_html(build_report(store, fill(store))))
    assert not [tag for tag, _ in tags if tag in ("script", "link", "img", "iframe")]
    hrefs = [attrs.get("href") or "" for tag, attrs in tags if tag in ("a", "use")]
    assert hrefs
    assert all(href.startswith("#") for href in hrefs)
    assert not [attrs for _, attrs in tags if "style" in attrs]


def test_every_link_inside_the_file_leads_somewhere(store: Store) -> None:
    run = fill(store, shares=(0.5, 0.7), state=RunState.ENDED)
    tags = _tags(render_html(build_report(store, run)))
    ids = {attrs["id"] for _, attrs in tags if attrs.get("id")}
    hrefs = {(attrs.get("href") or "")[1:] for tag, attrs in tags if tag in ("a", "use")}
    assert hrefs - ids == set()


@pytest.mark.parametrize("state", list(RunState))
def test_a_run_in_any_state_renders_with_nothing_graded(store: Store, state: RunState) -> None:
    begin(store, RUN, "A change", 1, START)
    store.change_run(RUN, START, state=state)
    report = build_report(store, RUN)
    assert "A change" in render_html(report)
    assert "not known" in render_markdown(report)
    assert render_text(report)


def test_text_from_elsewhere_is_shown_and_never_obeyed(store: Store) -> None:
    run = fill(store, title=HOSTILE)
    store.change_run(run, START, note=HOSTILE)
    report = build_report(store, run)
    line = replace(report.criteria[0], text=HOSTILE, ceiling=HOSTILE)
    report = replace(report, criteria=(line, *report.criteria[1:]))
    html = render_html(report)
    assert not [tag for tag, _ in _tags(html) if tag == "img"]
    assert "\x1b" not in html
    assert "\u202e" not in html
    assert "\u241b[31mred" in html
    markdown = render_markdown(report)
    seen = {tag for tag, _ in _tags(MarkdownIt("gfm-like", {"linkify": False}).render(markdown))}
    assert seen & {"img", "a"} == set()
    assert "\x1b" not in render_text(report)


def test_one_heading_of_the_first_level_and_every_plot_has_a_name(store: Store) -> None:
    tags = _tags(render_html(build_report(store, fill(store))))
    assert [tag for tag, _ in tags].count("h1") == 1
    plots = [attrs for tag, attrs in tags if tag == "svg" and "plot" in (attrs.get("class") or "")]
    assert plots
    assert all(plot.get("aria-label") for plot in plots)


def test_the_markdown_has_verdict_criteria_and_what_was_not_verified(store: Store) -> None:
    text = render_markdown(build_report(store, fill(store)))
    assert text.startswith("## Candidate 3 can ship once you answer one question.")
    assert "### Not verified" in text
    assert re.search(r"\| ◆ Asks you \| AC-7", text)


def test_a_criterion_of_the_headline_is_never_broken_in_two() -> None:
    said = whole_names("AC-7 <b> was not exercised; REQ-12 failed")
    assert said == (
        '<span class="whole">AC-7</span> &lt;b&gt; was not exercised; '
        '<span class="whole">REQ-12</span> failed'
    )


def test_the_weakest_of_several_twin_routes_is_named_in_words() -> None:
    assert weakest_words("hand, shape, values") == "by hand"
    assert weakest_words("shape, values") == "compared by shape"
    assert weakest_words("something_else") == "something else"
    line = TwinLine("okta", 3, 9, {"values": 2, "hand": 1}, "2026-03-01, on 70 recorded calls")
    assert line.sentence.startswith("okta: 2 compared by values, 1 by hand; measured 2026")


def test_where_no_call_was_made_no_price_is_printed() -> None:
    assert cost(Decimal(0), 0) == "no calls"
    assert cost(Decimal(0), 2) == "$0"
    assert cost(None, 2) == "not known"
