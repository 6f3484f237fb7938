"""Jobs of the table and of the history as one list, in stable pages."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from fluxapi.archive import merged
from fluxapi.archive.archive import Archive
from fluxapi.archive.query import ArchivedJob, Range, find
from fluxapi.model.eventlog import Purged, Resync
from fluxapi.model.jobid import encode_f58
from fluxapi.table.query import JobQuery
from tests.table.test_table import SENTINEL, event, submit

from .stage import Stage
from .test_recorder import ended

MS = 1 << 24
COUNT = 40


def jobid(number: int) -> int:
    return number * 1000 * MS + 7


async def filled(archive: Archive) -> Stage:
    """Return a stage with jobs 0 to 39, of which every second one was purged; 40 is active."""
    stage = await Stage.open(archive)
    stage.feed([Resync(), SENTINEL])
    for number in range(COUNT):
        failed = number % 5 == 0
        end = [event(jobid(number), "exception", type="exec", severity=0, note="no such file")]
        stage.feed(
            ended(
                jobid(number),
                *(end if failed else []),
                at=1000.0 + number,
                name=f"train_{number % 3}",
                queue="gpu" if number % 2 else "batch",
                userid=number % 4,
            )
        )
    stage.feed([submit(jobid(COUNT), at=1000.0 + COUNT, name="train_0")])
    await stage.settle()
    stage.feed([Purged([jobid(number) for number in range(0, COUNT, 2)])])
    await stage.settle()
    return stage


async def listed(
    stage: Stage,
    query: JobQuery,
    limit: int,
    between: Callable[[], None] = lambda: None,
) -> list[int]:
    """Return the IDs of all pages."""
    found: list[int] = []
    after: int | None = None
    while True:
        page = await merged.page(stage.table, stage.past, query, limit=limit, after=after)
        assert len(page.jobs) <= limit
        found += [job.id if isinstance(job, ArchivedJob) else job for job in page.jobs]
        if page.next is None:
            return found
        after = page.next
        between()


QUERIES: dict[str, tuple[JobQuery, Callable[[int], bool]]] = {
    "all": (JobQuery(), lambda n: n >= 0),
    "result": (JobQuery(results=frozenset(["FAILED"])), lambda n: n % 5 == 0 and n < COUNT),
    "inactive": (JobQuery(states=frozenset(["INACTIVE"])), lambda n: n < COUNT),
    "active": (JobQuery(states=frozenset(["SCHED", "DEPEND", "NEW"])), lambda n: n == COUNT),
    "user": (JobQuery(user="3"), lambda n: n % 4 == 3),
    "name": (JobQuery(name="train_1"), lambda n: n % 3 == 1 and n < COUNT),
    "prefix": (JobQuery(name="train*"), lambda n: n >= 0),
    "queue": (JobQuery(queue="gpu"), lambda n: n % 2 == 1),
    "since": (JobQuery(since=1010.0), lambda n: n >= 10),
    "until": (JobQuery(until=1010.0), lambda n: n < 10),
    "ended": (JobQuery(ended=1.0), lambda n: n < COUNT),
    "ended until": (JobQuery(ended_until=1.0), lambda n: n < 0),
    "held": (JobQuery(held=True), lambda n: n < 0),
    "ids": (JobQuery(ids=frozenset([jobid(2), jobid(3)])), lambda n: n in {2, 3}),
    "text": (JobQuery(text="failed"), lambda n: n % 5 == 0 and n < COUNT),
    "both": (
        JobQuery(name="train_0", results=frozenset(["FAILED"])),
        lambda n: n % 15 == 0 and n < COUNT,
    ),
}


@pytest.mark.parametrize(
    "limit",
    [pytest.param(1, marks=pytest.mark.slow), 7, pytest.param(1000, marks=pytest.mark.slow)],
)
@pytest.mark.parametrize("name", QUERIES)
async def test_filters_find_what_the_table_would_find(
    archive: Archive, name: str, limit: int
) -> None:
    stage = await filled(archive)
    query, matches = QUERIES[name]
    expected = [jobid(number) for number in range(COUNT, -1, -1) if matches(number)]
    assert await listed(stage, query, limit) == expected
    await stage.history.filler.aclose()


async def test_a_purge_between_two_pages_changes_no_page(archive: Archive) -> None:
    stage = await filled(archive)
    left = [jobid(number) for number in range(1, COUNT, 2)]

    def purge() -> None:
        if left:
            stage.feed([Purged([left.pop(), *([left.pop(0)] if left else [])])])

    expected = [jobid(number) for number in range(COUNT, -1, -1)]
    assert await listed(stage, JobQuery(), 3, between=purge) == expected
    await stage.history.filler.aclose()


async def test_records_say_where_they_come_from(archive: Archive) -> None:
    stage = await filled(archive)
    found = await stage.past.find(jobid(4))
    assert found is not None
    record = json.loads(found.record)
    assert record["id"] == encode_f58(jobid(4))
    assert record["history"]["instance"] == "one"
    assert record["history"]["purged"] > 0
    kept = await stage.past.find(jobid(5))
    assert kept is not None
    assert json.loads(kept.record)["history"] == {"instance": "one", "path": ""}
    assert await stage.past.find(12345) is None
    assert await stage.past.find(1 << 63) is None
    await stage.history.filler.aclose()


async def test_the_history_of_all_instances_is_one_list(archive: Archive) -> None:
    for at, name in ((1000.0, "one"), (1000.5, "two")):
        stage = await Stage.open(archive, name=name)
        stage.feed([Resync(), SENTINEL])
        for number in range(10):
            stage.feed(ended(jobid(number), at=at + number, name=name))
        await stage.settle()
        await stage.history.filler.aclose()
    names: list[str] = []
    below: int | None = None
    while True:
        page = await archive.reader.run(
            lambda database: find(database, JobQuery(), Range(below=below), limit=3)  # noqa: B023
        )
        names += [json.loads(job.record)["name"] for job in page]
        if not page:
            break
        below = page[-1].key
    assert names == ["two", "one"] * 10


async def test_words_are_searched_in_commands_and_notes(archive: Archive) -> None:
    stage = await Stage.open(archive)
    stage.feed([Resync(), SENTINEL])
    lost = event(jobid(1), "exception", type="exec", severity=0, note='No such file: "model.pt"')
    stage.feed([*ended(jobid(1), lost, name="a-b"), *ended(jobid(2), name="other")])
    await stage.settle()

    async def search(text: str) -> list[int]:
        query = JobQuery(text=text)
        return [job.id for job in await stage.past.page(query, limit=9, below=None)]

    for text in ("model.pt", "such FILE", 'fi* "model', "a-b", encode_f58(jobid(1)), "mod*"):
        assert await search(text) == [jobid(1)], text
    assert await search("mod") == []
    for text in ('"', "*", "NEAR(", "name:a AND", "-", "\0", "ƒ"):
        assert await search(text) in ([], [jobid(2), jobid(1)]), text
    await stage.history.filler.aclose()
