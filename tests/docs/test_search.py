"""The search in the documentation."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any
from urllib.parse import urlencode

import pytest

from fluxapi.web import docs
from fluxapi.web.docs_search import MAX_HITS, Hit, Index, Kind, Section, sections
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

LIBRARY = docs.Library()

HTML = """
<p>Before any heading.</p>
<h2 id="first">First <code>step</code></h2>
<p>Run <code>fluxapi</code> here.</p><pre>fluxapi submit --max-jobs=3</pre>
<h2>No anchor</h2><p>is a part of the one before.</p>
<article id="op"><h3><b>GET</b> <code>/jobs/{id}</code></h3><p>Get &lt;one&gt; job.</p></article>
"""


@pytest.fixture(autouse=True)
def _one_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the reference and the index once: they are the same for all services."""
    monkeypatch.setattr(docs, "Library", lambda: LIBRARY)


def found(index: Index, query: str) -> list[str]:
    return [hit.section.address for hit in search(index, query)[1]]


def search(index: Index, query: str) -> tuple[int, list[Hit]]:
    return asyncio.run(index.search(query))


def test_a_page_is_split_at_headings_with_anchors() -> None:
    made = sections("Page", "/docs/page", HTML)
    assert [(it.title, it.address, it.text) for it in made] == [
        ("Page", "/docs/page", "Before any heading."),
        (
            "First step",
            "/docs/page#first",
            "Run fluxapi here. fluxapi submit --max-jobs=3 No anchor is a part of the one before.",
        ),
        ("GET /jobs/{id}", "/docs/page#op", "Get <one> job."),
    ]


def test_a_remark_about_an_example_is_no_part_of_the_text() -> None:
    html = (
        '<p>Before.</p><p class="untested">Not run in the tests: <code>x</code>.</p><p>After.</p>'
    )
    assert [it.text for it in sections("Page", "/docs/page", html)] == ["Before. After."]


def test_all_words_must_be_there_by_their_beginnings() -> None:
    index = Index(sections("Page", "/docs/page", HTML))
    assert found(index, "flux SUB") == ["/docs/page#first"]
    assert found(index, "--max-jobs") == ["/docs/page#first"]
    assert found(index, "jobs/{id}") == ["/docs/page#op"]
    assert found(index, "ubmit") == []
    assert found(index, "zebra one") == []
    assert found(index, "  -- ") == []


def test_a_title_comes_before_a_text() -> None:
    index = Index(
        [
            Section.of("Guide", "Other", "/a", "cancel " * 20),
            Section.of("Guide", "Cancel jobs", "/b", "It ends them."),
            Section.of("Cancel", "More", "/c", "Text."),
        ]
    )
    assert found(index, "cancel") == ["/b", "/c", "/a"]


def test_most_words_are_enough_if_no_section_has_all() -> None:
    index = Index(sections("Page", "/docs/page", HTML))
    assert found(index, "fluxapi submit zebra") == ["/docs/page#first"]
    assert found(index, "submit zebra lion") == []


def test_words_that_say_nothing_count_only_alone() -> None:
    index = Index([Section.of("P", "Wait", "/a", "a job"), Section.of("P", "Why", "/b", "why")])
    assert found(index, "why does my job wait") == ["/a"]
    assert found(index, "why") == ["/b"]


def test_the_answer_to_a_question_comes_before_titles_with_its_words() -> None:
    index = Index(
        [
            Section.of("P", "Job wait", "/a", "Options."),
            Section.of("P", "Notes", "/b", "A note says why a job waits."),
        ]
    )
    assert found(index, "why does my job wait") == ["/b", "/a"]
    assert found(index, "job wait") == ["/a", "/b"]


def test_a_phrase_comes_first_and_is_shown() -> None:
    text = f"time {'passes ' * 100} the time limit"
    index = Index(
        [
            Section.of("P", "B", "/b", text),
            Section.of("P", "C", "/c", "limit " * 5 + "time " * 5),
        ]
    )
    assert found(index, "time limit") == ["/b", "/c"]
    assert "the time limit" in search(index, "time limit")[1][0].text


def test_guides_come_before_the_reference_and_the_background() -> None:
    index = Index(
        Section.of(kind.name, "Title", f"/{kind.name}", "cancel", kind) for kind in reversed(Kind)
    )
    assert found(index, "cancel") == ["/GUIDE", "/REFERENCE", "/BACKGROUND"]


def test_a_duration_finds_what_says_how_durations_are_written() -> None:
    index = Index([Section.of("P", "T", "/a", "A duration is a number with a unit.")])
    assert found(index, "2h30m") == ["/a"]
    assert found(index, "2h30x") == []


def test_sections_that_show_the_same_are_shown_once() -> None:
    index = Index(
        Section.of("P", f"flux {name}", f"/{name}", "-t FSD") for name in ("run", "batch")
    )
    assert search(index, "fsd")[0] == 1


def test_tests_are_left_out() -> None:
    section = Section.of("P", "T", "/a", "Safe. tests/attack/test_it.py::test_of_it More.")
    assert section.text == "Safe. More."
    assert found(Index([section]), "attack") == []


def test_an_excerpt_shows_the_match_and_marks_it() -> None:
    text = f"{'before ' * 100}the needle, {'after ' * 100}"
    ((hit,)) = search(Index([Section.of("P", "T", "/p", text)]), "NEED")[1]
    assert [text for text, is_match in hit.pieces if is_match] == ["need"]
    assert "the needle, after" in hit.text
    assert hit.text.startswith("… before")
    assert hit.text.endswith("after …")
    assert len(hit.text) < 260


def test_an_answer_is_bounded_and_fast() -> None:
    index = Index(
        Section.of("P", f"T{number}", f"/p#{number}", f"{number} {'same words ' * 200}")
        for number in range(1000)
    )
    begin = time.process_time()
    total, hits = search(index, " ".join(["same", "words"] * 60))
    assert (total, len(hits)) == (1000, MAX_HITS)
    assert time.process_time() - begin < 1


async def get(service: Service, query: str) -> Any:
    answer = await service.client.get(f"/docs/search?{urlencode({'q': query})}")
    assert answer.status == 200
    return await answer.json()


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ("enable authentication", "/docs/auth"),
        ("groups list", "/docs/cli#groups"),
        ("post jobs urgency", "/docs/reference#setUrgency"),
        ("job not found", "/docs/errors#job-not-found"),
        ("--max-streams", "/docs/settings"),
    ],
)
async def test_guides_reference_and_errors_are_found(
    service: Service, query: str, address: str
) -> None:
    results = (await get(service, query))["results"]
    assert address in [it["address"] for it in results[:5]]


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ("time limit", "/docs/cli#time-limit"),
        ("why does my job wait", "/docs/jobs-page#see-why-a-job-waits"),
        ("2h30m", "/docs/cli#time-limit"),
        ("share a job", "/docs/auth#share-a-job-or-a-view"),
    ],
)
async def test_questions_find_their_answer_first(
    service: Service, query: str, address: str
) -> None:
    results = (await get(service, query))["results"]
    assert results[0]["address"] == address
    assert not [it for it in results if "tests/" in it["text"]]


async def test_each_result_exists(service: Service) -> None:
    for query in ("job", "queue stop", "Flux"):
        for it in (await get(service, query))["results"]:
            path, _, anchor = it["address"].partition("#")
            text = await (await service.client.get(path)).text()
            assert not anchor or f'id="{anchor}"' in text


async def test_the_page_shows_what_matches_as_text(service: Service) -> None:
    headers = {"Accept": "text/html"}
    for query, shown in (("cancel", "<mark>cancel</mark>"), ("zebra<b>", "zebra&lt;b&gt;")):
        address = f"/docs/search?{urlencode({'q': query})}"
        text = await (await service.client.get(address, headers=headers)).text()
        assert shown in text
        assert re.search(r'<input type="search" name="q"[^>]* value="([^"]*)"', text)
        assert "zebra<b>" not in text
    text = await (await service.client.get("/docs/search", headers=headers)).text()
    assert "finds words" in text


async def test_long_queries_are_refused(service: Service) -> None:
    assert (await service.client.get(f"/docs/search?q={'x' * 257}")).status == 422
