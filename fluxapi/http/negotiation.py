"""The media type of a response, by the Accept header of the request (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import hdrs, web

from fluxapi.errors import NotAcceptable

__all__ = ["accepted", "takes_gzip", "wants_page"]


def wants_page(request: web.Request) -> bool:
    """Return whether the client is a browser that asks for a page."""
    return "text/html" in request.headers.get(hdrs.ACCEPT, "")


def takes_gzip(request: web.Request) -> bool:
    """Return whether the client takes a gzip stream (RFC 9110, section 12.5.3)."""
    header = request.headers.get(hdrs.ACCEPT_ENCODING, "").lower()
    if "gzip" not in header:
        return False
    return any(name == "gzip" and quality > 0 for name, quality in _ranges(header))


def accepted(request: web.Request, offers: Sequence[str]) -> str:
    """Return the media type among ``offers`` (best first) that the Accept header prefers."""
    header = request.headers.get(hdrs.ACCEPT)
    if not header or header == "*/*":
        return offers[0]
    best, best_quality = "", 0.0
    ranges = _ranges(header)
    for offer in offers:
        quality = _quality(offer, ranges)
        if quality > best_quality:
            best, best_quality = offer, quality
    if not best:
        raise NotAcceptable(f"Accept matches none of the media types {', '.join(offers)}.")
    return best


def _ranges(header: str) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for part in header.split(",")[:32]:
        name, *parameters = (word.strip().lower() for word in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = min(max(float(parameter[2:]), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        found.append((name, quality))
    return found


def _quality(offer: str, ranges: list[tuple[str, float]]) -> float:
    """Return the quality of a media type: the most specific range that matches decides."""
    kind = offer.partition("/")[0]
    for candidate in (offer, f"{kind}/*", "*/*"):
        for name, quality in ranges:
            if name == candidate:
                return quality
    return 0.0
