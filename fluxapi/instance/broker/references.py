"""The ordered references to the blobs of an eventlog in the KVS (RFC 11).

A tree object of type ``valref`` lists them, one for each commit of the job's shell, so a job that
writes a line per second for a week has a list of 30 MB. It is stored as the received JSON, from
which each reference is extracted.
"""

from __future__ import annotations

import contextlib
from typing import Annotated

import msgspec

__all__ = ["References", "decode_references"]


_Reference = Annotated[str, msgspec.Meta(max_length=255)]
"""A reference is the name of a hash algorithm and a hash."""

_MAX_GROWTH = 4
"""How much a list may grow that is normalized."""


class _TreeObject(msgspec.Struct):
    type: str
    data: msgspec.Raw


class _Found(msgspec.Struct):
    val: _TreeObject


_decoder = msgspec.json.Decoder(_Found)


class References:
    """A list of references; or a value ``inline``, which is not stored in a blob yet."""

    def __init__(self, text: bytes = b"[]", inline: bytes | None = None) -> None:
        self.inline = inline
        self._text = text
        # Each reference with its quotes and the following comma or bracket.
        self._step = text.find(b'"', 2) + 1
        count, rest = divmod(len(text) - 1, self._step) if self._step else (0, 0)
        if rest:
            raise ValueError("the references differ in length")
        self._count = count if inline is None else 1

    @property
    def size(self) -> int:
        """Size of the list in bytes."""
        return len(self._text)

    def equals(self, other: References) -> bool:
        """Return whether another list has the same references."""
        return self.inline == other.inline and self._text == other._text

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> bytes:
        at = 1 + index * self._step
        return self._text[at + 1 : at + self._step - 2]


def decode_references(payload: bytes) -> References:
    """Decode a response of ``kvs.lookup`` with FLUX_KVS_TREEOBJ; raise ``ValueError``."""
    found = _decoder.decode(payload).val
    if found.type == "val":
        with contextlib.suppress(msgspec.MsgspecError):
            return References(inline=msgspec.json.decode(found.data, type=bytes))
    if found.type == "valref":
        text = bytes(found.data)
        try:
            return References(text)
        except ValueError:
            return _normalized(text)
    # The job has put something else there, such as a directory or a value that is not coded as
    # Flux does it: return an invalid entry.
    return References(inline=found.type.encode())


def _normalized(text: bytes) -> References:
    """Return references of two hash algorithms, or in another JSON format; raise ``ValueError``.

    Any program may pose as an instance. Each shorter reference is padded to the longest one.
    """
    names = msgspec.json.decode(text, type=list[_Reference])
    width = max(map(len, names), default=0)
    if width * len(names) > _MAX_GROWTH * len(text):
        raise ValueError("the references differ in length")
    return References(msgspec.json.encode([name.rjust(width) for name in names]))
