from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.model import record
from fluxapi.model.eventlog import Event, JournalMessage, Purged, Resync
from fluxapi.model.jobid import JOBID_ANY, encode_f58
from fluxapi.model.keymark import KeyMark, KeySigner
from fluxapi.table.index import facets
from fluxapi.table.table import Table
from tests import recording

SENTINEL = JournalMessage(JOBID_ANY, [])


def jobspec(name: str = "app", queue: str = "", **user: Any) -> dict[str, Any]:
    return {
        "version": 1,
        "resources": [{"type": "slot", "count": 1, "with": [{"type": "core", "count": 1}]}],
        "tasks": [{"command": [name], "slot": "task", "count": {"per_slot": 1}}],
        "attributes": {"system": {"duration": 0, "queue": queue}, "user": user},
    }


def submit(jobid: int, at: float = 1.0, **options: Any) -> JournalMessage:
    context = {"userid": options.pop("userid", 0), "urgency": 16, "flags": 0, "version": 1}
    return JournalMessage(jobid, [Event(at, "submit", context)], jobspec(**options))


def event(jobid: int, name: str, **context: Any) -> JournalMessage:
    return JournalMessage(jobid, [Event(2.0, name, context or None)])


def live_table(*messages: JournalMessage | Purged, **options: Any) -> Table:
    table = Table(**options)
    table.feed([SENTINEL])
    table.feed(messages)
    return table


def everything(table: Table) -> dict[int, dict[str, Any]]:
    return {jobid: {**json.loads(table.encode(jobid)), "id": jobid} for jobid in table.index.all}


def check_index(table: Table) -> None:
    """Check that the index holds each job exactly under its facets."""
    jobs = {jobid: table.get(jobid) for jobid in table.index.all}
    assert len(jobs) == len(table)
    expected: dict[str, dict[Any, list[int]]] = {}
    for jobid, job in jobs.items():
        assert job is not None
        for facet, value in facets(job)._asdict().items():
            if value not in {None, ""} or facet in {"queue", "name"}:
                expected.setdefault(facet, {}).setdefault(value, []).append(jobid)
    for facet in ("name", "group", "nodelist"):
        lists = getattr(table.index, facet)
        assert {value: list(lists.get(value)) for value in lists} == expected.get(facet, {}), facet
    assert list(table.index._names) == sorted(table.index.name)
    for facet in ("state", "result", "userid", "queue"):
        held = {k: list(ids) for k, ids in getattr(table.index, facet).items() if ids}
        assert held == expected.get(facet, {}), facet


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize("source", ["live", "backlog"])
def test_the_table_holds_what_flux_jobs_says(source: str, piece: int) -> None:
    messages = getattr(recording, source)()
    table = Table()
    for start in range(0, len(messages), piece):
        table.feed(messages[start : start + piece])
    assert everything(table) == recording.flux_jobs()
    check_index(table)


def test_the_backlog_changes_no_row_after_the_live_journal() -> None:
    table = Table()
    table.feed(recording.live())
    table.begin_replay()
    changes = table.feed(recording.backlog())
    assert everything(table) == recording.flux_jobs()
    assert not changes


def test_a_replay_removes_what_the_instance_no_longer_has() -> None:
    table = live_table(submit(1), submit(2))
    table.begin_replay()
    changes = table.feed([submit(2), SENTINEL])
    assert (set(changes.gone), list(table.index.all)) == ({1}, [2])
    check_index(table)


def test_a_purge_that_overtakes_the_backlog_is_not_undone_by_it() -> None:
    table = live_table(submit(1), submit(2))
    table.begin_replay()
    table.feed([Purged([1]), submit(1), submit(2)])
    table.feed([SENTINEL])
    assert list(table.index.all) == [2]
    table.begin_replay()
    table.feed([submit(1), submit(2), SENTINEL])
    assert list(table.index.all) == [1, 2]
    check_index(table)


def test_reads_go_on_during_a_replay() -> None:
    table = live_table(submit(1), submit(2))
    table.begin_replay()
    table.feed([submit(2)])
    assert 1 in table


def test_a_replay_replaces_a_job_that_differs() -> None:
    table = live_table(submit(1, name="old"))
    table.begin_replay()
    changes = table.feed([submit(1, at=5.0, name="new"), SENTINEL])
    assert table.record(1)["name"] == "new"
    assert set(changes.changed) == {1}
    check_index(table)


def test_a_row_is_encoded_anew_after_each_change() -> None:
    table = live_table(submit(1))
    before = table.encode(1)
    table.feed([event(1, "validate")])
    assert json.loads(before)["state"] == "NEW"
    assert json.loads(table.encode(1))["state"] == "DEPEND"


def test_a_row_is_encoded_anew_until_the_name_of_its_user_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(record, "username", str)
    monkeypatch.setattr(record, "is_settled", lambda _: False)
    table = live_table(submit(1, userid=7))
    assert json.loads(table.encode(1))["username"] == "7"
    monkeypatch.setattr(record, "username", lambda _: "ada")
    assert json.loads(table.encode(1))["username"] == "ada"


def test_invalidate_removes_the_row() -> None:
    table = live_table(submit(1))
    assert set(table.feed([event(1, "invalidate")]).gone) == {1}
    assert len(table) == 0
    check_index(table)


def test_a_job_that_comes_and_goes_in_one_batch_leaves_only_its_events() -> None:
    table = live_table()
    changes = table.feed([submit(1), event(1, "invalidate")])
    assert [posted.event.name for posted in changes.posted] == ["submit"]
    assert (changes.changed, changes.after, changes.gone) == ({}, {}, {})
    assert (len(table), table.digest) == (0, 0)
    check_index(table)


def test_a_name_of_one_job_and_of_more() -> None:
    table = live_table(submit(1, name="one"))
    for jobids in ([2], [1, 2, 3], [3]):
        table.feed([Purged([jobid]) for jobid in (1, 2, 3) if jobid not in jobids])
        table.feed([submit(jobid, name="one") for jobid in jobids if jobid not in table])
        assert list(table.index.name.get("one")) == jobids
        check_index(table)
    table.feed([Purged([3])])
    assert table.index.name.get("one") == []


def test_purged_jobs_go() -> None:
    table = live_table(submit(1), submit(2), submit(3))
    table.feed([Purged([1, 3, 99])])
    assert list(table.index.all) == [2]
    check_index(table)


def test_the_oldest_inactive_jobs_make_room() -> None:
    table = live_table(max_inactive=2)
    for jobid in (1, 2, 3, 4):
        table.feed([submit(jobid), event(jobid, "validate"), event(jobid, "clean")])
    table.feed([submit(5)])
    assert list(table.index.all) == [3, 4, 5]
    check_index(table)


def test_an_event_of_an_unknown_job_is_ignored() -> None:
    assert not live_table().feed([event(7, "alloc")])


def test_a_broken_event_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    table = live_table(submit(1), event(1, "finish"), event(1, "clean"))
    assert table.record(1)["state"] == "INACTIVE"
    assert "bad finish event" in caplog.text


@pytest.mark.parametrize("name", ["memo", "annotations"])
def test_a_context_that_is_nested_too_deep_is_not_in_the_row(name: str) -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"annotations": deep}
    table = live_table(submit(1), event(1, name, **deep))
    assert table.record(1)["annotations"] == {}
    assert table.record(1)["revision"] == 1
    assert table.record(1)["truncated"] == ("annotations",)


def test_an_inactive_job_that_made_room_does_not_come_back() -> None:
    table = live_table(max_inactive=2)
    for jobid in (1, 2, 3):
        table.feed([submit(jobid), event(jobid, "validate"), event(jobid, "clean")])
    table.feed([Purged([2])])
    table.begin_replay()
    one, two = (
        JournalMessage(jobid, [m.events[0] for m in (submit(jobid), event(jobid, "clean"))], {})
        for jobid in (1, 3)
    )
    changes = table.feed([one, two, SENTINEL])
    assert [posted.id for posted in changes.posted] == []
    assert list(table.index.all) == [3]
    check_index(table)


def test_a_missed_job_is_reported_beside_newer_ones() -> None:
    """Send the backlog in another order: jobs that have ended first, then the others."""
    table = live_table(max_inactive=1)
    table.begin_replay()
    ended = [
        JournalMessage(jobid, [*submit(jobid).events, Event(2.0, "clean")], jobspec())
        for jobid in (3, 4)
    ]
    table.feed(ended)
    changes = table.feed([submit(2), JournalMessage(JOBID_ANY, [])])
    assert [(posted.id, posted.index) for posted in changes.posted] == [(2, 0)]
    assert set(everything(table)) == {2, 4}


def test_stats_count_states_and_results() -> None:
    table = live_table(submit(1), submit(2), event(2, "validate"), event(2, "clean"))
    assert table.stats() == {
        "total": 2,
        "states": {"NEW": 1, "INACTIVE": 1},
        "results": {"FAILED": 1},
    }


def signer() -> KeySigner:
    return KeySigner(0, b"secret")


def test_idempotency_keys_ride_in_the_jobspec() -> None:
    signs = signer()
    table = live_table(
        submit(1, fluxapi=signs.sign(KeyMark("k", "d"))), max_keys=1, signer=signer()
    )
    assert table.keys.find("k") == (1, "d")
    table.feed([submit(2, fluxapi=signs.sign(KeyMark("other", "d")))])
    assert table.keys.find("k") is None


def test_a_key_of_another_user_or_without_our_signature_does_not_count() -> None:
    forged = KeySigner().sign(KeyMark("forged", "d"))
    copied = signer().sign(KeyMark("copied", "d"))
    table = live_table(
        submit(1, fluxapi=forged), submit(2, fluxapi=copied, userid=1000), signer=signer()
    )
    assert (table.keys.find("forged"), table.keys.find("copied")) == (None, None)
    assert {1, 2} == set(table.index.all)


@pytest.mark.parametrize(
    "mark",
    [
        "text",
        ["key"],
        {"key": ["k"], "digest": "d"},
        {"key": "k", "digest": {}},
        {"key": "k" * 1000, "digest": "d"},
        {"key": "k", "digest": "d"},
        {"key": "k", "digest": "d", "signature": ["s"]},
        {"key": "k", "digest": "d", "signature": "ƒ"},
    ],
)
def test_an_invalid_mark_is_no_key(mark: Any) -> None:
    table = live_table(submit(1, fluxapi=mark), signer=signer())
    assert table.keys.find("k") is None
    assert 1 in table


def keyed(jobid: int) -> JournalMessage:
    return submit(jobid, fluxapi=signer().sign(KeyMark("k", "d")))


def test_a_purged_job_holds_its_key() -> None:
    table = live_table(keyed(1), Purged([1]), signer=signer())
    assert table.keys.find("k") == (1, "d")
    # A journal that is read anew does not tell of it.
    table.feed([Resync(), submit(2), SENTINEL])
    assert table.keys.find("k") == (1, "d")


def test_a_copy_of_a_job_takes_no_key() -> None:
    table = live_table(keyed(2), keyed(3), signer=signer())
    assert table.keys.find("k") == (2, "d")
    table.feed([event(3, "invalidate")])
    assert table.keys.find("k") == (2, "d")
    # A listing has any order.
    table.feed([keyed(1)])
    assert table.keys.find("k") == (1, "d")
    assert [jobid for jobid in (1, 2, 3) if table.keys.is_holder(jobid)] == [1]


def test_a_dropped_job_holds_its_key() -> None:
    table = live_table(keyed(1), event(1, "clean"), max_inactive=0, signer=signer())
    assert 1 not in table
    assert table.keys.find("k") == (1, "d")
    table.feed([Resync(), keyed(1), SENTINEL])
    assert table.keys.find("k") == (1, "d")


@pytest.mark.parametrize("loss", [[event(1, "invalidate")], [Resync(), SENTINEL]])
def test_the_key_of_a_job_that_flux_has_refused_or_lost_is_free(loss: list[Any]) -> None:
    table = live_table(keyed(1), *loss, signer=signer())
    assert table.keys.find("k") is None
    assert table.keys.has_shown("k", 1)
    table.feed([keyed(2)])
    assert table.keys.find("k") == (2, "d")


STEPS = st.one_of(
    st.tuples(st.just("submit"), st.integers(1, 9)),
    st.tuples(
        st.sampled_from(["validate", "depend", "priority", "finish", "clean", "invalidate"]),
        st.integers(1, 9),
    ),
    st.tuples(st.sampled_from(["alloc", "rename", "purge"]), st.integers(1, 9)),
)


def message_of(name: str, jobid: int) -> JournalMessage | Purged:
    if name == "submit":
        return submit(jobid, name=f"n{jobid % 3}", queue="q" * (jobid % 2), userid=jobid % 2)
    if name == "purge":
        return Purged([jobid])
    if name == "alloc":
        R = {
            "execution": {
                "R_lite": [{"rank": str(jobid % 2), "children": {"core": "0"}}],
                "nodelist": [f"node{jobid % 2}"],
            }
        }
        return JournalMessage(jobid, [Event(2.0, "alloc")], R=R)
    if name == "rename":
        return event(jobid, "jobspec-update", **{"attributes.system.job.name": "renamed"})
    context = {"priority": {"priority": 16}, "finish": {"status": 0}}.get(name, {})
    return event(jobid, name, **context)


@given(st.lists(STEPS, max_size=60), st.integers(1, 8))
def test_the_index_follows_any_events(steps: list[tuple[str, int]], piece: int) -> None:
    table = live_table()
    table.index.with_prefix("n")
    messages = [message_of(name, jobid) for name, jobid in steps]
    for start in range(0, len(messages), piece):
        table.feed(messages[start : start + piece])
    check_index(table)
    named = [jobid for jobid in table.index.all if table.record(jobid)["name"].startswith("n")]
    assert list(table.index.with_prefix("n") or []) == named


LISTED = st.tuples(
    st.integers(1, 30), st.sampled_from(["submit", "finish", "clean", "purge"]), st.integers(0, 1)
)


@given(st.lists(LISTED, max_size=60), st.integers(1, 8), st.integers(2, 30))
def test_the_index_follows_a_backlog(
    steps: list[tuple[int, str, int]], piece: int, max_inactive: int
) -> None:
    table = Table(max_inactive=max_inactive)
    messages: list[JournalMessage | Purged] = []
    for jobid, name, userid in steps:
        listed = submit(jobid, userid=userid, queue="q" * userid)
        if name in {"finish", "clean"}:
            listed.events.append(Event(2.0, "finish", {"status": 256 * userid}))
        if name == "clean":
            listed.events.append(Event(3.0, "clean"))
        messages.append(Purged([jobid]) if name == "purge" else listed)
    for start in range(0, len(messages), piece):
        table.feed(messages[start : start + piece])
        check_index(table)
    table.feed([SENTINEL])
    for _ in table.index.settle():
        check_index(table)
    check_index(table)


def test_ids_are_given_out_as_f58() -> None:
    assert live_table(submit(1234)).record(1234)["id"] == encode_f58(1234)
