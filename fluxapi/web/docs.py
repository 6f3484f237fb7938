"""The pages of the documentation: guides, reference, errors, and the search in them."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import hdrs, web
from markupsafe import Markup

from fluxapi.errors import NotFound
from fluxapi.http import base, keys
from fluxapi.model.message import SECTIONS, problem
from fluxapi.process.timeslice import TimeSlice

from . import guides, words
from .docs_search import Hit, Index, Kind, Section, sections
from .reference import channel, error_kinds, groups
from .rendering import render
from .slices import text_of
from .words import words_of

__all__ = [
    "LIBRARY",
    "Library",
    "design",
    "errors",
    "guide",
    "image",
    "reference",
    "search",
    "search_page",
]

_GZIP_LEVEL = 6
"""Of 9: the highest takes twice the time to save a hundredth."""


async def guide(request: web.Request) -> web.Response:
    """Render a guide; without a name, the index."""
    name = request.match_info.get("guide", "index")
    found = (await asyncio.to_thread(guides.shelf)).get(name)
    if found is None:
        raise NotFound(problem("no_guide", name=name[:64]))
    context = {"guide": found, "html": found.below(base.relative(request, "/"))}
    return await _page(request, "guide.html", {**context, "here": found.name})


async def image(request: web.Request) -> web.Response:
    """Return a picture of a guide."""
    name = request.match_info["name"]
    found = await asyncio.to_thread(guides.image, name)
    if found is None:
        raise NotFound(f"There is no picture {name[:64]!r}.")
    return web.Response(body=found, content_type="image/png")


async def reference(request: web.Request) -> web.Response:
    """Render the reference of all operations and messages."""
    text = await request.app[LIBRARY].reference(request)
    response = await _page(request, "reference.html", {"reference": text, "here": "reference"})
    return await _packed(request, response)


async def errors(request: web.Request) -> web.Response:
    """Render the page that explains each problem type; the types link to it."""
    context = {"kinds": error_kinds(), "coded": _coded(), "here": "errors"}
    return await _page(request, "errors.html", context)


async def design(request: web.Request) -> web.Response:
    """Render every part of the design system, in light and in dark."""
    return await _page(request, "design.html", {"here": "design"})


async def search(request: web.Request) -> web.Response:
    """Return the sections of the documentation that match, the best first."""
    total, found = await _found(request)
    results = [
        {
            "page": hit.section.page,
            "title": hit.section.title,
            "address": hit.section.address,
            "text": hit.text,
        }
        for hit in found
    ]
    body = msgspec.json.encode({"total": total, "results": results})
    return web.Response(body=body, content_type="application/json")


async def search_page(request: web.Request) -> web.Response:
    """Render the sections of the documentation that match."""
    total, found = await _found(request)
    query = request[keys.QUERY].get("q", "").strip()
    context = {"query": query, "total": total, "found": found, "here": "search"}
    return await _page(request, "docs_search.html", context)


async def _found(request: web.Request) -> tuple[int, list[Hit]]:
    query = request[keys.QUERY].get("q", "")
    if not query.strip():
        return 0, []
    index = await request.app[LIBRARY].index(request)
    # Many may have waited for the index.
    await TimeSlice(0).share()
    return await index.search(query)


async def _page(request: web.Request, name: str, context: dict[str, Any]) -> web.Response:
    shelf = await asyncio.to_thread(guides.groups)
    return await render(request, name, {"page": "docs", "query": "", "shelf": shelf, **context})


async def _packed(request: web.Request, response: web.Response) -> web.Response:
    """Compress a large page that has no secret, and no text from its address."""
    response.headers[hdrs.VARY] = f"{response.headers[hdrs.VARY]}, {hdrs.ACCEPT_ENCODING}"
    if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "") and isinstance(response.body, bytes):
        response.body = await asyncio.to_thread(gzip.compress, response.body, _GZIP_LEVEL, mtime=0)
        response.headers[hdrs.CONTENT_ENCODING] = "gzip"
    return response


class Library:
    """The parts of the documentation that take long to make: the reference, and the index."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._index_turn = asyncio.Lock()
        self._rendered: dict[tuple[str, str], Markup] = {}
        """The text of the reference by the way to the root of the service, of which there are two,
        one below /v1, and by language."""
        self._index: Index | None = None

    async def reference(self, request: web.Request) -> Markup:
        """Return the text of the reference, with links from the page of *request*."""
        root = base.relative(request, "/")
        key = root, words_of(request).tag
        async with self._turn:
            if key not in self._rendered:
                context: Mapping[str, Any] = {
                    "groups": groups(request.app[keys.OPENAPI]),
                    "channel": channel(request.app[keys.ASYNCAPI]),
                    "url": lambda path: base.relative(request, path),
                }
                text = await text_of(request, "reference_text.html", context)
                self._rendered[key] = Markup(text)  # noqa: S704 - the template escapes
            return self._rendered[key]

    async def index(self, request: web.Request) -> Index:
        """Return the index of all pages, which the first search makes."""
        text = await self.reference(request)
        title = words_of(request).text("docs.reference_title")
        async with self._index_turn:
            if self._index is None:
                self._index = await asyncio.to_thread(_index, title, text)
            return self._index


LIBRARY: web.AppKey[Library] = web.AppKey("library", Library)


def _coded() -> dict[str, dict[str, str]]:
    """Return the sentences that the service says by their codes, by section, in English."""
    found: dict[str, dict[str, str]] = {section: {} for section in SECTIONS}
    for key, text in words.load()[words.ENGLISH].source.items():
        section, _, code = key.partition(".")
        if section in found:
            found[section][code] = text if isinstance(text, str) else text["other"]
    return found


def _index(title: str, text: Markup) -> Index:
    """Return the index of the guides, the errors and the reference, whose HTML is *text*."""
    found: list[Section] = []
    for one in guides.shelf().values():
        found += sections(one.title, one.address, one.html, _kind(one.name))
    found += [
        Section.of(
            "Errors", kind["title"], f"/docs/errors#{kind['slug']}", kind["about"], Kind.REFERENCE
        )
        for kind in error_kinds()
    ]
    return Index([*found, *sections(title, "/docs/reference", text, Kind.REFERENCE)])


def _kind(name: str) -> Kind:
    """Return the kind of a guide by its group; the reasons behind the service come last."""
    group = next((title for title, some in guides.groups() if name in {it.name for it in some}), "")
    if name == "security" or group in {"Understand", "Decisions"}:
        return Kind.BACKGROUND
    return Kind.REFERENCE if name == "flux-options" else Kind.GUIDE
