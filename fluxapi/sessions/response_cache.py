"""Encoded answers that are valid until the next journal message, since many clients share pages."""

from __future__ import annotations

__all__ = ["ResponseCache"]

_MAX_RESPONSES = 128
_MAX_RESPONSE_BYTES = 128 << 10
"""Size of the largest answer that is kept, so that all of them are at most 16 MiB."""


class ResponseCache:
    """The last answers, each valid at one cursor of the journal."""

    def __init__(self) -> None:
        self._responses: dict[str, tuple[str, bytes]] = {}

    def get(self, request: str, cursor: str) -> bytes | None:
        """Return the answer to ``request`` if it was made at ``cursor``."""
        held = self._responses.get(request)
        return held[1] if held is not None and held[0] == cursor else None

    def put(self, request: str, cursor: str, body: bytes) -> None:
        """Keep an answer, and drop the oldest one if there are too many."""
        if len(body) > _MAX_RESPONSE_BYTES:
            return
        self._responses.pop(request, None)
        self._responses[request] = (cursor, body)
        if len(self._responses) > _MAX_RESPONSES:
            del self._responses[next(iter(self._responses))]
