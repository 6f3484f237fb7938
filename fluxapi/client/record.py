"""What the service says of something, as a value: it compares, hashes and never changes."""

from __future__ import annotations

import msgspec

__all__ = ["Record"]


class Record(msgspec.Struct, frozen=True):
    """The base of what the client gives out. Equal records have equal hashes."""

    def __hash__(self) -> int:
        """Hash what can be hashed: some fields hold a dict or a list of JSON."""
        return hash((type(self), *map(_hash, map(self.__getattribute__, self.__struct_fields__))))


def _hash(value: object) -> int:
    try:
        return hash(value)
    except TypeError:
        return 0
