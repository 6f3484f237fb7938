"""Immutable, hashable values that the client returns."""

from __future__ import annotations

import msgspec

__all__ = ["Record"]


class Record(msgspec.Struct, frozen=True):
    """The base class of values that the client returns. Equal records have equal hashes."""

    def __hash__(self) -> int:
        """Hash the hashable fields; some hold a dict or a list from JSON."""
        return hash((type(self), *map(_hash, map(self.__getattribute__, self.__struct_fields__))))


def _hash(value: object) -> int:
    try:
        return hash(value)
    except TypeError:
        return 0
