"""The headers that every response has.

The constant ones are most of the head of a response. To add them one by one, and to encode them,
takes a tenth of the time of a cached page, so a response that is written as a whole gets them as
ready bytes.
"""

from __future__ import annotations

from collections.abc import MutableMapping

from aiohttp import hdrs, web

from fluxapi.settings import Settings

from . import keys

__all__ = ["COMMON_HEADERS", "HEADERS", "CommonHeaders"]

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; worker-src 'self'; "
    "img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors {}"
)

HEADERS = {
    "Content-Security-Policy": _POLICY.format("'none'"),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Server": "fluxapi",
    "X-Content-Type-Options": "nosniff",
}


class CommonHeaders:
    """The headers of every response of one application.

    Attributes:
        lines: The constant ones, as lines of a head.
    """

    def __init__(self, settings: Settings) -> None:
        found = ("'self'" if name == "self" else name for name in settings.frame_ancestors)
        ancestors = " ".join(found) or "'none'"
        self._constant = {**HEADERS, "Content-Security-Policy": _POLICY.format(ancestors)}
        self._is_framed_elsewhere = bool(set(settings.frame_ancestors) - {"self"})
        self.lines = "".join(f"{name}: {it}\r\n" for name, it in self._constant.items()).encode()

    async def add(self, request: web.Request, response: web.StreamResponse) -> None:
        """Add all headers to a response (``on_response_prepare``)."""
        sent = response.headers
        sent.update(self._constant)
        if self._is_shown_elsewhere(response):
            # A page of another site that isolates itself shows only frames that allow it.
            sent["Cross-Origin-Resource-Policy"] = "cross-origin"
        self._add_changing(request, sent)

    def add_all_but_lines(self, request: web.BaseRequest, response: web.StreamResponse) -> bool:
        """Add all headers but :attr:`lines`; return false if these are not those of a response.

        This is so if the response has one of them, or differs from others in one.
        """
        sent = response.headers
        if any(map(sent.__contains__, self._constant)) or self._is_shown_elsewhere(response):
            return False
        self._add_changing(request, sent)
        return True

    def _is_shown_elsewhere(self, response: web.StreamResponse) -> bool:
        """Return whether pages of other sites may show a response in a frame."""
        return self._is_framed_elsewhere and response.content_type == "text/html"

    def _add_changing(self, request: web.BaseRequest, sent: MutableMapping[str, str]) -> None:
        sent["X-Request-ID"] = request.get(keys.REQUEST_ID, "")
        if hdrs.CACHE_CONTROL not in sent:
            sent[hdrs.CACHE_CONTROL] = "no-store"


COMMON_HEADERS: web.AppKey[CommonHeaders] = web.AppKey("common_headers", CommonHeaders)
