"""The jobspec comes with the submit event, whatever release the journal is of."""

from __future__ import annotations

from typing import Any

from fluxapi.instance.broker.jobspecs import JobspecJoiner
from fluxapi.model.eventlog import Event, JournalMessage

JOBSPEC: dict[str, Any] = {"version": 1}


def message(jobid: int, name: str, **data: Any) -> JournalMessage:
    return JournalMessage(jobid, [Event(1.0, name)], **data)


def taken(*messages: JournalMessage) -> list[tuple[int, str, bool]]:
    """For each message that came through: its job, its event, and if it has a jobspec."""
    joiner = JobspecJoiner()
    return [
        (m.id, m.events[0].name, m.jobspec is not None)
        for one in messages
        for m in joiner.take(one)
    ]


def test_since_0_63_nothing_waits() -> None:
    joiner = JobspecJoiner()
    for one in (message(1, "submit", jobspec=JOBSPEC), message(1, "validate")):
        assert joiner.take(one) == [one]


def test_before_0_63_the_jobspec_moves_to_the_submit_event() -> None:
    assert taken(
        message(1, "submit"),
        message(1, "dependency-add"),
        message(1, "validate", jobspec=JOBSPEC),
        message(1, "depend"),
    ) == [
        (1, "submit", True),
        (1, "dependency-add", False),
        (1, "validate", False),
        (1, "depend", False),
    ]


def test_a_job_that_waits_holds_up_no_other() -> None:
    assert taken(
        message(1, "submit"),
        message(2, "finish"),
        message(1, "validate", jobspec=JOBSPEC),
    ) == [(2, "finish", False), (1, "submit", True), (1, "validate", False)]


def test_a_job_that_is_refused_comes_without_a_jobspec() -> None:
    assert taken(message(1, "submit"), message(1, "invalidate"), message(1, "finish")) == [
        (1, "submit", False),
        (1, "invalidate", False),
        (1, "finish", False),
    ]


def test_the_backlog_and_its_end_pass() -> None:
    joiner = JobspecJoiner()
    backlog = JournalMessage(1, [Event(1.0, "submit"), Event(1.0, "validate")])
    sentinel = JournalMessage(-1, [])
    assert joiner.take(backlog) == [backlog]
    assert joiner.take(sentinel) == [sentinel]
