"""The sentences about text that cannot be split into words as a shell does."""

from __future__ import annotations

from .message import Sentence, field_message

__all__ = ["unsplit"]

_CODES = {"No closing quotation": "open_quote", "No escaped character": "open_escape"}
"""The codes of the messages of :mod:`shlex`."""


def unsplit(error: ValueError) -> Sentence:
    """Return what :mod:`shlex` says of a text, without a period."""
    code = _CODES.get(str(error))
    return str(error).lower() if code is None else field_message(code)
