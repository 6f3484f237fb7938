"""Templates of jobs: save, list, read and delete them."""

from __future__ import annotations

from typing import Any

import msgspec
from aiohttp import web

from fluxapi.contracts import schema
from fluxapi.errors import NotStored, ValidationFailed
from fluxapi.http import base, keys
from fluxapi.job_templates.template import Entry
from fluxapi.model.message import problem

from .support import reply

__all__ = ["delete", "list_templates", "record", "save"]

_REQUEST = ("job", "copies", "cc")


async def list_templates(request: web.Request) -> web.Response:
    """Return all templates by name, without their requests."""
    store = request.app[keys.TEMPLATES]
    return reply({"templates": [_shown(entry) for entry in store.all()], "kept": store.is_kept})


async def record(request: web.Request) -> web.Response:
    """Return one template."""
    found = await request.app[keys.TEMPLATES].get(_name(request))
    shown = {
        "name": found.name,
        "created": found.created,
        "modified": found.modified,
        **_described(found.description),
        **{name: msgspec.json.decode(raw) for name, raw in found.request.items()},
    }
    # A job can write the file.
    if schema.find("template", shown):
        raise NotStored(problem("template_damaged", name=found.name))
    return reply(shown)


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
