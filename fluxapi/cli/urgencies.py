"""The urgency of a job, as a word or a number."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fluxapi.client import Urgency

__all__ = ["urgency"]

_WORDS: dict[str, Urgency] = {"hold": "hold", "default": "default", "expedite": "expedite"}
_MAX_URGENCY = 31


def urgency(text: str) -> Urgency:
    """Parse an urgency; raise ``ValueError``."""
    word = _WORDS.get(text.lower())
    if word is not None:
        return word
    if text.isascii() and text.isdigit() and int(text) <= _MAX_URGENCY:
        return int(text)
    raise ValueError(f"{text!r} is not an urgency: use 0 to {_MAX_URGENCY}, {', '.join(_WORDS)}")
