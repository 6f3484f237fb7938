"""Encoded answers that hold until the next journal message: many readers ask for the same page."""

from __future__ import annotations

__all__ = ["ResponseCache"]

_PAGES = 128
_LARGEST = 128 << 10
"""Bytes of the largest answer that is kept, so that all of them are at most 16 MiB."""


class ResponseCache:
    """The answers of the last requests, each good for one cursor of the journal."""

    def __init__(self) -> None:
        self._pages: dict[str, tuple[str, bytes]] = {}

    def get(self, request: str, cursor: str) -> bytes | None:
        """The answer to ``request``, if it was made at ``cursor``."""
        held = self._pages.get(request)
        return held[1] if held is not None and held[0] == cursor else None

    def put(self, request: str, cursor: str, body: bytes) -> None:
        """Keep an answer; the oldest goes when there are too many."""
        if len(body) > _LARGEST:
            return
        self._pages.pop(request, None)
        self._pages[request] = (cursor, body)
        if len(self._pages) > _PAGES:
            del self._pages[next(iter(self._pages))]
