"""The rules by which a job fits the queues and nodes of an instance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fluxapi.instance.protocol import InstanceInfo, Queue, QueuePolicy
from fluxapi.model.demand import demand
from fluxapi.sessions.job_check import JobChecker
from fluxapi.sessions.job_fit import Asked, Finding, find_misfits
from fluxapi.web.words import load
from tests.handlers.fake import FakeInstance

KINDS = ("nodes", "cores", "gpus")


def resources(nodes: int = 0, slots: int = 1, cores: int = 1, gpus: int = 0) -> list[Any]:
    inner: list[Any] = [{"type": "core", "count": cores}]
    if gpus:
        inner.append({"type": "gpu", "count": gpus})
    slot = {"type": "slot", "count": slots, "with": inner, "label": "task"}
    return [{"type": "node", "count": nodes, "with": [slot]}] if nodes else [slot]


def asked(queue: str | None = None, duration: float | None = None, **counts: int) -> Asked:
    return Asked(demand(resources(**counts)), queue, duration)


def node(state: str = "up", cores: int = 4, gpus: int = 0, *properties: str) -> dict[str, Any]:
    row: dict[str, Any] = {"state": state, "cores": {"total": cores}, "gpus": {"total": gpus}}
    return row | ({"properties": list(properties)} if properties else {})


BATCH = Queue("batch", enabled=True, started=True, policy=QueuePolicy(requires=("big",)))
DEBUG = Queue(
    "debug", enabled=True, started=True, policy=QueuePolicy(default_duration=300, max_duration=600)
)
ANY = Queue("", enabled=True, started=True)
NODES = [node("up", 8, 2, "big"), node("offline", 8, 2, "big"), node(), node()]


@pytest.mark.parametrize(
    ("job", "queues", "expected"),
    [
        (asked("batch", nodes=3), [BATCH], "Queue batch has 2 nodes, so a job of 3 can never"),
        (asked("batch", nodes=2), [BATCH], "1 of the 2 nodes of queue batch is up, so the job"),
        (asked("batch", slots=20), [BATCH], "Queue batch has 16 cores, so a job of 20 can"),
        (asked("batch", slots=9), [BATCH], "8 of the 16 cores of queue batch are up"),
        (asked("debug", cores=9), [DEBUG], "No node of queue debug has 9 cores; the largest has 8"),
        (asked(gpus=3), [ANY], "No node of the instance has 3 GPUs; the largest has 2."),
        (asked("x"), [ANY], "This instance has no named queues: leave the queue out."),
        (asked("x"), [BATCH, DEBUG], "There is no queue 'x'; there are: batch, debug."),
        (asked(), [BATCH, DEBUG], "There is no default queue: name one of batch, debug."),
        (asked("debug", 601), [DEBUG], "Queue debug allows a time limit of at most 10m."),
        (asked("debug", 0), [DEBUG], ""),
    ],
)
def test_one_rule(job: Asked, queues: list[Queue], expected: str) -> None:
    found = [it.message.text() for it in find_misfits(job, queues, NODES)]
    assert any(it.startswith(expected) for it in found) if expected else found == []


SMALL = QueuePolicy(
    max_duration=600,
    max_size=dict.fromkeys(KINDS, 2),
    min_size=dict.fromkeys(KINDS, 2),
)


def findings(name: str) -> Iterator[Finding]:
    """Yield what is found about a queue for all ways in which a job does not fit."""
    whole = Queue(name, enabled=True, started=True)
    limited = Queue(name, enabled=True, started=True, policy=SMALL)
    for reason in (None, "repair"):
        yield from find_misfits(
            asked(name), [replace(whole, enabled=False, disable_reason=reason)], []
        )
        yield from find_misfits(
            asked(name), [replace(whole, started=False, stop_reason=reason)], []
        )
    for duration in (0, 601):
        yield from find_misfits(asked(name, duration), [limited], None)
    for count in (1, 3):
        job = asked(name, 60, nodes=count, gpus=1)
        yield from find_misfits(job, [limited], None)
    cluster = [node("up", 4, 2), node("offline", 4, 2)]
    for counts in (
        {"nodes": 2, "gpus": 1}, {"nodes": 3, "gpus": 2}, {"slots": 5}, {"slots": 9},
        {"slots": 3, "gpus": 1}, {"cores": 5}, {"gpus": 3},
    ):  # fmt: skip
        yield from find_misfits(asked(name, **counts), [whole], cluster)
    away = [node("drained", 4, 0, "fast")]
    for wanted in ("fast", "ssd"):
        yield from find_misfits(replace(asked(name), properties=(wanted,)), [whole], away)


async def test_each_code_has_words_and_each_word_a_code(tmp_path: Path) -> None:
    found = [*findings("batch"), *findings("")]
    for queue, queues in (("x", [ANY]), ("x", [BATCH]), (None, [BATCH])):
        found += find_misfits(asked(queue), queues, [])
    for kind in ("embedded", "flux"):
        info = InstanceInfo(kind, "1", "local:///x", 1, "node0", 0, 1.0)
        checker = JobChecker(FakeInstance(), info)
        folder = str(tmp_path / "none")
        jobspec = {
            "resources": resources(),
            "tasks": [{}],
            "attributes": {"system": {"cwd": folder}},
        }
        found += (await checker.check(jobspec)).findings
        await checker.aclose()
    english = load()["en"]
    texts = {key: english.forms[key] for key in english.source if key.startswith("findings.")}
    assert {f"findings.{it.message.code}" for it in found} == set(texts)
    for one in found:
        key = f"findings.{one.message.code}"
        places = {place for form in texts[key].values() for place in form[1::2]}
        assert set(one.message.params) == places
        assert one.message.text(english.text) == one.message.text()


@pytest.mark.parametrize(
    ("queue", "properties", "expected"),
    [
        ("batch", ("ssd",), "No node of queue batch has the property ssd, so the job can never"),
        ("batch", ("big", "^old"), ""),
        ("batch", ("fast",), "All nodes of queue batch with the property fast are drained or down"),
        (None, ("sdd",), "No node has the property sdd, so the job can never start."),
        (None, ("fast", "big"), "All nodes with the property fast, big are drained or down"),
        (None, ("ssd",), ""),
    ],
)
def test_the_properties_of_a_job_are_those_of_nodes(
    queue: str | None, properties: tuple[str, ...], expected: str
) -> None:
    cluster = [
        node("up", 4, 0, "big"),
        node("drained", 4, 0, "big", "fast"),
        node("up", 4, 0, "ssd"),
    ]
    job = replace(asked(queue), properties=properties)
    found = find_misfits(job, [BATCH if queue else ANY], cluster)
    assert "".join(it.message.text() for it in found).startswith(expected)
    assert bool(found) == bool(expected)
    assert {it.subject for it in found} <= {"constraints"}


def test_unknown_resources_are_not_judged() -> None:
    assert find_misfits(asked("x", nodes=99), None, None) == []


def test_the_size_of_a_job() -> None:
    found = demand(resources(nodes=2, slots=3, cores=4, gpus=1))
    assert (found.nodes, found.cores, found.gpus) == (2, 24, 6)
    assert (found.slot_cores, found.slot_gpus) == (4, 1)
    whole = resources(nodes=2)
    whole[0]["exclusive"] = True
    assert (demand(whole).cores, demand(whole).whole_nodes) == (None, True)


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "text",
        [1],
        [{"type": "core", "count": {"min": 1}}],
        [{"type": "core", "count": 1}] * 2000,
        [{"type": "node", "count": 1 << 31, "with": resources(slots=1 << 31)}],
    ],
)
def test_resources_that_nobody_can_count(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        demand(wrong)
