"""The memory of a request is freed with its answer, without the garbage collector."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator, Sequence

import pytest
from jinja2.runtime import Context
from pytest_aiohttp import AiohttpClient

from fluxapi.app import create_app
from fluxapi.errors import FluxapiError, OutcomeUnknown
from fluxapi.instance.protocol import Submission
from fluxapi.settings import Settings
from tests.handlers.conftest import Service, service, start
from tests.handlers.fake import FakeInstance

__all__ = ["service", "start"]


class _Results(list[int | FluxapiError]):
    """A list that can be watched."""


class Silent(FakeInstance):
    """Takes every job and says nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[weakref.ref[_Results]] = []

    async def submit(self, submissions: Sequence[Submission]) -> list[int | FluxapiError]:
        results = _Results(OutcomeUnknown("The broker does not answer.") for _ in submissions)
        self.given.append(weakref.ref(results))
        return results


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
async def test_jobs_of_unknown_outcome_are_not_held(aiohttp_client: AiohttpClient) -> None:
    instance = Silent()
    client = await aiohttp_client(create_app(Settings(), instance, stop=lambda: None))
    for headers in ({}, {"Idempotency-Key": "one"}):
        answer = await client.post(
            "/v1/jobs/bulk", json={"jobs": [{"command": "true"}] * 3}, headers=headers
        )
        assert answer.status == 503
    assert len(instance.given) == 2
    assert [ref() for ref in instance.given] == [None, None]


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("path", ["/ui/nodes", "/ui/nodes/node0", "/ui/submit"])
async def test_pages_with_macros_are_not_held(service: Service, path: str) -> None:
    for _ in range(2):
        async with service.client.get(path, headers={"Accept": "text/html"}) as answer:
            assert answer.status == 200
            await answer.read()
    assert not [it for it in gc.get_objects() if isinstance(it, Context)]
