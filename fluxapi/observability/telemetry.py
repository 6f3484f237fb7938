"""Traces by OpenTelemetry, for sites that collect them.

OpenTelemetry is imported only if an endpoint is set; otherwise no request passes this module. Spans
are named and labeled by routes, never by paths or queries (semantic conventions for HTTP servers,
https://opentelemetry.io/docs/specs/semconv/http/http-spans/).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from fluxapi import __version__
from fluxapi.contracts.route import Handler
from fluxapi.errors import FluxapiError

from . import logs

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

__all__ = ["Tracing", "load"]

_log = logging.getLogger(__name__)

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_SERVER_ERROR = 500
_FLUSH_TIMEOUT_MS = 3000
"""Time in which the last spans are sent at the end."""


def load(environ: Mapping[str, str] | None = None) -> Tracing | None:
    """Return a tracer if an endpoint is set and the extra ``otel`` is installed."""
    environ = os.environ if environ is None else environ
    if not any(environ.get(name) for name in _ENDPOINTS):
        return None
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - only where it is asked for
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - as above
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - as above
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above
    except ImportError as error:
        _log.warning("no traces: %s; install the extra, pip install 'fluxapi[otel]'", error)
        return None
    name = environ.get("OTEL_SERVICE_NAME") or "fluxapi"
    resource = Resource.create({"service.name": name, "service.version": __version__})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


class Tracing:
    """A tracer of requests and of the calls to Flux within them."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - only where it is asked for
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - as above
            TraceContextTextMapPropagator,
        )

        # It logs the headers that it cannot read, whoever sends them.
        logging.getLogger("opentelemetry.trace").setLevel(logging.ERROR)
        self._provider = provider
        self._tracer = provider.get_tracer("fluxapi", __version__)
        self._propagator = TraceContextTextMapPropagator()
        self._server, self._client = trace.SpanKind.SERVER, trace.SpanKind.CLIENT
        self._error = trace.Status(trace.StatusCode.ERROR)

    @web.middleware
    async def request(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Trace a request (the outermost middleware)."""
        method = request.method if request.method in hdrs.METH_ALL else "_OTHER"
        resource = request.match_info.route.resource
        route = "" if resource is None else resource.canonical
        # Of the headers only those of a trace are read.
        context = self._propagator.extract(request.headers)
        with self._tracer.start_as_current_span(
            f"{method} {route}".rstrip(),
            context=context,
            kind=self._server,
            attributes={"http.request.method": method, "http.route": route},
        ) as span:
            response = await handler(request)
            span.set_attribute("http.response.status_code", response.status)
            span.set_attribute("fluxapi.request_id", logs.request_id())
            if response.status >= _SERVER_ERROR:
                span.set_status(self._error)
            return response

    @contextmanager
    def call(self, topic: str) -> Iterator[None]:
        """Trace a call to Flux (a ``CallWatch``)."""
        with self._tracer.start_as_current_span(
            topic,
            kind=self._client,
            attributes={"rpc.system": "flux", "rpc.method": topic},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except FluxapiError as error:
                # Only the name of the error, since its text may come from a job.
                span.set_attribute("error.type", type(error).__name__)
                span.set_status(self._error)
                raise

    async def close(self) -> None:
        """Send the remaining spans."""
        await asyncio.to_thread(self._provider.force_flush, _FLUSH_TIMEOUT_MS)
        await asyncio.to_thread(self._provider.shutdown)
