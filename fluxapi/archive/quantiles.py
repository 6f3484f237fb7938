"""Exact quantiles of times that come piece by piece, such as the waits of many jobs."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from typing import Any

import msgspec

__all__ = ["Times", "quantiles"]

_PLACES = (("median", 0.5), ("p90", 0.9), ("p99", 0.99))
_MS = 1000

_decode = msgspec.json.Decoder(list[int]).decode


class Times:
    """The times of one piece in ascending order, in milliseconds.

    Args:
        text: The result of ``group_concat``: integers with commas.
        weight: The number of jobs that each of them stands for.
    """

    def __init__(self, text: str | None, weight: int) -> None:
        values = _decode(f"[{text}]") if text else []
        values.sort()
        self.values = array("q", values)
        self.weight = weight


def quantiles(pieces: list[Times]) -> dict[str, Any] | None:
    """Return median, 90th and 99th percentile of all pieces in seconds, ``None`` without times.

    The values are times that occur: the lowest that are not below the given share of all.
    """
    pieces = [piece for piece in pieces if piece.values]
    if not pieces:
        return None
    total = sum(len(piece.values) * piece.weight for piece in pieces)
    return {
        name: _lowest(pieces, max(math.ceil(share * total), 1)) / _MS for name, share in _PLACES
    }


def _lowest(pieces: list[Times], count: int) -> int:
    """Return the lowest time that at least *count* jobs do not exceed."""
    low = min(piece.values[0] for piece in pieces)
    high = max(piece.values[-1] for piece in pieces)
    while low < high:
        middle = (low + high) // 2
        below = sum(bisect_right(piece.values, middle) * piece.weight for piece in pieces)
        low, high = (low, middle) if below >= count else (middle + 1, high)
    return low
