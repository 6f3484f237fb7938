"""Notices: the CloudEvents that webhooks and commands get."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import encode_f58
from fluxapi.notices.notice import (
    MAX_NOTICE_BYTES,
    Notice,
    group_notice,
    job_notice,
    node_notice,
    queue_notice,
    test_notice,
)

INSTANCE = "0123456789abcdef"
JOB = 1234567890123
RECORD = {"id": encode_f58(JOB), "revision": 3, "state": "RUN", "name": "sim"}
FINISH = Event(1700000000.25, "finish", {"status": 0})


def read(notice: Notice) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(notice.encode())
    return document


def test_an_event_of_a_job() -> None:
    name = encode_f58(JOB)
    assert read(job_notice(INSTANCE, JOB, 7, FINISH, RECORD)) == {
        "specversion": "1.0",
        "id": f"{INSTANCE}-{name}-7",
        "source": f"fluxapi:{INSTANCE}",
        "type": "fluxapi.job.finish",
        "subject": name,
        "time": "2023-11-14T22:13:20.250000Z",
        "datacontenttype": "application/json",
        "data": {
            "event": {
                "name": "finish",
                "timestamp": 1700000000.25,
                "index": 7,
                "context": {"status": 0},
            },
            "job": RECORD,
        },
    }


def test_a_job_that_is_gone() -> None:
    document = read(job_notice(INSTANCE, JOB, 7, FINISH, None))
    assert document["data"]["job"] == {"id": encode_f58(JOB)}


def test_an_event_without_an_index_is_known_by_its_time() -> None:
    memos = [Event(time, "memo", {"a": 1}) for time in (1.0, 1.0, 1.000001)]
    ids = [job_notice(INSTANCE, JOB, None, memo, RECORD).id for memo in memos]
    assert ids[0] == ids[1] != ids[2]


def test_a_group_that_is_done_twice_has_two_notices() -> None:
    group = {"id": "g0123.1000", "name": "sweep", "total": 2}
    first, second = (
        group_notice(INSTANCE, "group-done", group, {"id": job}, 5.0) for job in ("fA", "fB")
    )
    assert first.id != second.id
    assert first.type == "fluxapi.group.done"
    assert group_notice(INSTANCE, "first-failure", group, {"id": "fA"}, 5.0).id != first.id
    assert read(first)["subject"] == "g0123.1000"


@pytest.mark.parametrize("name", ["batch", "", "a.b", "\x00\r\n", "x" * 5000, "\udcff", "é"])
def test_ids_are_plain_whatever_the_names_are(name: str) -> None:
    for notice in (
        queue_notice(INSTANCE, {"name": name, "started": False}, 9.0),
        node_notice(INSTANCE, {"name": name, "rank": 0}, 9.0),
        job_notice(INSTANCE, JOB, None, Event(1.0, name), None),
    ):
        assert notice.id.isascii()
        assert notice.id.replace("-", "").isalnum()
        assert len(notice.id) < 200


def test_a_test_has_no_subject() -> None:
    document = read(test_notice(INSTANCE, "1", 9.0))
    assert (document["type"], "subject" in document) == ("fluxapi.test", False)


def test_a_time_out_of_range_is_left_out() -> None:
    assert "time" not in read(job_notice(INSTANCE, JOB, 0, Event(9e17, "submit"), None))


def deep() -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(100_000):
        value = {"a": value}
    return value


def test_a_large_context_is_left_out() -> None:
    for context in ({"a": "x" * MAX_NOTICE_BYTES}, deep()):
        encoded = job_notice(INSTANCE, JOB, 7, Event(1.0, "x", context), RECORD).encode()
        document = json.loads(encoded)
        assert document["data"]["event"] == {
            "name": "x",
            "timestamp": 1.0,
            "index": 7,
            "truncated": True,
        }
        assert document["data"]["truncated"] == ["event"]
        assert document["data"]["job"] == RECORD


def test_a_large_record_is_cut_to_the_essential() -> None:
    record = {**RECORD, "dependencies": ["x" * MAX_NOTICE_BYTES]}
    document = json.loads(job_notice(INSTANCE, JOB, 7, FINISH, record).encode())
    assert document["data"]["job"] == RECORD
    assert document["data"]["truncated"] == ["event", "job"]


def test_no_document_is_larger_than_the_limit() -> None:
    record = {**RECORD, "name": "x" * MAX_NOTICE_BYTES}
    assert len(job_notice(INSTANCE, JOB, 7, FINISH, record).encode()) < 1000
