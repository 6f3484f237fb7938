"""Values that many jobs have in common, so that each is kept, and read, only once."""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = ["shared_text", "short_json"]

_MAX_TEXTS = 65_536
_texts: dict[str, str] = {}
_encoder = msgspec.json.Encoder()


def shared_text(text: str) -> str:
    """Return an equal text that was seen before, if it was seen lately.

    ``sys.intern`` would keep an entry for each text as long as a job has it, and the names of a
    million jobs may all differ.
    """
    if len(_texts) >= _MAX_TEXTS:
        _texts.clear()
    return _texts.setdefault(text, text)


def short_json(value: Any, limit: int) -> bytes | None:
    """Return *value* as JSON, by which to find what was read from an equal one.

    Returns:
        ``None`` if it has more than *limit* bytes, or cannot be encoded.
    """
    try:
        text = _encoder.encode(value)
    except (RecursionError, OverflowError, UnicodeError):
        return None
    return text if len(text) <= limit else None
