"""The search in the documentation."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import urlencode

import pytest

from fluxapi.web.docs_search import MAX_HITS, Index, Section, sections
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

HTML = """
<p>Before any heading.</p>
<h2 id="first">First <code>step</code></h2>
<p>Run <code>fluxapi</code> here.</p><pre>fluxapi submit --max-jobs=3</pre>
<h2>No anchor</h2><p>is a part of the one before.</p>
<article id="op"><h3><b>GET</b> <code>/jobs/{id}</code></h3><p>Get &lt;one&gt; job.</p></article>
"""


def found(index: Index, query: str) -> list[str]:
    return [hit.section.address for hit in index.search(query)[1]]


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


def test_all_words_must_be_there_by_their_beginnings() -> None:
    index = Index(sections("Page", "/docs/page", HTML))
    assert found(index, "flux SUB") == ["/docs/page#first"]
    assert found(index, "--max-jobs") == ["/docs/page#first"]
    assert found(index, "jobs/{id}") == ["/docs/page#op"]
    assert found(index, "ubmit") == []
    assert found(index, "submit one zebra") == []
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


def test_an_excerpt_shows_the_match_and_marks_it() -> None:
    text = f"{'before ' * 100}the needle, {'after ' * 100}"
    ((hit,)) = Index([Section.of("P", "T", "/p", text)]).search("NEED")[1]
    assert [text for text, is_match in hit.pieces if is_match] == ["need"]
    assert "the needle, after" in hit.text
    assert hit.text.startswith("… before")
    assert hit.text.endswith("after …")
    assert len(hit.text) < 260


def test_an_answer_is_bounded_and_fast() -> None:
    index = Index(
        Section.of("P", f"T{number}", f"/p#{number}", "same words " * 200) for number in range(1000)
    )
    begin = time.process_time()
    total, hits = index.search(" ".join(["same", "words"] * 60))
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


async def test_what_is_found_is_there(service: Service) -> None:
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
