"""Decoded JSON counts as the memory that it takes."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import msgspec
import pytest

from fluxapi.model.annotations import MAX_ANNOTATIONS_BYTES, MAX_DECODED_BYTES, annotate
from fluxapi.model.decoded_size import decoded_bytes


def listed(value: str, count: int) -> str:
    """Return a memo with a list of equal values."""
    return f'{{"n":[{",".join([value] * count)}]}}'


SHAPES = {
    "objects": listed("{}", 5000),
    "lists": listed("[]", 5000),
    "nested": listed('{"a":{}}', 1500),
    "numbers": listed("0.1", 4000),
    "members": json.dumps({f"a{number}": number + 1000 for number in range(1000)}),
    "text": listed(json.dumps("x" * 16_000), 1),
}


def memory_of(text: str) -> tuple[Any, int]:
    """Return a decoded text, and the memory that it takes."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        value = msgspec.json.decode(text)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return value, after - before


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_values_count_as_much_as_they_take(text: str) -> None:
    value, taken = memory_of(text)
    assert 0.9 * taken <= decoded_bytes(value) <= 2 * taken


def test_the_count_ends_above_the_limit() -> None:
    assert 1000 < decoded_bytes([[]] * 10_000_000, 1000) < 100_000_000


@pytest.mark.parametrize("shape", ["objects", "lists", "nested", "numbers"])
def test_annotations_of_very_many_values_are_refused(shape: str) -> None:
    assert len(SHAPES[shape]) < MAX_ANNOTATIONS_BYTES
    with pytest.raises(ValueError, match="too large"):
        annotate(None, msgspec.json.decode(SHAPES[shape]), within="user")


def test_a_long_text_is_kept() -> None:
    kept = annotate(None, msgspec.json.decode(SHAPES["text"]), within="user")
    assert kept is not None
    assert decoded_bytes(kept) < MAX_DECODED_BYTES
