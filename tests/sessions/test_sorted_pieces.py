"""Numbers in sorted pieces are as in one sorted list, and no step sorts all of them."""

from __future__ import annotations

import random
from bisect import bisect_left
from statistics import median

import pytest

from fluxapi.sessions import sorted_pieces
from fluxapi.sessions.sorted_pieces import SortedPieces

RNG = random.Random(5)  # noqa: S311 - examples
KINDS = {
    "ascending": list(range(5000)),
    "descending": list(range(5000, 0, -1)),
    "in no order": [RNG.randrange(10**9) for _ in range(5000)],
    "few values": [RNG.randrange(3) for _ in range(5000)],
    "two kinds": [RNG.randrange(9) if at % 2 else 10**12 + at for at in range(4999)],
    "one": [7],
    "two": [7, 9],
}


@pytest.fixture(autouse=True)
def piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorted_pieces, "_PIECE", 16)


def pieces_of(numbers: list[int]) -> SortedPieces[int]:
    found: SortedPieces[int] = SortedPieces()
    for number in numbers:
        found.add(number)
    found.settle()
    return found


@pytest.mark.parametrize("kind", KINDS)
async def test_they_are_as_one_list(kind: str) -> None:
    numbers = KINDS[kind]
    found, known = pieces_of(numbers), sorted(numbers)
    assert len(found) == len(known)
    assert found.least == known[0]
    assert await found.median() == median(known)
    for number in (*numbers[:50], -1, 10**13):
        assert found.below(number) == bisect_left(known, number)


async def test_there_may_be_none() -> None:
    found: SortedPieces[int] = SortedPieces()
    assert (len(found), found.least, await found.median(), found.below(3)) == (0, None, None, 0)


@pytest.mark.parametrize("kind", KINDS)
async def test_each_step_leaves_out_a_quarter(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0

    class Slice:
        async def share(self) -> None:
            nonlocal steps
            steps += 1

    monkeypatch.setattr(sorted_pieces, "TimeSlice", Slice)
    assert await pieces_of(KINDS[kind]).median() is not None
    assert steps < 60


def test_no_step_sorts_more_than_a_piece() -> None:
    assert max(map(len, pieces_of(KINDS["in no order"])._all())) == 16
