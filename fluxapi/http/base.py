"""The prefix below which the outside sees the service, and references that hold below any prefix.

A proxy may keep the prefix of a path (``--base-path``, Open OnDemand's ``/node/HOST/PORT``), or
strip it and tell it in ``X-Forwarded-Prefix``, or strip it and tell nothing. Pages and ``Location``
hold references relative to the path of the request, which are right in each case. The bodies of
the API hold paths that begin with the prefix, as far as it is known.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from aiohttp import web
from yarl import URL

from fluxapi.settings import Peer, is_prefix

from . import keys
from .peer import forwarded

__all__ = ["NODE", "below", "find", "forwarded_prefix", "kept_prefix", "relative"]

NODE = "/node/{host}/{port:[0-9]{1,5}}"
"""The prefix that Open OnDemand keeps, as a path of a route."""

_NODE = re.compile(r"/node/(?!\.{1,2}/)[A-Za-z0-9._-]{1,253}/[0-9]{1,5}(?=/)")

_MakeRequest = Callable[..., web.BaseRequest]


def kept_prefix(path: str, base_path: str) -> str:
    """Return the prefix of a raw path that a proxy has kept; empty if there is none."""
    if base_path and path.startswith(f"{base_path}/"):
        return base_path
    found = _NODE.match(path) if path.startswith("/node/") else None
    return found[0] if found else ""


def forwarded_prefix(request: web.BaseRequest, peers: tuple[Peer, ...]) -> str:
    """Return the prefix that a trusted proxy has stripped and tells; empty if there is none."""
    value = forwarded(request, "X-Forwarded-Prefix", peers)
    if not value:
        return ""
    value = value.removesuffix("/")
    return value if is_prefix(value) else ""


def find(request: web.Request, peers: tuple[Peer, ...]) -> str:
    """Return the prefix of a request: the one that was kept, or else the one that a proxy tells."""
    kept: str | None = request.get(keys.BASE)
    return kept or forwarded_prefix(request, peers)


def below(make: _MakeRequest, base_path: str) -> _MakeRequest:
    """Return a factory of requests that takes the kept prefix from their paths.

    The whole application sees the rest of the path, and the prefix as ``request[BASE]``.
    """

    def make_request(message: Any, *rest: Any) -> web.BaseRequest:
        url: URL = message.url
        prefix = kept_prefix(url.raw_path, base_path)
        if not prefix:
            request = make(message, *rest)
            request[keys.BASE] = ""
            return request
        path, query = url.raw_path[len(prefix) :], url.raw_query_string
        short = URL.build(path=path, query_string=query, encoded=True)
        target = f"{path}?{query}" if query else path
        request = make(message._replace(path=target, url=short), *rest)
        request[keys.BASE] = prefix
        return request

    return make_request


def relative(request: web.BaseRequest, path: str, query: str = "") -> str:
    """Return a reference to *path*, which begins with a slash, relative to the request's own path.

    It climbs to the root of the service by dot segments, so that neither it nor an edit of it by
    Open OnDemand can lead to another host.
    """
    steps = request.rel_url.raw_path.count("/") - 1
    climb = "../" * steps or "./"
    return f"{climb}{path[1:]}{f'?{query}' if query else ''}"
