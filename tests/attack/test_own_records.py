"""A job writes into its own eventlog, jobspec or R in the KVS of Flux: it affects itself alone."""

from __future__ import annotations

import pytest

from fluxapi.instance.broker.instance import _is_whole
from fluxapi.model.eventlog import valid_lines
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

SUBMIT = '{"timestamp":1.5,"name":"submit","context":{"urgency":16}}'
CLEAN = '{"timestamp":2.5,"name":"clean"}'
OTHERS = [
    "garbage",
    "1],[2",
    '{"timestamp":"x","name":5}',
    '{"timestamp":1e999,"name":"finish"}',
    '{"timestamp":1,"name":"finish","context":[1]}',
    '{"timestamp":1,"name":"finish","context":{"a":}}',
    '{"timestamp":1,"name":"finish"} {}',
    "[" * 5000,
]


async def test_an_eventlog_is_json_whatever_a_job_adds(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobid = await service.submit()

    async def lookup(*_: object) -> str:
        return "\n".join([SUBMIT, *OTHERS, CLEAN, ""])

    monkeypatch.setattr(service.instance, "lookup", lookup)
    response = await service.client.get(f"/v1/jobs/{jobid}/eventlog")
    assert response.status == 200
    assert [event["name"] for event in await response.json()] == ["submit", "clean"]
    plain = await service.client.get(f"/v1/jobs/{jobid}/eventlog", headers={"Accept": "text/plain"})
    assert "garbage" in await plain.text()


@pytest.mark.parametrize("key", ["jobspec", "R"])
@pytest.mark.parametrize("text", ["garbage", "[]", '{"a":}', "{} {}", "[" * 5000])
async def test_an_answer_is_an_object_whatever_a_job_writes(
    service: Service, monkeypatch: pytest.MonkeyPatch, key: str, text: str
) -> None:
    jobid = await service.submit()

    async def lookup(*_: object) -> str:
        return text

    monkeypatch.setattr(service.instance, "lookup", lookup)
    response = await service.client.get(f"/v1/jobs/{jobid}/{key}")
    assert response.status == 422
    assert (await response.json())["type"] == "/docs/errors#flux-refused"


def test_valid_lines_are_as_they_were() -> None:
    lines = [line.encode() for line in (SUBMIT, *OTHERS, CLEAN)]
    assert [line for line in valid_lines([*lines, b"\xff", b""]) if line] == [lines[0], lines[-1]]


def test_a_line_after_the_last_event_is_not_waited_for() -> None:
    assert _is_whole(f"{SUBMIT}\n{CLEAN}\n")
    assert _is_whole(f"{SUBMIT}\n{CLEAN}\ngarbage\n")
    assert not _is_whole(f"{SUBMIT}\n")
