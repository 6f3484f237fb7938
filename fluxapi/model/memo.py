"""Memos that end ``flux jobs`` for everybody who lists the job; the service rejects them.

Flux's Python makes a ``namedtuple`` of each object of the annotations, and the address of an
instance of ``uri``. It shows no job at all if one of them fails.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from fluxapi.errors import ValidationFailed

from .message import field_error, field_message

__all__ = ["check_memo"]


def check_memo(memo: Mapping[str, Any]) -> None:
    """Raise ``ValidationFailed`` if Flux's programs could not show a job with this memo."""
    if not all(map(_is_name, _names(memo))):
        raise ValidationFailed([field_error("/memo", field_message("memo_name"))])
    uri = memo.get("uri")
    if uri is not None and not _is_address(uri):
        raise ValidationFailed([field_error("/memo/uri", field_message("memo_uri"))])


def _names(memo: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of a memo that Flux does not remove; those in lists do not matter."""
    for name, value in memo.items():
        if value is not None:
            yield name
        if isinstance(value, dict):
            yield from _names(value)


def _is_name(text: str) -> bool:
    return text.isidentifier() and not text.startswith("_") and not keyword.iskeyword(text)


def _is_address(uri: Any) -> bool:
    try:
        return isinstance(uri, str) and bool(urlsplit(uri).scheme)
    except ValueError:
        return False
