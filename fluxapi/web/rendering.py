"""The rendering of a page, with what every page shows."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from aiohttp import web

from fluxapi import __version__
from fluxapi.http import base, keys
from fluxapi.http.turns import turn_in
from fluxapi.http.work_turns import WorkTurns
from fluxapi.model.humanize import utc
from fluxapi.model.jobid import encode_f58, parse
from fluxapi.model.message import text_of
from fluxapi.model.usernames import username
from fluxapi.security.principal import ANYBODY, STRANGER
from fluxapi.security.sign_ins import is_sign_in

from . import assets
from .places import place
from .slices import response_of
from .words import words_of

__all__ = ["MAX_LIST_PAGES", "few_at_once", "render"]

MAX_LIST_PAGES = 8
"""Pages with long lists that are made at the same time, and as many that read the history.

Ten thousand nodes take 9 MB for each page, and the jobs of one node a megabyte or more.
"""

_Page = Callable[[web.Request], Awaitable[web.Response]]


def few_at_once(turns: web.AppKey[WorkTurns]) -> Callable[[_Page], _Page]:
    """Return what makes the handler of a page with a long list wait for one of these turns."""

    def decorate(make: _Page) -> _Page:
        @functools.wraps(make)
        async def handle(request: web.Request) -> web.Response:
            async with turn_in(request, request.app[turns]):
                return await make(request)

        return handle

    return decorate


class _Crumb(NamedTuple):
    """One step on the way from the root to an instance."""

    id: str
    name: str
    href: str


def _crumbs(request: web.Request, path: str) -> list[_Crumb]:
    """Return the instances from the root down to *path*; none for the root."""
    if not path:
        return []
    tree = request.app[keys.TREE]
    crumbs = [_Crumb(words_of(request).text("common.root"), "", base.relative(request, "/"))]
    parts = path.split("/")
    for count, jobid in enumerate(parts, 1):
        each = "/".join(parts[:count])
        node = tree.find(each)
        name = node.job.name if node is not None and node.job is not None else ""
        crumbs.append(_Crumb(_canonical(jobid), name, base.relative(request, place("/", each))))
    return crumbs


def _canonical(jobid: str) -> str:
    """Return a job ID of the path as messages write it, which may begin with other zeros."""
    try:
        return encode_f58(parse(jobid))
    except ValueError:
        return jobid


async def render(
    request: web.Request,
    name: str,
    context: dict[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Return the template *name* as a response; a sender without rights sees no instance."""
    app = request.app
    session, built = request.get(keys.SESSION) or app[keys.SESSIONS].root, app[keys.ASSETS]
    info = session.info
    # The path of the page, also if there is no instance.
    asked = session.path or request.match_info.get("instance", "")
    principal = request.get(keys.PRINCIPAL, STRANGER)
    is_open = principal is ANYBODY
    if info.kind == "archive" and principal.right is not None:
        # Nobody can change anything, so the page shows what a viewer sees.
        principal = replace(principal, right="view")
    node = app[keys.TREE].find(session.path)
    shared = {
        "user": principal.user,
        "right": principal.right,
        "token": principal.token,
        "open_to": username(info.owner) if is_open else "",
        "owner": username(info.owner),
        "may": principal.may,
        "is_signed_in": any(map(is_sign_in, principal.grants)),
        "url": lambda path: base.relative(request, place(path, session.path)),
        "to": lambda path: base.relative(request, path),
        "root": base.relative(request, "/"),
        "path": session.path,
        "ended": session.ended and text_of(session.ended, words_of(request).text),
        "as_of": None if node is None else node.as_of,
        # The page writes the moment as it writes all others.
        "notice": info.notice.partition(utc(info.last_seen) if info.last_seen else "\0"),
        "keeps_history": session.past.stored is not None,
        "is_lost": node is not None and node.lost_since is not None,
        "remedy": "" if node is None else node.remedy_of_loss.text(words_of(request).text),
        "crumbs": [] if principal.right is None else _crumbs(request, asked),
        "has_children": app[keys.SESSIONS].root.capabilities.children,
        "asset": lambda file: base.relative(request, assets.address(built, file)),
        "words": assets.words_name(words_of(request)),
        "is_built": bool(built),
        "version": __version__,
        "is_stranger": principal.right is None,
        "instance": info,
    }
    response = await response_of(request, name, {**shared, **context}, status)
    response.headers.update(headers or {})
    return response
