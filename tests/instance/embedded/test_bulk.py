"""A bulk with a bad jobspec in it: the others are taken in and run."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from fluxapi.errors import FluxapiError, FluxRefused, JobInactive
from fluxapi.instance.embedded import lifecycle
from fluxapi.instance.embedded.outline import Outline
from fluxapi.instance.embedded.request import Request, parse_request
from fluxapi.instance.protocol import Submission
from fluxapi.model.eventlog import JournalMessage

from .harness import Site, spec

GOOD = spec(exec={"test": {"run_duration": 0.001}})
RICH = json.loads(
    spec(
        "true",
        duration=60,
        cwd="/tmp",  # noqa: S108 - any directory
        job={"name": "n"},
        constraints={"and": [{"ranks": ["0"]}, {"not": [{"properties": ["a"]}]}]},
        dependencies=[{"scheme": "begin-time", "value": "1"}],
        files={"a": {"mode": 384, "data": "x", "encoding": "utf-8"}},
        options={
            "per-resource": {"type": "core", "count": 1},
            "exit-timeout": "30s",
            "exit-on-error": True,
            "rlimit": {"nofile": 64},
            "env-expand": {"E": "{{id}}"},
            "input": {"stdin": {"type": "file", "path": "/dev/null"}},
            "output": {
                "mode": "append",
                "stdout": {"type": "file", "path": "/dev/null", "label": False},
                "stderr": {"type": "kvs"},
            },
        },
    )
)
RICH["resources"] = [{"type": "node", "count": 1, "with": RICH["resources"]}]
TEST = json.loads(
    spec(exec={"test": {"run_duration": "1ms", "wait_status": 0, "mock_exception": "none"}})
)


def _deep(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


VALUES: dict[str, Any] = {
    "none": None,
    "list": [],
    "mapping": {},
    "text": "x",
    "negative": -1,
    "long": 10**400,
    "large": 1e308,
    "int64": 2**63 - 1,
    "true": True,
    "nested": [[[{"a": [1]}]]],
    "deep": _deep(100),
    "deeper": _deep(400),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the places in which a value can be replaced."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def replaced(jobspec: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    jobspec = copy.deepcopy(jobspec)
    place = jobspec
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return jobspec


@pytest.mark.slow
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
async def test_any_value_anywhere_between_two_good_jobs(
    site: Site, caplog: pytest.LogCaptureFixture, value: Any
) -> None:
    good: list[int] = []
    taken: list[int] = []
    for jobspec in (RICH, TEST):
        for path in places(jobspec):
            bad = json.dumps(replaced(jobspec, path, value)).encode()
            bulk = [Submission(GOOD, 16), Submission(bad, 16), Submission(GOOD, 16)]
            first, middle, last = await site.instance.submit(bulk)
            assert isinstance(first, int)
            assert isinstance(last, int)
            good += [first, last]
            if isinstance(middle, FluxapiError):
                assert not middle.detail.startswith("the jobspec cannot be read"), path
                continue
            taken.append(middle)
            assert json.loads(await site.instance.lookup(middle, "jobspec"))
            # Some would wait or run for ever.
            with contextlib.suppress(JobInactive):
                await site.instance.raise_exception(middle, "cancel", 0)
    wanted = {*good, *taken}
    await site.journal.until(lambda: wanted <= _clean(site))
    assert all("exception" not in names for names in _names(site, good))
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def _clean(site: Site) -> set[int]:
    return {
        message.id
        for message in site.journal.messages
        if isinstance(message, JournalMessage)
        and any(event.name == "clean" for event in message.events)
    }


def _names(site: Site, jobs: list[int]) -> Iterator[list[str]]:
    return (site.journal.names(jobid) for jobid in jobs)


@pytest.mark.parametrize(
    "jobspec",
    [
        spec(exec={"test": {"wait_status": 99999999999999999}}),
        spec(options={"per-resource": {"type": [], "count": 1}}),
        spec().replace(b'"duration": 0', b'"duration": 1' + b"0" * 400),
        spec(constraints={"not": []}).replace(
            b'{"not": []}', b'{"not":[' * 300 + b'{"ranks":["0"]}' + b"]}" * 300
        ),
    ],
)
async def test_a_refused_job_leaves_nothing(site: Site, jobspec: bytes) -> None:
    bulk = [Submission(text, 16) for text in (GOOD, jobspec, GOOD)]
    first, middle, last = await site.instance.submit(bulk)
    assert isinstance(middle, FluxRefused)
    assert isinstance(first, int)
    assert isinstance(last, int)
    await site.journal.wait(first)
    await site.journal.wait(last)
    submitted = [m for m in site.journal.messages if getattr(m, "jobspec", None) is not None]
    assert len(submitted) == 2


@pytest.mark.parametrize("part", ["parse_request", "check"])
async def test_an_unexpected_error_affects_one_job_only(
    site: Site,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
) -> None:
    def parse(jobspec: bytes, hostname: str) -> tuple[Request, dict[str, Any]]:
        if b"fails" in jobspec:
            raise RecursionError("one\n" + "word " * 1000)
        return parse_request(jobspec, hostname)

    pool = site.instance._running().pool
    check = pool.check

    def pool_check(outline: Outline) -> None:
        if outline.program == "fails":
            raise TypeError
        check(outline)

    if part == "check":
        monkeypatch.setattr(pool, "check", pool_check)
    else:
        monkeypatch.setattr(lifecycle, "parse_request", parse)
    bulk = [Submission(text, 16) for text in (GOOD, spec("fails"), GOOD)]
    first, middle, last = await site.instance.submit(bulk)
    assert isinstance(middle, FluxRefused)
    assert middle.detail.startswith("Flux refused: the jobspec cannot be read: ")
    assert isinstance(first, int)
    assert isinstance(last, int)
    await site.journal.wait(first)
    await site.journal.wait(last)
    assert not site.instance._running().active
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.exc_info is None
    assert "\n" not in record.getMessage()
