"""The fold of whatever Flux lets through: always a record, bounded, and no other job harmed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fluxapi.archive.stored_record import is_sound
from fluxapi.events.buffer import encode_body
from fluxapi.model import fold
from fluxapi.model.eventlog import MAX_EVENT_BYTES, Event, JournalMessage, Purged, decode_journal
from fluxapi.model.job import Job
from fluxapi.model.jobid import JOBID_ANY
from fluxapi.table.index import facets
from fluxapi.table.table import Table
from tests.model.test_job import JOBSPEC

MAX_ROW_BYTES = 1 << 20
"""A row of the largest fields that are kept, each of characters that JSON writes as six."""

SENTINEL = JournalMessage(JOBID_ANY, [])
R = {
    "version": 1,
    "execution": {
        "R_lite": [{"rank": "0-1", "children": {"core": "0-3"}}],
        "nodelist": ["n[0-1]"],
        "expiration": 0.0,
    },
}

# The soak draws from the same values by other means.
NOTABLE_NUMBERS = [0, 1, 2**31 - 1, 2**32, 2**62]
NOTABLE_TEXTS = [
    *("node", "core", "x" * 70_000, "\x01" * 5_000, "0-4194303", "n[0-99999]", "[", "1e999"),
]
NOTABLE = [None, True, False, *NOTABLE_NUMBERS, *NOTABLE_TEXTS]
CHARACTERS = [*'0aZ[]{},-."\\ \x00\x1b\n\u2028\u202e\u00e9\U0001f600']
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from(NOTABLE_NUMBERS),
    st.floats(allow_nan=False, allow_infinity=False),
)
LEAVES = st.one_of(
    st.none(), st.booleans(), NUMBERS, st.text(max_size=8), st.sampled_from(NOTABLE_TEXTS)
)
KNOWN_KEYS = ["count", "type", "user", "uri", "system"]
KEYS = st.one_of(st.text(max_size=4), st.sampled_from(KNOWN_KEYS))
ANYTHING = st.recursive(
    LEAVES,
    lambda below: st.one_of(st.lists(below, max_size=4), st.dictionaries(KEYS, below, max_size=4)),
    max_leaves=12,
)
KNOWN_NAMES = [
    *("submit", "validate", "depend", "priority", "alloc", "start", "finish", "clean"),
    *("exception", "urgency", "memo", "annotations", "dependency-add", "invalidate"),
    *("dependency-remove", "jobspec-update", "resource-update", "flux-restart"),
]
NAMES = st.one_of(st.sampled_from(KNOWN_NAMES), st.text(max_size=6))
KNOWN_MEMBERS = [
    *("userid", "urgency", "version", "priority", "status", "severity", "type", "note"),
    *("description", "annotations", "expiration", "resources", "tasks"),
    *("attributes.system", "attributes.system.duration", "attributes.system.job.name"),
]
MEMBERS = st.sampled_from(KNOWN_MEMBERS)
CONTEXTS = st.one_of(st.none(), st.dictionaries(st.one_of(MEMBERS, KEYS), ANYTHING, max_size=5))
EVENTS = st.builds(Event, st.floats(allow_nan=False, allow_infinity=False), NAMES, CONTEXTS)


@st.composite
def changed(draw: st.DrawFn, whole: Any) -> Any:
    """Return *whole* with another value in one place of it, or another value altogether."""
    if isinstance(whole, dict) and whole and draw(st.integers(0, 9)):
        key = draw(st.sampled_from(sorted(whole)))
        return {**whole, key: draw(changed(whole[key]))}
    if isinstance(whole, list) and whole and draw(st.integers(0, 9)):
        return [draw(changed(whole[0])), *whole[1:]]
    return draw(ANYTHING)


SPEC = {
    **JOBSPEC,
    "attributes": {
        "system": {
            **JOBSPEC["attributes"]["system"],
            "job": {"name": "n"},
            "bank": "b",
            "shell": {"options": {"per-resource": {"type": "node", "count": 2}}},
            "dependencies": [{"scheme": "afterok", "value": "f1"}],
            "constraints": {"properties": ["fast"]},
        },
        "user": {"fluxapi": {"key": "k", "digest": "d", "signature": "s"}},
    },
}
SPECS = st.one_of(st.none(), changed(SPEC))
RESOURCES = st.one_of(st.none(), changed(R))
MESSAGES = st.builds(
    JournalMessage,
    st.integers(1, 4),
    st.lists(EVENTS, min_size=1, max_size=6),
    SPECS.filter(lambda value: value is None or isinstance(value, dict)),
    RESOURCES.filter(lambda value: value is None or isinstance(value, dict)),
)


def good(jobid: int) -> JournalMessage:
    return JournalMessage(
        jobid,
        [Event(1.0, "submit", {"userid": 0, "urgency": 16, "version": 1}), Event(1.5, "validate")],
        JOBSPEC,
    )


def changed_dependency(**members: object) -> dict[str, Any]:
    """Return a jobspec whose only dependency has other members."""
    dependency = {"scheme": "afterok", "value": "f1", **members}
    return {**JOBSPEC, "attributes": {"system": {"dependencies": [dependency]}}}


def check(table: Table) -> None:
    for jobid in table.index.all:
        job = table.get(jobid)
        assert job is not None
        row = table.encode(jobid)
        assert len(row) <= MAX_ROW_BYTES
        assert is_sound(row), "the history takes it for damaged"
        known = facets(job)
        assert jobid in table.index.state[known.state]
        assert jobid in table.index.userid[known.userid]
        assert jobid in table.index.queue[known.queue]
        assert jobid in table.index.name.get(known.name)
    assert len(table) == len(table.index.all)


@pytest.mark.parametrize("scheme", [["afterok"], {"a": 1}, 5, None])
def test_a_scheme_that_is_no_text_costs_no_job_its_row(scheme: object) -> None:
    spec = changed_dependency(scheme=scheme)
    table = Table()
    table.feed([SENTINEL])
    table.feed([good(100), JournalMessage(150, good(150).events, spec), good(200)])
    assert {100, 150, 200} == set(table.index.all)
    check(table)


def test_a_jobspec_that_cannot_be_read_costs_no_job_its_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read_jobspec(job: Job, _jobspec: object) -> None:
        if job.id == 150:
            raise RecursionError

    monkeypatch.setattr(fold, "read_jobspec", read_jobspec)
    table = Table()
    table.feed([SENTINEL])
    table.feed([good(100), good(150), good(200)])
    assert {100, 150, 200} == set(table.index.all)
    assert table[150].truncated == ("jobspec",)


@given(st.lists(MESSAGES, max_size=6), st.booleans())
def test_no_message_costs_another_job_its_row(messages: list[JournalMessage], live: bool) -> None:
    table = Table()
    batch = [good(100), *messages, good(200)]
    for feed in ([SENTINEL], batch) if live else (batch, [SENTINEL]):
        changes = table.feed(feed)
        for posted in changes.posted:
            body = encode_body(posted.id, posted.index, posted.event)
            assert len(body) <= MAX_EVENT_BYTES
    assert {100, 200} <= set(table.index.all)
    check(table)
    table.begin_replay()
    table.feed([*batch, SENTINEL])
    check(table)
    table.feed([Purged(list(table.index.all))])
    assert not table.index.all
    assert table.digest == 0


@example(1, [Event(1.0, "memo"), Event(2.0, "submit")], None, None)
@given(st.integers(1, 9), st.lists(EVENTS, min_size=1, max_size=3), SPECS, RESOURCES)
def test_a_large_message_is_read_as_a_small_one(
    jobid: int, events: list[Event], spec: Any, R: Any
) -> None:
    document = {"id": jobid, "events": events, "jobspec": spec, "R": R, "padding": "x" * 140_000}
    message = decode_journal(msgspec.json.encode(document))
    assert [event.name for event in message.events] == [event.name for event in events]
    table = Table()
    table.feed([message, SENTINEL])
    check(table)


def test_a_job_with_large_files_has_the_record_of_one_without() -> None:
    system: dict[str, Any] = {
        "job": {"name": "large"},
        **{name: name for name in ("cwd", "queue", "bank", "project")},
        "duration": 60.0,
        "dependencies": [{"scheme": "afterok", "value": "f1"}],
        "constraints": {"properties": ["gpu"]},
        "shell": {"options": {"per-resource": {"type": "node", "count": 2}}},
    }
    spec = {
        "attributes": {"system": system, "user": {"fluxapi": {"cc": "3"}}},
        "resources": [
            {"type": "node", "count": 2, "with": [{"type": "slot", "count": 1, "label": "task",
             "with": [{"type": "core", "count": 4}]}]}
        ],
        "tasks": [{"command": ["a"], "slot": "task", "count": {"per_slot": 1}}],
    }  # fmt: skip
    small = fold.begin(1, spec)
    assert small.after == ((0, "afterok"),)
    system["files"] = {"a": "x" * 140_000}
    raw = msgspec.json.encode({"id": 1, "events": [], "jobspec": spec})
    assert fold.begin(1, decode_journal(raw).jobspec) == small


def test_a_memo_of_any_size_costs_its_head() -> None:
    memo = b'{"id":7,"events":[{"timestamp":3.25,"name":"memo","context":{"a":"%b"}}]}'
    (event,) = decode_journal(memo % (b"[" * 10_000_000)).events
    assert event == Event(3.25, "memo", None, truncated=True)
    table = Table()
    table.feed([SENTINEL, good(7), JournalMessage(7, [event])])
    assert table.record(7)["truncated"] == ("annotations",)
    assert b'"truncated":true' in encode_body(7, None, event)
