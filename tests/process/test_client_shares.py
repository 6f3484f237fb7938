"""Shares of clients: whatever some of them have taken, there is some for the next one."""

from __future__ import annotations

import random

from fluxapi.process.client_shares import ClientShares

LIMIT, SMALL = 16_384, 40


def take_all(shares: ClientShares, client: str) -> int:
    """Take one after the other for a client, as many as it may have."""
    taken = 0
    while shares.has_room(client, 1):
        shares.add(client, 1)
        taken += 1
    return taken


def test_there_is_some_for_each_further_client() -> None:
    shares = ClientShares(LIMIT, SMALL)
    taken = [take_all(shares, f"c{number}") for number in range(100)]
    assert taken[0] == LIMIT // 4
    assert taken == sorted(taken, reverse=True)
    assert taken[3] > 1000
    assert taken[-1] == SMALL


def test_a_returned_share_is_there_for_others() -> None:
    shares = ClientShares(LIMIT, SMALL)
    held = {f"c{number}": take_all(shares, f"c{number}") for number in range(50)}
    first = held.pop("c0")
    shares.add("c0", -first)
    assert take_all(shares, "late") > SMALL
    for client, count in held.items():
        shares.add(client, -count)
    assert take_all(shares, "c0") > LIMIT // 8


def test_no_client_has_more_than_its_share_and_all_together_the_limit() -> None:
    shares, held = ClientShares(1000, 5), dict.fromkeys("abcdefghij", 0)
    chance = random.Random(1)  # noqa: S311 - no secret
    for _ in range(5000):
        client = chance.choice("abcdefghij")
        count = chance.randint(1, 50)
        if chance.random() < 0.4:
            count = min(count, held[client])
            shares.add(client, -count)
            held[client] -= count
        elif shares.has_room(client, count):
            shares.add(client, count)
            held[client] += count
        assert shares.used == sum(held.values()) <= 1000
        assert max(held.values()) <= 250
        assert shares.has_room("next", 5)
