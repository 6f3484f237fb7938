"""A job writes into its own eventlog, jobspec or R in the KVS of Flux: it affects itself alone."""

from __future__ import annotations

import pytest

from fluxapi.instance.broker.normalize import completed, is_whole
from fluxapi.model.eventlog import Event, decode_eventlog, valid_lines
from fluxapi.model.jobid import encode_f58
from tests.handlers.conftest import Service, service, start
from tests.handlers.fake import FIRST_ID, OWNER
from tests.waiting import poll_until

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


@pytest.mark.parametrize(
    "page", ["/", "/ui/nodes", "/ui/nodes/node0?rank=0", "/ui/queues", "/ui/jobs/f1"]
)
async def test_all_pages_show_a_job_without_a_name(service: Service, page: str) -> None:
    jobspec = {"tasks": [5], "attributes": {"system": {"job": {"name": 5}}}}
    submit = {"userid": OWNER, "urgency": 16, "version": 1}
    service.instance.post(FIRST_ID, Event(1.0, "submit", submit), jobspec=jobspec)
    service.instance.begin(FIRST_ID)
    jobid = encode_f58(FIRST_ID)

    async def runs() -> bool:
        answer = await service.client.get(f"/v1/jobs/{jobid}")
        return answer.status == 200 and "nodelist" in await answer.json()

    await poll_until(runs)
    path = page.replace("f1", jobid)
    answer = await service.client.get(path, headers={"Accept": "text/html"})
    assert answer.status == 200


@pytest.mark.parametrize("kind", ["cancel", "exec", 5])
@pytest.mark.parametrize("note", [5, True, 1e300, ["a"], {"a": 1}])
async def test_a_note_of_an_exception_that_is_no_text_is_omitted(
    service: Service, kind: object, note: object
) -> None:
    jobid = await service.submit()
    log = next(iter(service.instance.eventlogs.values()))
    log.append(Event(1.0, "exception", {"type": kind, "severity": 0, "note": note}))
    page = await service.client.get(f"/ui/jobs/{jobid}", headers={"Accept": "text/html"})
    assert page.status == 200


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
    assert is_whole(f"{SUBMIT}\n{CLEAN}\n")
    assert is_whole(f"{SUBMIT}\n{CLEAN}\ngarbage\n")
    assert not is_whole(f"{SUBMIT}\n")


def test_a_memo_is_not_the_last_event() -> None:
    memo = '{"timestamp":2.0,"name":"memo","context":{"name":"clean","more":{"name":"clean"}}}'
    assert not is_whole(f"{memo}\n{SUBMIT}\n{memo}\n")
    assert is_whole(f"{SUBMIT}\n{CLEAN}\n{memo}\n")


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_separators_of_lines_in_a_note_hide_no_event(separator: str) -> None:
    note = f'{{"timestamp":1.6,"name":"exception","context":{{"note":"a{separator}b"}}}}'
    start = Event(1.7, "start")
    told = [Event(1.5, "submit", {"urgency": 16}), Event(1.6, "exception", {"note": "…"}), start]
    found = completed(f"{SUBMIT}\n{note}\n", told)
    assert decode_eventlog(found.encode())[2:] == [start]
