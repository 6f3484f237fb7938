"""Words and variables with bytes that no request can have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .exit_codes import USAGE, Failure

__all__ = ["encodable"]

_NEARBY_CHARACTERS = 32
"""Characters before and after a wrong one that the error shows."""


@contextmanager
def encodable() -> Iterator[None]:
    """Turn the error of a text that is not UTF-8 into a ``Failure``."""
    try:
        yield
    except UnicodeEncodeError as error:
        begin = max(error.start - _NEARBY_CHARACTERS, 0)
        part = error.object[begin : error.end + _NEARBY_CHARACTERS]
        raise Failure(f"{part!r} is not UTF-8.", USAGE) from None
