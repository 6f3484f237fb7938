"""The text of /metrics is well-formed, documented, and true."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from fluxapi import __version__
from fluxapi.errors import JobNotFound
from fluxapi.events.sampler import Sampler
from fluxapi.http import keys
from fluxapi.observability.metrics import LoopLag, Metrics
from fluxapi.process import background
from tests.handlers.conftest import Service, Start, service, start
from tests.running import needs_flux
from tests.running import service as run

__all__ = ["service", "start"]

ROOT = Path(__file__).parents[2]

UNITS = ("_seconds", "_bytes", "_total", "_info", "_seconds_total")


async def scrape(service: Service) -> dict[str, Metric]:
    response = await service.client.get("/metrics")
    assert response.status == 200
    assert response.content_type == "text/plain"
    return {family.name: family for family in text_string_to_metric_families(await response.text())}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    """Return one sample; its name may end in _total, _count, _sum."""
    for family in families.values():
        for sample in family.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                return sample.value
    raise AssertionError(f"there is no {name}{labels}")


def documented() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return type and labels by name, from the table in docs/operation.md."""
    text = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(fluxapi_\w+|process_\w+)` \| (\w+) \| (.*?) \|", text, re.MULTILINE)
    return {name: (kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def full_name(family: Metric) -> str:
    """Return the documented name: that of a counter is the name of its sample."""
    return f"{family.name}_total" if family.type == "counter" else family.name


def labels_of(family: Metric) -> set[str]:
    return {label for sample in family.samples for label in sample.labels} - {"le"}


async def test_the_documentation_lists_what_there_is(start: Start, tmp_path: Path) -> None:
    service = await start(statedir=tmp_path, exec_command=("true",))
    with pytest.raises(JobNotFound):
        fail(service.client.app[keys.METRICS])
    await service.submit()
    families = await scrape(service)
    # Of Python's own registry only the process is told.
    given = {full_name(family): family for family in families.values()}
    table = documented()
    assert set(given) == set(table)
    for name, family in given.items():
        kind, labels = table[name]
        assert family.type == kind, name
        if family.samples:
            assert labels_of(family) == set(labels), name


def fail(metrics: Metrics) -> None:
    with metrics.call("root", "job-info.lookup"):
        raise JobNotFound("None.")


async def test_names_are_as_prometheus_has_them(service: Service) -> None:
    for family in (await scrape(service)).values():
        assert re.fullmatch(r"[a-z][a-z0-9_]*", family.name)
        assert family.documentation.endswith(".")
        assert family.type != "unknown"
        if "seconds" in family.name:
            assert full_name(family).endswith(("_seconds", "_seconds_total"))
        assert family.name.endswith("_total") is False


async def test_no_family_is_given_twice(service: Service) -> None:
    text = await (await service.client.get("/metrics")).text()
    names = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert len(names) == len(set(names))


async def test_requests_are_counted_and_timed(service: Service) -> None:
    await service.client.get("/v1/nothing")
    await service.submit()
    families = await scrape(service)
    labels = {"route": "submitJobV1", "method": "POST", "status": "201"}
    assert value(families, "fluxapi_requests_total", **labels) == 1
    assert value(families, "fluxapi_request_duration_seconds_count", route="submitJobV1") == 1
    assert value(families, "fluxapi_requests_total", route="none", status="404") == 1
    assert value(families, "fluxapi_requests_under_way") == 1


async def test_the_build_is_named(service: Service) -> None:
    families = await scrape(service)
    assert value(families, "fluxapi_build_info", version=__version__) == 1


async def test_the_figures_of_the_buffer_are_reported(service: Service) -> None:
    before = await scrape(service)
    assert value(before, "fluxapi_buffer_oldest_timestamp_seconds") == 0
    await service.submit()
    after = await scrape(service)
    held = service.client.app[keys.SESSIONS].root.hub.buffer.entries
    assert value(after, "fluxapi_buffer_events") == len(held) > 0
    assert value(after, "fluxapi_buffer_oldest_timestamp_seconds") == held[0].time / 1000


async def test_subscribers_are_counted_by_wire_and_stream(service: Service) -> None:
    jobid = await service.submit()
    async with AsyncExitStack() as stack:
        socket = await stack.enter_async_context(service.client.ws_connect("/v1/events/ws"))
        await socket.send_json({"type": "subscribe", "sub": "a", "stream": "jobs"})
        while (await socket.receive_json())["type"] != "bookmark":
            pass
        for kind, path in (
            ("text/event-stream", "/v1/events?stream=stats"),
            ("application/x-ndjson", "/v1/events"),
            ("application/x-ndjson", f"/v1/jobs/{jobid}/output/stream"),
        ):
            answer = await stack.enter_async_context(
                service.client.get(path, headers={"Accept": kind})
            )
            assert answer.status == 200
        families = await scrape(service)
    name = "fluxapi_subscribers"
    assert value(families, name, wire="websocket", stream="jobs") == 1
    assert value(families, name, wire="sse", stream="stats") == 1
    assert value(families, name, wire="ndjson", stream="events") == 1
    assert value(families, name, wire="sse", stream="events") == 0
    assert value(families, "fluxapi_connections") >= 3


async def test_resets_are_counted_by_reason(service: Service) -> None:
    async with service.client.get(
        "/v1/events?since=nonsense", headers={"Accept": "application/x-ndjson"}
    ) as answer:
        line = await answer.content.readline()
    assert json.loads(line)["reason"] == "unknown"
    families = await scrape(service)
    assert value(families, "fluxapi_resets_total", reason="unknown") == 1
    assert value(families, "fluxapi_resets_total", reason="overflow") == 0


async def test_failures_of_background_tasks_are_counted(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    families = await scrape(service)
    assert value(families, "fluxapi_task_failures_total", task="sampler") == 0
    monkeypatch.setattr(background, "_MAX_DELAY_S", 0.001)
    samples = asyncio.Semaphore(0)

    def fail(_sampler: Sampler) -> bool:
        samples.release()
        raise ZeroDivisionError

    monkeypatch.setattr(Sampler, "_is_watched", fail)
    for _ in range(4):
        await samples.acquire()
    families = await scrape(service)
    assert value(families, "fluxapi_task_failures_total", task="sampler") >= 3
    assert "the task sampler failed" in caplog.text
    # The rest of the service works without it.
    assert value(families, "fluxapi_ready") == 1


async def test_a_lag_of_the_event_loop_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    told: asyncio.Queue[float] = asyncio.Queue()
    monkeypatch.setattr(LoopLag, "INTERVAL_S", 0.001)
    lag = LoopLag(told.put_nowait)
    lag.start()
    first, second = await told.get(), await told.get()
    await lag.aclose()
    assert min(first, second) >= 0


def test_a_call_is_timed_and_its_failure_counted() -> None:
    metrics = Metrics()
    with metrics.call("root", "resource.sched-status"):
        pass
    with pytest.raises(JobNotFound):
        fail(metrics)
    sample = metrics.registry.get_sample_value
    root = {"flux_instance": "root"}
    took = "fluxapi_rpc_duration_seconds_count"
    assert sample(took, {"topic": "resource.sched-status", **root}) == 1
    assert sample(took, {"topic": "job-info.lookup", **root}) == 1
    failed = {"topic": "job-info.lookup", "error": "JobNotFound", **root}
    assert sample("fluxapi_rpc_failures_total", failed) == 1
    metrics.forget("root")
    assert sample(took, {"topic": "job-info.lookup", **root}) is None
    assert sample("fluxapi_rpc_failures_total", failed) is None


@needs_flux
def test_calls_to_a_real_flux_are_counted_by_topic(flux_uri: str) -> None:
    import urllib.request  # noqa: PLC0415 - only here

    with run(FLUX_URI=flux_uri) as running:
        running.get("/v1/queues")
        with urllib.request.urlopen(f"{running.url}/metrics", timeout=60) as answer:  # noqa: S310
            text = answer.read().decode()
    assert re.search(r'fluxapi_rpc_duration_seconds_count\{.*topic="attr.get"\} [1-9]', text)
    assert "process_resident_memory_bytes" in text
    assert 'kind="flux"' in text


DASHBOARD = ROOT / "container" / "grafana-dashboard.json"


def test_each_query_of_the_dashboard_asks_for_what_there_is() -> None:
    document = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    panels = [panel for panel in document["panels"] if panel["type"] != "row"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(queries) >= len(panels) > 10
    table = documented()
    asked: set[str] = set()
    for query in queries:
        names = re.findall(r"\b((?:fluxapi|process)_\w+)", query)
        assert names, query
        for name in names:
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            asked.add(base if base in table else name)
        for labels in re.findall(r"by \(([\w, ]+)\)", query):
            known = {label for name in asked & set(table) for label in table[name][1]} | {"le"}
            assert {label.strip() for label in labels.split(",")} <= known, query
    assert asked <= set(table)
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert all(panel["title"] and panel["gridPos"] for panel in panels)
