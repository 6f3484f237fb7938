"""Templates of jobs: save, list, read and delete them."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from fluxapi.contracts import schema
from fluxapi.errors import NotStored, RequestError, ValidationFailed
from fluxapi.http import base, keys
from fluxapi.http.body import decode_large
from fluxapi.job_templates.template import Entry, Template
from fluxapi.model.message import problem
from fluxapi.process.timeslice import TimeSlice

from .support import reply

__all__ = ["delete", "list_templates", "record", "save"]

_REQUEST = ("job", "copies", "cc")
_MEMBERS = frozenset(_REQUEST)


async def list_templates(request: web.Request) -> web.Response:
    """Return all templates by name, without their requests."""
    store = request.app[keys.TEMPLATES]
    return reply({"templates": [_shown(entry) for entry in store.all()], "kept": store.is_kept})


async def record(request: web.Request) -> web.Response:
    """Return one template."""
    found = await request.app[keys.TEMPLATES].get(_name(request))
    # A job can write the file. Of those that were read, one is decoded in each pass.
    await TimeSlice(0).share()
    try:
        fields = await _decoded(found)
    except RequestError:
        raise NotStored(problem("template_damaged", name=found.name)) from None
    return reply(fields)


async def _decoded(found: Template) -> dict[str, Any]:
    """Return a template with its request; raise ``RequestError`` if it is not valid."""
    if not found.request.keys() <= _MEMBERS:
        raise RequestError("It has other members.")
    fields: dict[str, Any] = {
        "name": found.name,
        "created": found.created,
        "modified": found.modified,
        **_described(found.description),
    }
    for name, raw in found.request.items():
        fields[name] = await decode_large(bytes(raw))
    if not schema.is_valid("template", fields):
        raise RequestError("It is not valid.")
    return fields


async def save(request: web.Request) -> web.Response:
    """Save a template, or replace the one of this name."""
    fields, name = request[keys.BODY], _name(request)
    wrong = schema.find("template-entry", {**_UNNAMED, "name": name})
    if "copies" in fields and "cc" in fields:
        wrong = [*wrong, {"pointer": "/cc", "detail": "excludes copies."}]
    if wrong:
        raise ValidationFailed(wrong)
    wanted = {key: fields[key] for key in _REQUEST if key in fields}
    store = request.app[keys.TEMPLATES]
    entry, is_new = await store.save(name, fields.get("description", ""), wanted)
    if not is_new:
        return reply(_shown(entry))
    place = base.relative(request, f"/v1/templates/{name.replace(' ', '%20')}")
    return reply(_shown(entry), status=201, headers={"Location": place})


async def delete(request: web.Request) -> web.Response:
    """Delete a template."""
    return reply(_shown(await request.app[keys.TEMPLATES].delete(_name(request))))


_UNNAMED = {"created": 0, "modified": 0, "bytes": 0}


def _name(request: web.Request) -> str:
    return request.match_info["template"]


def _described(description: str) -> dict[str, Any]:
    return {"description": description} if description else {}


def _shown(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "created": entry.created,
        "modified": entry.modified,
        "bytes": entry.bytes,
        **_described(entry.description),
    }
