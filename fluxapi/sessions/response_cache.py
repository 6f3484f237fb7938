"""Encoded answers that are valid until the next journal message, since many clients share pages."""

from __future__ import annotations

from collections import OrderedDict

__all__ = ["ResponseCache"]

_MAX_RESPONSES = 128
_MAX_RESPONSE_BYTES = 128 << 10
"""Size of the largest answer that is kept, so that all of them are at most 16 MiB."""


class ResponseCache:
    """The answers that were used last, each valid at one cursor of the journal."""

    def __init__(self) -> None:
        self._responses: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def get(self, request: str, cursor: str) -> bytes | None:
        """Return the answer to ``request`` if it was made at ``cursor``."""
        held = self._responses.get(request)
        if held is None or held[0] != cursor:
            return None
        self._responses.move_to_end(request)
        return held[1]

    def put(self, request: str, cursor: str, body: bytes) -> None:
        """Keep an answer, and drop the least recently used one if there are too many."""
        if len(body) > _MAX_RESPONSE_BYTES:
            return
        self._responses[request] = (cursor, body)
        self._responses.move_to_end(request)
        if len(self._responses) > _MAX_RESPONSES:
            self._responses.popitem(last=False)
