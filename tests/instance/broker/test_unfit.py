"""Jobspecs that end a program of Flux."""

from __future__ import annotations

from typing import Any

import pytest

from fluxapi.errors import FluxRefused
from fluxapi.instance.broker.unfit import refusals
from fluxapi.instance.protocol import Submission

QUEUES: dict[str, Any] = {"queues": {"batch": {}}}
SHORT = Submission(b'{"version":1}')
LONG = Submission(b'{"a":"%b"}' % ("\N{LATIN SMALL LETTER E WITH ACUTE}" * 1_000_000).encode())


@pytest.mark.parametrize(
    ("config", "refused"),
    [
        ({}, []),
        (None, []),
        ({"policy": {"jobspec": {}}}, []),
        ({"policy": []}, []),
        (QUEUES, [1]),
        ({"policy": {"jobspec": {"defaults": {}}}}, [1]),
        ({"ingest": {"frobnicator": {"plugins": ["defaults"]}}}, [1]),
    ],
)
async def test_a_jobspec_that_is_long_in_python_is_refused_in_its_place(
    config: Any, refused: list[int]
) -> None:
    async def ask(topic: str) -> Any:
        assert topic == "config.get"
        return config

    found = await refusals([SHORT, LONG, SHORT], ask)
    assert list(found) == refused
    assert all(isinstance(error, FluxRefused) for error in found.values())


async def test_a_short_jobspec_needs_no_question() -> None:
    async def ask(topic: str) -> Any:
        pytest.fail(f"asks for {topic}")

    assert list(await refusals([SHORT, Submission(b"[]")], ask)) == [1]
