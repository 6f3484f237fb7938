from __future__ import annotations

import gzip
import json
from functools import partial
from itertools import product
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.model.eventlog import JournalMessage, Purged
from fluxapi.sessions import pages as module
from fluxapi.sessions.gzip_text import GzipText
from fluxapi.sessions.pages import Listing, Pages
from fluxapi.sessions.situation import SituationMonitor
from fluxapi.table.query import JobQuery, page
from fluxapi.table.table import Table
from tests.table.test_table import event, live_table, submit


class Reader:
    """Reads pages, and counts the searches and the encoded rows."""

    def __init__(self, table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
        self.table = table
        self.observer = SituationMonitor(table, Mock(), Mock())
        self.searches = 0
        self.pages = Pages(table, self.observer)

        async def counted(*args: Any, **options: Any) -> Any:
            self.searches += 1
            return await page(*args, **options)

        monkeypatch.setattr(module, "page", counted)

    async def read(
        self, query: JobQuery | None = None, limit: int = 2, after: int | None = None
    ) -> tuple[list[int], str | None]:
        """Return revision by revision what a page shows, and where the next one begins."""
        query = query or JobQuery()
        key = f"{query} {limit} {after}"
        found, _ = await self.pages.read(key, partial(Listing, query, limit, after), b"}")
        shown = json.loads(found.text)
        return [job["revision"] for job in shown["jobs"]], shown["next"]


def ended(jobid: int) -> list[JournalMessage]:
    return [submit(jobid), event(jobid, "validate"), event(jobid, "clean")]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    return Reader(live_table(*(it for jobid in range(1, 9) for it in ended(jobid))), monkeypatch)


async def test_a_page_is_found_once_while_nothing_changes(reader: Reader) -> None:
    assert await reader.read(after=5) == ([3, 3], "3")
    assert await reader.read(after=5) == ([3, 3], "3")
    assert reader.searches == 1


@pytest.mark.parametrize(
    "change",
    [
        event(6, "debug"),  # above the page
        event(2, "debug"),  # below it
        submit(9),
        Purged([1]),
    ],
    ids=["above", "below", "new", "purged below"],
)
async def test_a_change_elsewhere_leaves_a_page(reader: Reader, change: Any) -> None:
    before = await reader.read(after=5)
    reader.table.feed([change])
    assert await reader.read(after=5) == before
    assert reader.searches == 1


async def test_a_changed_job_is_shown_anew(reader: Reader) -> None:
    await reader.read(after=5)
    await reader.read(after=5)
    reader.table.feed([event(4, "debug")])
    assert await reader.read(after=5) == ([4, 3], "3")


async def test_a_job_that_goes_makes_room(reader: Reader) -> None:
    await reader.read(after=5)
    reader.table.feed([Purged([4])])
    assert await reader.read(after=5) == ([3, 3], "2")


async def test_a_new_job_is_on_the_first_page(reader: Reader) -> None:
    await reader.read()
    reader.table.feed([submit(9)])
    assert (await reader.read())[0] == [1, 3]


async def test_a_job_that_matches_now_is_on_the_page(reader: Reader) -> None:
    active = JobQuery(states=frozenset({"NEW", "DEPEND"}))
    reader.table.feed([submit(9)])
    assert await reader.read(active) == ([1], None)
    reader.table.feed([event(7, "debug")])
    assert await reader.read(active) == ([1], None)
    assert reader.searches == 1
    reader.table.feed([submit(10)])
    assert await reader.read(active) == ([1, 1], None)


async def test_the_query_of_a_kept_page_is_not_read_again(reader: Reader) -> None:
    asked: list[Listing] = []

    def listing() -> Listing:
        asked.append(Listing(JobQuery(), 2, None))
        return asked[-1]

    for _ in range(3):
        await reader.pages.read("", listing, b"}")
    assert len(asked) == 1
    reader.table.feed([submit(9)])
    await reader.pages.read("", listing, b"}")
    assert len(asked) == 3


CHANGES = st.one_of(
    st.builds(submit, st.integers(1, 12)),
    st.builds(event, st.integers(1, 12), st.sampled_from(["validate", "depend", "clean", "debug"])),
    st.builds(lambda jobid: Purged([jobid]), st.integers(1, 12)),
)
QUERIES = [
    JobQuery(),
    JobQuery(states=frozenset({"DEPEND", "PRIORITY"})),
    JobQuery(results=frozenset({"FAILED"})),
    JobQuery(name="true", since=0.0),
]


@given(changes=st.lists(CHANGES, min_size=5, max_size=30))
async def test_a_kept_page_is_what_a_new_search_finds(changes: list[Any]) -> None:
    table = live_table()
    observer = SituationMonitor(table, Mock(), Mock())
    pages = Pages(table, observer)
    for change in (submit(1), submit(9), *changes):
        table.feed([change])
        for query, after in product(QUERIES, (None, 8)):
            key = f"{query} {after}"
            (kept, _), _ = await pages.read(key, partial(Listing, query, 2, after), b"}")
            (found, _), _ = await Pages(table, observer).read(
                "", partial(Listing, query, 2, after), b"}"
            )
            (packed, _), is_gzip = await pages.read(
                key, partial(Listing, query, 2, after), b"}", takes_gzip=True
            )
            assert (gzip.decompress(packed) if is_gzip else packed) == kept
            shown, following = json.loads(kept), json.loads(found)["next"]
            assert shown["jobs"] == json.loads(found)["jobs"]
            # The jobs of the next page may have gone.
            assert following in {shown["next"], None}


async def test_many_changes_end_every_page(reader: Reader) -> None:
    await reader.read(after=5)
    for _ in range(200):
        reader.table.feed([event(7, "debug"), event(8, "debug")])
    await reader.read(after=5)
    assert reader.searches == 2


async def test_a_page_of_jobs_that_wait_is_encoded_with_each_situation(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.table.feed([submit(9), event(9, "validate")])
    reasons = ["first", "second"]
    monkeypatch.setattr(reader.observer, "reason", lambda _: reasons[0])
    texts = [
        (await reader.pages.read("", partial(Listing, JobQuery(), 1, None), b"}"))[0].text
        for _ in range(3)
    ]
    assert all(b'"reason":"first"' in text for text in texts)
    reasons.pop(0)
    reader.observer.version += 1
    assert (
        b'"reason":"second"'
        in (await reader.pages.read("", partial(Listing, JobQuery(), 1, None), b"}"))[0].text
    )
    assert reader.searches == 1


async def test_a_text_is_kept_once_a_page_is_read_again(reader: Reader) -> None:
    texts = [
        (await reader.pages.read("", partial(Listing, JobQuery(), 3, None), b""))[0].text
        for _ in range(3)
    ]
    assert texts[0] == texts[1]
    assert texts[1] is texts[2]


async def test_a_kept_text_has_the_end_that_is_asked_for(reader: Reader) -> None:
    ends = (b',"cursor":"1"}', b',"cursor":"1"}', b',"cursor":"123"}', b"}", b',"cursor":"4"}')
    texts = [
        (await reader.pages.read("", partial(Listing, JobQuery(), 3, None), end))[0].text
        for end in ends
    ]
    whole = [json.loads(text) for text in texts]
    assert [it.get("cursor") for it in whole] == ["1", "1", "123", None, "4"]
    assert all(it["jobs"] == whole[0]["jobs"] and it["next"] == whole[0]["next"] for it in whole)
    assert reader.searches == 1


async def test_a_text_that_is_kept_is_compressed_once_for_all_ends(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[bytes | memoryview] = []

    class Counted(GzipText):
        def __init__(self, text: bytes | memoryview) -> None:
            made.append(text)
            super().__init__(text)

    monkeypatch.setattr(module, "GzipText", Counted)
    ends = [b',"cursor":"%d"}' % number for number in range(4)]
    found = [
        await reader.pages.read("", partial(Listing, JobQuery(), 8, None), end, takes_gzip=True)
        for end in ends
    ]
    # The page is found, then its text is kept; before that, nothing is compressed.
    assert [is_gzip for _, is_gzip in found] == [False, False, True, True]
    assert len(made) == 1
    texts = [gzip.decompress(it.text) if is_gzip else it.text for it, is_gzip in found]
    start = texts[0].removesuffix(ends[0])
    assert texts == [start + end for end in ends]


async def test_a_text_that_is_hardly_shorter_is_sent_as_it_is(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GzipText, "__len__", lambda _: 1 << 20)
    for _ in range(4):
        (text, _), is_gzip = await reader.pages.read(
            "", partial(Listing, JobQuery(), 8, None), b"}", takes_gzip=True
        )
        assert json.loads(text)["jobs"]
        assert not is_gzip


async def test_large_texts_are_not_kept(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_TEXT_BYTES", 10)
    texts = [
        (await reader.pages.read("", partial(Listing, JobQuery(), 3, None), b""))[0].text
        for _ in range(3)
    ]
    assert texts[1] is not texts[2]


async def test_the_page_that_was_read_longest_ago_goes_first(reader: Reader) -> None:
    for after in range(100, 300):
        await reader.read(after=after)
        await reader.read(after=100)
    searches = reader.searches
    await reader.read(after=299)
    await reader.read(after=100)
    assert reader.searches == searches
    await reader.read(after=101)
    assert reader.searches == searches + 1


async def test_an_empty_page(reader: Reader) -> None:
    assert await reader.read(JobQuery(queue="none")) == ([], None)
