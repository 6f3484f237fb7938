"""The blobs that make up an eventlog in the KVS, in their order (RFC 11).

A tree object of type ``valref`` lists them: one for each time that the job's shell committed, so a
job that writes a line a second for a week has a list of 30 MB. It is kept as the JSON that it came
as, from which each reference is cut.
"""

from __future__ import annotations

import msgspec

__all__ = ["References", "decode_references"]


class _TreeObject(msgspec.Struct):
    type: str
    data: msgspec.Raw


class _Found(msgspec.Struct):
    val: _TreeObject


_decoder = msgspec.json.Decoder(_Found)


class References:
    """The references of a list; or a value ``inline``, which is not stored in a blob yet."""

    def __init__(self, text: bytes = b"[]", inline: bytes | None = None) -> None:
        self.inline = inline
        self._text = text
        # Each of them with its quotes and what follows it, a comma or the bracket.
        self._step = text.find(b'"', 2) + 1
        count, rest = divmod(len(text) - 1, self._step) if self._step else (0, 0)
        if rest:
            raise ValueError("the references are not of one length")
        self._count = count if inline is None else 1

    @property
    def size(self) -> int:
        """Bytes of the list."""
        return len(self._text)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> bytes:
        at = 1 + index * self._step
        return self._text[at + 1 : at + self._step - 2]


def decode_references(payload: bytes) -> References:
    """Decode a response of ``kvs.lookup`` with FLUX_KVS_TREEOBJ; raises ``ValueError``."""
    found = _decoder.decode(payload).val
    if found.type == "val":
        return References(inline=msgspec.json.decode(found.data, type=bytes))
    if found.type == "valref":
        text = bytes(found.data)
        try:
            return References(text)
        except ValueError:
            # Blobs of two hash algorithms, or another way to write JSON: make it even.
            names = msgspec.json.decode(text, type=list[str])
            width = max(map(len, names), default=0)
            return References(msgspec.json.encode([name.rjust(width) for name in names]))
    # A job has put something else there, such as a directory: an entry that is not valid.
    return References(inline=found.type.encode())
