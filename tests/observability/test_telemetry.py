"""Traces: spans of requests and calls, and nothing of it unless it is asked for."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from pytest_aiohttp import AiohttpClient

from fluxapi.app import create_app
from fluxapi.errors import JobNotFound
from fluxapi.instance.broker import BrokerInstance
from fluxapi.instance.protocol import CallWatch
from fluxapi.observability import telemetry
from fluxapi.observability.telemetry import Tracing
from fluxapi.settings import Settings
from tests.handlers.fake import FakeInstance
from tests.running import clean_environment


class Watched(FakeInstance):
    """Asks for its queues by a call that is watched."""

    watch: CallWatch

    def watch_calls(self, watch: CallWatch) -> None:
        self.watch = watch

    async def queues(self) -> Any:
        with self.watch("queue-list"):
            return await super().queues()


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(spans: InMemorySpanExporter) -> Tracing:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return Tracing(provider)


Client = Callable[[], Any]


@pytest.fixture
async def client(aiohttp_client: AiohttpClient, tracing: Tracing) -> Any:
    app = create_app(Settings(), Watched(), stop=lambda: None, tracing=tracing)
    return await aiohttp_client(app)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_request_is_a_span_with_the_calls_to_flux_in_it(
    client: Any, spans: InMemorySpanExporter
) -> None:
    response = await client.get("/v1/queues")
    *calls, request = spans.get_finished_spans()
    assert (request.name, request.kind) == ("GET /v1/queues", SpanKind.SERVER)
    assert attributes(request) == {
        "http.request.method": "GET",
        "http.route": "/v1/queues",
        "http.response.status_code": 200,
        "fluxapi.request_id": response.headers["X-Request-ID"],
    }
    assert request.context is not None
    assert {(call.name, call.kind) for call in calls} == {("queue-list", SpanKind.CLIENT)}
    # The nodes of the queues are counted for all readers, by a call that is in no request.
    parents = [call.parent.span_id for call in calls if call.parent is not None]
    assert parents == [request.context.span_id]


@pytest.mark.parametrize(
    "state", ["secret", ",".join(f"secret{n}=1" for n in range(99))], ids=["no state", "too many"]
)
async def test_a_header_that_cannot_be_read_is_not_logged(
    client: Any, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    caplog.set_level(logging.DEBUG)
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    for parent in (trace, trace + "secret" * 99):
        await client.get("/health", headers={"traceparent": parent, "tracestate": state})
    assert not [it for it in caplog.records if it.name.startswith("opentelemetry")]


async def test_a_trace_of_the_client_goes_on(client: Any, spans: InMemorySpanExporter) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    await client.get("/health", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    (span,) = spans.get_finished_spans()
    assert span.context is not None
    assert format(span.context.trace_id, "032x") == trace


async def test_paths_and_queries_are_in_no_span(client: Any, spans: InMemorySpanExporter) -> None:
    await client.get("/v1/jobs/s3cret?ticket=s3cret")
    await client.get("/s3cret?token=s3cret")
    await client.request("PROPFIND", "/health")
    names = [span.name for span in spans.get_finished_spans()]
    assert names == ["GET /v1/jobs/{id}", "GET", "_OTHER"]
    assert "s3cret" not in str([attributes(span) for span in spans.get_finished_spans()]).lower()


async def test_a_refusal_of_flux_is_an_error_with_its_name(
    tracing: Tracing, spans: InMemorySpanExporter
) -> None:
    with pytest.raises(JobNotFound), tracing.call("job-manager.kill"):
        raise JobNotFound("There is no s3cret.")
    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert attributes(span)["error.type"] == "JobNotFound"
    assert "s3cret" not in span.to_json()
    await tracing.close()


def test_the_broker_can_be_watched() -> None:
    from fluxapi.instance.protocol import Watchable  # noqa: PLC0415 - only here

    assert isinstance(BrokerInstance(), Watchable)


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_it_is_off_unless_asked_for(environ: dict[str, str]) -> None:
    assert telemetry.load(environ) is None


OFF = """
import sys
from fluxapi import service
from fluxapi.observability import telemetry
assert telemetry.load() is None
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""


@pytest.mark.slow
def test_nothing_of_it_is_loaded_while_it_is_off() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OFF],
        env={k: v for k, v in clean_environment().items() if not k.startswith("OTEL")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "[]\n"


def test_a_missing_extra_is_said_and_costs_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    assert telemetry.load({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:1"}) is None
    assert "fluxapi[otel]" in caplog.text
