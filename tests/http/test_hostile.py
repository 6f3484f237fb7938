"""Requests that mean harm, or come from a broken program: refused in time and with a reason."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from fluxapi.contracts import limits
from fluxapi.errors import ValidationFailed
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

JSON = {"Content-Type": "application/json"}


def nested(depth: int, key: str = "a") -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {key: value}
    return value


@pytest.mark.parametrize(
    "body",
    [
        {"command": "true", "environment": {"A": nested(60)}},
        {"command": "true", "shell_options": nested(500)},
        {"jobspec": nested(300, "with")},
        {"command": "true", "option_flags": 'a="\\ud800"\0'},
        {f"key{number}": 1 for number in range(20_000)},
        {"command": "true", "environment": {f"E{number}": "x" for number in range(20_000)}},
        {"command": "'" + "a b\\ " * 20_000},
    ],
    ids=["deep-value", "deep-options", "deep-jobspec", "nul", "many-keys", "many-env", "quotes"],
)
async def test_a_hostile_submission_is_refused_soon(service: Service, body: Any) -> None:
    began = time.process_time()
    response = await service.client.post("/jobs", json=body)
    assert response.status in {400, 422}
    assert not service.instance.submitted
    # Not a measure of speed: what is quadratic takes a hundred times as long.
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "query",
    [
        "option_flags={'a':1j}",
        "option_flags={'a':...}",
        "option_flags={1:2}",
        "option_flags={(1,2):2}",
        "option_flags={'a':{1:2}}",
        "option_flags={'a':b'x'}",
        "envars={'a':'\\ud800'}",
        "attributes={'a':...}",
    ],
)
async def test_python_that_is_no_plain_dict_is_refused(service: Service, query: str) -> None:
    response = await service.client.post(f"/jobs/submit?command=true&{query}")
    assert response.status in {201, 422}
    for submission in service.instance.submitted:
        json.loads(submission.jobspec)


async def test_a_surrogate_in_a_shell_option_stays_text(service: Service) -> None:
    body = {"command": "true", "option_flags": 'a="\\ud800"'}
    response = await service.client.post("/jobs", data=json.dumps(body), headers=JSON)
    assert response.status == 201


async def test_bulk_survives_nested_options(service: Service) -> None:
    body = {"job": {"command": "true", "shell_options": nested(900)}, "cc": "0-1"}
    assert (await service.client.post("/jobs/bulk", json=body)).status == 422


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "foo"])
async def test_a_coded_body_is_415(service: Service, coding: str) -> None:
    headers = JSON | {"Content-Encoding": coding}
    response = await service.client.post("/jobs", data=b"{}", headers=headers)
    assert response.status in {400, 415}


async def test_ids_named_twice_in_cc_are_one(service: Service) -> None:
    body = {"job": {"command": "true"}, "cc": "0,0,1"}
    answer = await (await service.client.post("/jobs/bulk", json=body)).json()
    assert answer["submitted"] == 2


@pytest.mark.parametrize("cc", ["9" * 1000, "0-" + "9" * 15])
async def test_a_huge_cc_is_refused(service: Service, cc: str) -> None:
    body = {"job": {"command": "true"}, "cc": cc}
    assert (await service.client.post("/jobs/bulk", json=body)).status == 422


@pytest.mark.parametrize(
    "host", ["localhost:1@evil.example", "localhost:x.evil.example", "[::1].evil.example"]
)
async def test_a_host_that_is_no_host_is_refused(service: Service, host: str) -> None:
    response = await service.client.get("/jobs", headers={"Host": host})
    assert response.status == 403


async def test_a_single_key_cannot_meet_a_bulk_key(service: Service) -> None:
    bulk = {"job": {"command": "true"}, "copies": 1}
    await service.client.post("/jobs/bulk", json=bulk, headers={"Idempotency-Key": "k"})
    single = await service.client.post(
        "/jobs", json={"command": "true"}, headers={"Idempotency-Key": "0@k"}
    )
    assert (single.status, len(service.instance.submitted)) == (201, 2)


def test_bounds_admit_what_is_usual() -> None:
    limits.check({"ids": ["f1"] * 100_000, "environment": {str(n): "x" for n in range(5000)}})


@pytest.mark.parametrize(
    "value",
    [
        nested(limits.MAX_DEPTH + 1),
        {str(n): 1 for n in range(limits.MAX_MEMBERS + 1)},
        [[1] * 999] * 999,
    ],
    ids=["deep", "wide", "much"],
)
def test_bounds_refuse(value: Any) -> None:
    with pytest.raises(ValidationFailed):
        limits.check(value)
