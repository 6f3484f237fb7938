from __future__ import annotations

import time

import pytest

from fluxapi.errors import Unauthorized
from fluxapi.security import tickets as module
from fluxapi.security.principal import ANYBODY, Principal
from fluxapi.security.tickets import LIFETIME_S, Tickets


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


@pytest.mark.parametrize("principal", [ANYBODY, Principal("ada", "view", 5.0, frozenset({"t1"}))])
def test_a_ticket_is_as_good_as_the_credentials_that_asked_for_it(principal: Principal) -> None:
    tickets = Tickets()
    assert tickets.redeem(tickets.issue(principal)) == principal


def test_it_is_good_once() -> None:
    tickets = Tickets()
    ticket = tickets.issue(ANYBODY)
    tickets.redeem(ticket)
    with pytest.raises(Unauthorized):
        tickets.redeem(ticket)


@pytest.mark.parametrize("ticket", ["", "made-up"])
def test_an_unknown_ticket_is_refused(ticket: str) -> None:
    tickets = Tickets()
    tickets.issue(ANYBODY)
    with pytest.raises(Unauthorized):
        tickets.redeem(ticket)


def test_it_is_good_until_its_lifetime_is_over(clock: Clock) -> None:
    tickets = Tickets()
    early, late = tickets.issue(ANYBODY), tickets.issue(ANYBODY)
    clock.now += LIFETIME_S - 0.001
    tickets.redeem(early)
    clock.now += 0.001
    with pytest.raises(Unauthorized):
        tickets.redeem(late)


def test_expired_tickets_are_dropped(clock: Clock) -> None:
    tickets = Tickets()
    for _ in range(100):
        tickets.issue(ANYBODY)
    clock.now += LIFETIME_S
    tickets.issue(ANYBODY)
    assert len(tickets._open) == 1


def test_the_oldest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_TICKETS", 3)
    tickets = Tickets()
    issued = [tickets.issue(ANYBODY) for _ in range(5)]
    assert list(tickets._open) == issued[2:]


def test_no_two_are_equal() -> None:
    tickets = Tickets()
    assert len({tickets.issue(ANYBODY) for _ in range(1000)}) == 1000


def test_a_young_machine_gives_none_away(clock: Clock) -> None:
    clock.now = 0.0
    with pytest.raises(Unauthorized):
        Tickets().redeem("made-up")
