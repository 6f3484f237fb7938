from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.model.eventlog import Event, JournalMessage, Purged, Resync
from fluxapi.model.group import group_id
from fluxapi.model.jobid import JOBID_ANY
from fluxapi.model.keymark import KeySigner
from fluxapi.model.usernames import username
from fluxapi.table import groups as groups_module
from fluxapi.table.groups import page
from fluxapi.table.query import JobQuery, count
from fluxapi.table.query import page as job_page
from fluxapi.table.table import Table

OWNER, GUEST = 1000, 1001
SENTINEL = JournalMessage(JOBID_ANY, [])
SWEEP = group_id("sweep")


def table_of(*messages: Any, **options: Any) -> Table:
    table = Table(signer=KeySigner(OWNER), **options)
    table.feed([SENTINEL])
    table.feed(messages)
    return table


def submit(
    jobid: int, group: str | None = "sweep", *, user: int = OWNER, at: float = 1.0
) -> JournalMessage:
    own = {} if group is None else {"fluxapi": {"group": group}}
    jobspec = {"attributes": {"system": {}, "user": own}}
    context = {"userid": user, "urgency": 16, "flags": 0, "version": 1}
    return JournalMessage(jobid, [Event(at, "submit", context)], jobspec)


def event(jobid: int, name: str, at: float = 2.0, **context: Any) -> JournalMessage:
    return JournalMessage(jobid, [Event(at, name, context or None)])


def ended(jobid: int, at: float = 5.0, status: int = 0) -> list[JournalMessage]:
    return [event(jobid, "alloc", at), event(jobid, "finish", at, status=status),
            event(jobid, "clean", at)]  # fmt: skip


def record(table: Table, group: str = SWEEP) -> dict[str, Any]:
    row = table.groups.get(group)
    assert row is not None
    return row.record()


@pytest.mark.parametrize(
    ("number", "kept"), [("17", "17"), ("", None), ("1" * 21, None), ("x", None), (17, None)]
)
def test_the_number_of_a_job_by_cc_is_in_its_record(number: Any, kept: str | None) -> None:
    message = submit(1)
    assert message.jobspec is not None
    message.jobspec["attributes"]["user"]["fluxapi"]["cc"] = number
    assert table_of(message).record(1).get("cc") == kept


def test_a_group_counts_its_jobs() -> None:
    table = table_of(submit(1), submit(2, at=3.0), submit(3, "other"), submit(4, None), *ended(1))
    assert record(table) == {
        "id": SWEEP,
        "name": "sweep",
        "userid": OWNER,
        "username": username(OWNER),
        "total": 2,
        "active": 1,
        "purged": 0,
        "progress": 0.5,
        "states": {"NEW": 1, "INACTIVE": 1},
        "results": {"COMPLETED": 1},
        "t_first_submit": 1.0,
        "t_last_submit": 3.0,
        "t_first_run": 5.0,
        "t_last_inactive": 5.0,
    }
    assert table.record(1)["group"] == SWEEP
    assert table.record(1)["group_name"] == "sweep"
    assert "group" not in table.record(4)


def test_purged_jobs_count_as_ended_until_the_last_one() -> None:
    table = table_of(submit(1), submit(2), *ended(1))
    table.feed([Purged([1])])
    assert record(table)["purged"] == 1
    assert record(table)["progress"] == 0.5
    assert record(table)["t_last_inactive"] == 5.0
    table.feed([Purged([2])])
    assert table.groups.get(SWEEP) is None
    assert not len(table.groups)
    assert not table.groups.order


def test_an_invalid_job_was_never_one_of_the_group() -> None:
    table = table_of(submit(1), submit(2))
    table.feed([event(2, "invalidate")])
    assert (record(table)["total"], record(table)["purged"]) == (1, 0)


def test_a_guest_cannot_join_the_group_of_the_owner() -> None:
    table = table_of(submit(1), submit(2, user=GUEST), submit(3, SWEEP, user=GUEST))
    assert record(table)["total"] == 1
    guests = record(table, f"{SWEEP}.{GUEST}")
    assert (guests["total"], guests["userid"]) == (2, GUEST)


def test_a_job_cannot_give_a_group_another_name() -> None:
    table = table_of(submit(1, SWEEP))
    assert "name" not in record(table)
    table.feed([submit(2, "sweep"), submit(3, SWEEP)])
    assert record(table)["name"] == "sweep"


def test_the_groups_of_a_user_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups_module, "_MAX_GROUPS_PER_USER", 2)
    table = table_of()
    for number in range(4):
        table.feed([submit(number, f"g{number}", user=GUEST)])
    table.feed([submit(10), submit(11, "g0", user=GUEST)])
    assert len(table.groups) == 3
    assert table.record(3)["truncated"] == ("group",)
    assert record(table, f"{group_id('g0')}.{GUEST}")["total"] == 2
    assert record(table)["total"] == 1


def test_a_table_that_is_full_counts_dropped_jobs_as_purged() -> None:
    table = table_of(max_inactive=1)
    for jobid in range(3):
        table.feed([submit(jobid), *ended(jobid)])
    assert (record(table)["total"], record(table)["purged"]) == (1, 2)
    assert record(table)["progress"] == 1.0


async def test_pages_are_newest_first_and_complete() -> None:
    table = table_of(*[submit(jobid, f"group {jobid // 2}") for jobid in range(20)])
    table.feed(ended(19))
    table.feed(ended(18))
    names: list[str] = []
    after = None
    while True:
        found = await page(table.groups, limit=3, after=after)
        names += [row.name for row in found.groups]
        after = found.next
        if after is None:
            break
    assert names == [f"group {number}" for number in reversed(range(10))]
    active = await page(table.groups, limit=3, active=True)
    assert [row.name for row in active.groups] == ["group 8", "group 7", "group 6"]
    assert not (await page(table.groups, limit=3, user="nobody at all")).groups


@dataclass
class _Past:
    """Everything that a group has had, kept the slow way."""

    jobs: set[int] = field(default_factory=set)
    purged: int = 0
    submits: list[float] = field(default_factory=list)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["submit", "depend", "priority", "alloc", "finish", "exception", "clean", "purge",
             "invalidate", "replay", "lost"]
        ),
        st.integers(0, 7),
    ),
    max_size=60,
)  # fmt: skip
CONTEXTS: dict[str, dict[str, Any]] = {
    "priority": {"priority": 16},
    "finish": {"status": 256},
    "exception": {"type": "cancel", "severity": 0},
}
GROUPS = (None, "a", "b", "a")


class _Broker:
    """The eventlogs of an instance, and the changes that it sends for each step."""

    def __init__(self) -> None:
        self._logs: dict[int, list[JournalMessage]] = {}
        self._clock = 1.0

    def step(self, name: str, jobid: int) -> list[Any]:
        self._clock += 1.0
        if name == "purge":
            self._logs.pop(jobid, None)
            return [Purged([jobid])]
        if name == "lost":
            self._logs.pop(jobid, None)  # purged while nobody listened
        if name in {"lost", "replay"}:
            return [Resync(), *map(_whole, self._logs.values()), SENTINEL]
        if (name == "submit") == (jobid in self._logs):
            return []
        return [self._event(name, jobid)]

    def _event(self, name: str, jobid: int) -> JournalMessage:
        if name == "submit":
            user = OWNER if jobid < 6 else GUEST
            message = submit(jobid, GROUPS[jobid % 4], user=user, at=self._clock)
            self._logs[jobid] = []
        else:
            message = event(jobid, name, self._clock, **CONTEXTS.get(name, {}))
        self._logs[jobid].append(message)
        if name == "invalidate":
            del self._logs[jobid]
        return message


def _whole(log: list[JournalMessage]) -> JournalMessage:
    events = [entry for message in log for entry in message.events]
    return JournalMessage(log[0].id, events, log[0].jobspec)


@given(STEPS, st.integers(1, 8))
def test_the_counts_equal_a_recount(steps: list[tuple[str, int]], piece: int) -> None:
    table, broker = table_of(), _Broker()
    pasts: dict[str, _Past] = {}
    messages = [message for name, jobid in steps for message in broker.step(name, jobid)]
    for start in range(0, len(messages), piece):
        changes = table.feed(messages[start : start + piece])
        _remember(table, pasts, changes)
        _check(table, pasts)


def _remember(table: Table, pasts: dict[str, _Past], changes: Any) -> None:
    for jobid, shape in changes.gone.items():
        past = pasts.get(shape.facets.group)
        if past is not None and jobid in past.jobs:
            past.jobs.discard(jobid)
            past.purged += jobid not in changes.invalid
            if not past.jobs:
                del pasts[shape.facets.group]
    for jobid in changes.changed:
        job = table.get(jobid)
        assert job is not None
        if job.group:
            past = pasts.setdefault(job.group, _Past())
            past.jobs.add(jobid)
            past.submits.append(job.t_submit)


def _check(table: Table, pasts: dict[str, _Past]) -> None:
    assert {name for _, name in table.groups.order} == set(pasts)
    assert len(table.groups) == len(pasts)
    for name, past in pasts.items():
        row = table.groups.get(name)
        assert row is not None
        members = [table.get(jobid) for jobid in past.jobs]
        shown = row.record()
        states: dict[str, int] = {}
        results: dict[str, int] = {}
        for job in members:
            assert job is not None
            assert job.group == name
            states[job.state] = states.get(job.state, 0) + 1
            if job.result is not None:
                results[job.result] = results.get(job.result, 0) + 1
        assert shown["states"] == states
        assert shown["results"] == results
        assert shown["total"] == len(members)
        assert shown["purged"] == past.purged
        assert shown["t_first_submit"] == min(past.submits)
        assert shown["t_last_submit"] == max(past.submits)
        assert list(table.index.group.get(name)) == sorted(past.jobs)


@pytest.mark.parametrize("state", [None, frozenset({"INACTIVE"})])
async def test_pages_of_the_jobs_of_a_group(state: frozenset[str] | None) -> None:
    table = table_of(*[submit(jobid, GROUPS[jobid % 4]) for jobid in range(40)])
    for jobid in range(0, 40, 3):
        table.feed(ended(jobid))
    group = group_id("a")
    wanted = [
        jobid
        for jobid in reversed(range(40))
        if GROUPS[jobid % 4] == "a" and (state is None or jobid % 3 == 0)
    ]
    jobs = JobQuery(states=state, group=group)
    assert await count(table, jobs) == len(wanted)
    found: list[int] = []
    after = None
    while True:
        some = await job_page(table, jobs, limit=4, after=after)
        found += some.ids
        after = some.next
        if after is None:
            break
    assert found == wanted
    assert not (await job_page(table, JobQuery(group=group_id("none")), limit=4)).ids
