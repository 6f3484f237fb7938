"""The journal of an older release, as the newest tells it."""

from __future__ import annotations

from typing import Any

from fluxapi.instance.broker.normalize import Normalizer, committed
from fluxapi.model.eventlog import Event, JournalMessage

JOBSPEC: dict[str, Any] = {"version": 1}
SENTINEL = JournalMessage(-1, [])


def live() -> Normalizer:
    """Return a normalizer that has seen the end of the backlog."""
    normalizer = Normalizer()
    assert normalizer.take(SENTINEL) == [SENTINEL]
    return normalizer


def message(jobid: int, name: str, **data: Any) -> JournalMessage:
    return JournalMessage(jobid, [Event(1.0, name)], **data)


def taken(*messages: JournalMessage) -> list[tuple[int, str, bool]]:
    """Return the job and event of each live message that was passed on, and if it has a jobspec."""
    normalizer = live()
    return [
        (m.id, m.events[0].name, m.jobspec is not None)
        for one in messages
        for m in normalizer.take(one)
    ]


def test_since_0_63_nothing_waits() -> None:
    normalizer = live()
    for one in (message(1, "submit", jobspec=JOBSPEC), message(1, "validate")):
        assert normalizer.take(one) == [one]


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


def test_before_0_65_the_backlog_holds_what_is_in_no_eventlog() -> None:
    names = ["submit", "annotations", "alloc", "annotations", "clean"]
    events = [Event(float(at), name) for at, name in enumerate(names)]
    expected = [events[0], events[2], events[4]]
    (told,) = Normalizer().take(JournalMessage(1, events, JOBSPEC))
    assert told == JournalMessage(1, expected, JOBSPEC)
    assert committed(events) == expected


def test_a_job_of_the_backlog_waits_for_nothing() -> None:
    normalizer = Normalizer()
    new = message(1, "submit")
    assert normalizer.take(new) == [new]
    normalizer.take(SENTINEL)
    validated = message(1, "validate", jobspec=JOBSPEC)
    assert normalizer.take(validated) == [validated]


def test_annotations_that_come_live_are_told() -> None:
    told = message(1, "annotations")
    assert live().take(told) == [told]
