"""Small parts: times in words, waiting, the last lines of an output."""

from __future__ import annotations

import email.utils
import time

import pytest

from fluxapi.client.backoff import delay, retry_after
from fluxapi.client.output import OutputEntry, last_lines, output_of


def test_delays_grow_and_end() -> None:
    waits = [delay(attempt) for attempt in range(1, 40)]
    assert 0 < waits[0] <= 0.2
    assert max(waits) <= 5
    assert min(waits[-10:]) >= 2.5
    assert 3 <= delay(1, 3.0) < 4


def test_retry_after() -> None:
    assert retry_after("5") == 5
    assert retry_after(None) is retry_after("soon") is None
    assert retry_after("999999") == 60
    assert retry_after(email.utils.formatdate(time.time() - 50, usegmt=True)) == 0


PIECES = ["one\ntwo\n", "th", "", "ree\n", "four"]


@pytest.mark.parametrize("count", range(1, 5))
@pytest.mark.parametrize("ending", ["", "\n"])
def test_the_last_lines(count: int, ending: str) -> None:
    pieces = [*PIECES, ending]
    entries = [OutputEntry("stdout", "0", piece, raw=piece.encode()) for piece in pieces]
    lines = "".join(pieces).splitlines(keepends=True)
    kept, whole = last_lines(entries, count)
    assert output_of(kept).stdout == "".join(lines[-count:])
    assert whole == (count < len(lines))
