"""Tools for assistants: ``POST /mcp``, by the rights of the request."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import msgspec
from aiohttp import web

from fluxapi.contracts import schema
from fluxapi.errors import FluxapiError, NotAcceptable, NotSupported
from fluxapi.events.output.viewer import FILES_RIGHT
from fluxapi.http import authentication, keys
from fluxapi.http.clients import has_left
from fluxapi.http.turns import taker_of
from fluxapi.mcp.port import Found, JobOutput, Refused, Submitted
from fluxapi.model.jobid import encode_f58
from fluxapi.model.message import problem
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.query import page, query_of

from . import output_forms as forms
from .control import cancel_job
from .sending import while_connected
from .submit import submit_fields

__all__ = ["MAX_TOOL_OUTPUTS", "serve"]

MAX_TOOL_OUTPUTS = 2
"""Outputs that are read for tools at the same time: one may take some ten megabytes meanwhile."""

_HTTP = "fluxapi.mcp.http"
_NOT_ACCEPTABLE = 406
_ACCEPTED = 202
_LEFT = "The client has left."
_FILE_MEMBERS = ("path", "host", "read", "unread")


async def serve(request: web.Request) -> web.Response:
    """Answer one message of the Model Context Protocol."""
    http = await _http_of_the_sdk(request)
    right = request[keys.PRINCIPAL].right
    jobs = _SessionJobs(request)
    try:
        answer = await http.answer(jobs, right, request.headers, request[keys.BODY])
    finally:
        jobs.forget()
        request.app[keys.HEAP].after_answer()
    if answer.status == _NOT_ACCEPTABLE:
        raise NotAcceptable("The answer is JSON: send Accept: application/json.")
    if answer.status == _ACCEPTED:
        return web.Response(status=_ACCEPTED)
    return web.Response(status=answer.status, body=answer.body, content_type="application/json")


async def _http_of_the_sdk(request: web.Request) -> Any:
    """Give the module that answers messages, which the first one imports."""
    http = sys.modules.get(_HTTP)
    # Until the import is complete, the module lacks this name.
    if http is not None and hasattr(http, "answer"):
        return http
    if await asyncio.to_thread(find_spec, "mcp") is None:
        raise NotSupported(
            "The service has no MCP SDK; its owner can install it: pip install 'fluxapi[mcp]'."
        )
    # This takes a second.
    http = await asyncio.to_thread(import_module, _HTTP)
    # Messages that have waited for it go on one after the other.
    await TimeSlice(0).share()
    authentication.check_again(request)
    return http


class _SessionJobs:
    """The jobs of the instance that a request names, as its sender may see and change them."""

    def __init__(self, request: web.Request) -> None:
        self._session = request[keys.SESSION]
        self._principal = request[keys.PRINCIPAL]
        self._request = request

    def forget(self) -> None:
        """Release the request, since the SDK keeps this object in reference cycles."""
        del self._session, self._principal, self._request

    async def submit(self, fields: Mapping[str, Any], key: str | None) -> Submitted:
        with _refused():
            self._principal.require("submit")
            if not self._session.capabilities.submit:
                raise NotSupported(problem("takes_no_jobs"))
            schema.check("submit", fields)
            ended = authentication.ended_credentials(self._request)
            left = partial(_left_or_ended, self._request.protocol, ended)
            try:
                made = await submit_fields(self._session, dict(fields), key, left)
            except ConnectionError:
                raise Refused(_LEFT) from None
        return Submitted(made.id, [warning.text() for warning in made.warnings])

    async def find(self, query: Mapping[str, Any]) -> Found:
        with _refused():
            schema.check("jobs-query", query)
            table, observer = self._session.table, self._session.observer
            found = await page(table, query_of(query), limit=query["limit"])
            records = await observer.rows(found.ids)
            authentication.check_again(self._request)
        return Found([msgspec.json.decode(row) for row in records], found.next is not None)

    async def record(self, id: str) -> Mapping[str, Any]:
        with _refused():
            row = self._session.observer.encode(self._session.job(id).id)
        record: dict[str, Any] = msgspec.json.decode(row)
        return record

    async def output(self, id: str, lines: int, stream: str | None) -> JobOutput:
        with _refused():
            job = self._session.job(id)
            last = forms.last_of(lines, stream, is_lines=True)
            may_read = self._principal.may(FILES_RIGHT)
            source = forms.Search(
                self._session.files.so_far(job.id, stream, last, may_read=may_read)
            )
            pieces = forms.document(source, encode_f58(job.id), stream, lines)
            async with self._turn_to_read(), aclosing(pieces) as parts:  # type: ignore[type-var] # an async generator
                found = msgspec.json.decode(b"".join([piece async for piece in parts]))
        files = [
            {name: file[name] for name in _FILE_MEMBERS if name in file}
            for file in found.get("redirects", ())
        ]
        return JobOutput("".join(found.get("Output", ())), files)

    @asynccontextmanager
    async def _turn_to_read(self) -> AsyncIterator[None]:
        turns, taker = self._request.app[keys.TOOL_OUTPUTS], taker_of(self._request)
        try:
            await while_connected(self._request, turns.take(taker, 1))
        except ConnectionError:
            raise Refused(_LEFT) from None
        try:
            yield
        finally:
            turns.give_back(taker, 1)
        authentication.check_again(self._request)

    async def cancel(self, id: str, note: str | None) -> None:
        with _refused():
            self._principal.require("operate")
            if not self._session.capabilities.cancel:
                raise NotSupported("Jobs of this instance cannot be canceled.")
            schema.check("cancel", {"note": note})
            await cancel_job(self._session, self._session.job(id), note)


def _left_or_ended(connection: web.RequestHandler, ended: Callable[[], bool]) -> bool:
    return has_left(connection) or ended()


@contextmanager
def _refused() -> Iterator[None]:
    """Turn the errors of the service into those of tools, as sentences."""
    try:
        yield
    except FluxapiError as error:
        fields = error.members.get("errors") or ()
        wrong = (f"{one.get('pointer', '').lstrip('/')}: {one['detail']}" for one in fields)
        sentence = " ".join([error.detail, *wrong])
    else:
        return
    raise Refused(sentence)
