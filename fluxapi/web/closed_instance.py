"""The page of an instance that cannot be opened: which job it is, and what helps."""

from __future__ import annotations

from typing import Any, NamedTuple

from aiohttp import web

from fluxapi.errors import FluxapiError, Unavailable
from fluxapi.http import base, keys
from fluxapi.model.jobid import encode_f58, parse
from fluxapi.security.principal import STRANGER

from .places import place
from .visible import SHORT, visible
from .words import words_of

__all__ = ["closed_instance"]


class _Job(NamedTuple):
    """The job that an instance is."""

    id: str
    name: str
    status: str
    is_active: bool
    href: str


def closed_instance(request: web.Request, problem: FluxapiError) -> dict[str, Any]:
    """Return what the page of an error tells of the instance in its path; nothing without one."""
    path = request.match_info.get("instance", "")
    is_stranger = request.get(keys.PRINCIPAL, STRANGER).right is None
    if not path or is_stranger or request.get(keys.SESSION) is not None:
        return {}
    try:
        path = "/".join(encode_f58(parse(part)) for part in path.split("/"))
    except ValueError:
        return {}
    node = request.app[keys.TREE].find(path)
    words, parent = words_of(request), path.rpartition("/")[0]
    session = request.app[keys.SESSIONS].find(parent)
    job = None if session is None else session.find_job(path.rpartition("/")[2])
    if session is None or job is None:
        return {}
    id = encode_f58(job.id)
    href = base.relative(request, place(f"/ui/jobs/{id}", parent))
    name = visible(job.name, SHORT)
    remedy = None if node is None else node.remedy
    if remedy is not None and remedy.code == "open_again":
        # The page has a button for it.
        remedy = None
    is_active = not job.is_inactive
    return {
        "of_job": _Job(id, name, session.table.record(job.id)["status"], is_active, href),
        "title": words.text(
            "errors.instance_unreachable" if is_active else "errors.instance_ended", name=name or id
        ),
        "remedy_of_closed": "" if remedy is None else remedy.text(words.text),
        "is_again": isinstance(problem, Unavailable),
    }
