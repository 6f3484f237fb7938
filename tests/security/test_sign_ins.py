"""Signed-in browsers, one-time codes, and buckets: time, revocation, limits."""

from __future__ import annotations

import time

import pytest

from fluxapi.security import codes, sign_ins
from fluxapi.security.buckets import Buckets
from fluxapi.security.codes import Codes
from fluxapi.security.principal import ANYBODY, Principal
from fluxapi.security.sign_ins import SignIns

ADA = Principal("ada", "view", None, frozenset({"t1"}), token="laptop")


class Clocks:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall, self.steady = 1e9, 500.0
        monkeypatch.setattr(time, "time", lambda: self.wall)
        monkeypatch.setattr(time, "monotonic", lambda: self.steady)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def test_a_value_stands_for_its_principal_and_is_not_kept() -> None:
    browsers = SignIns(60)
    value, principal = browsers.begin(ADA)
    assert browsers.find([value]) == principal
    assert (principal.user, principal.right, principal.token) == ("ada", "view", "laptop")
    assert principal.grants > ADA.grants
    assert value not in repr(vars(browsers))
    assert browsers.find([]) is None
    assert browsers.find(["made-up", "", "\ud800"]) is None


def test_values_that_others_made_up_do_no_harm_and_two_that_are_valid_contradict() -> None:
    browsers = SignIns(60)
    mine, principal = browsers.begin(ANYBODY)
    other, _ = browsers.begin(ADA)
    assert browsers.find(["made-up", mine, mine]) == principal
    assert browsers.find([mine, other]) is None
    assert browsers.find([*(f"made-up {number:035}" for number in range(500)), mine]) == principal


def test_it_ends_with_its_time_by_either_clock(clocks: Clocks) -> None:
    browsers = SignIns(60)
    value, principal = browsers.begin(ADA)
    assert principal.expires == clocks.wall + 60
    clocks.wall -= 3600
    clocks.steady += 59
    assert browsers.find([value])
    clocks.steady += 1
    assert browsers.find([value]) is None
    value, _ = browsers.begin(ADA)
    clocks.wall += 61
    assert browsers.find([value]) is None


def test_it_ends_no_later_than_its_token(clocks: Clocks) -> None:
    _, principal = SignIns(600).begin(Principal("ada", "view", clocks.wall + 5))
    assert principal.expires == clocks.wall + 5


def test_a_revoked_token_signs_out_and_ends_streams() -> None:
    browsers = SignIns(60)
    ended: list[str] = []
    browsers.on_end = ended.append
    value, principal = browsers.begin(ADA)
    kept, _ = browsers.begin(ANYBODY)
    browsers.revoke("t1")
    assert browsers.find([value]) is None
    assert browsers.find([kept])
    assert set(ended) == principal.grants - {"t1"}


def test_their_number_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_ins, "_MAX_SIGN_INS", 2)
    browsers = SignIns(60)
    first, second, third = (browsers.begin(ADA)[0] for _ in range(3))
    assert browsers.find([first]) is None
    assert browsers.find([second])
    assert browsers.find([third])


def test_repeated_logins_of_one_client_end_no_other_login(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sign_ins, "_MAX_SIGN_INS", 5)
    browsers = SignIns(60)
    owner, phone = (browsers.begin(ANYBODY)[0] for _ in range(2))
    many = [browsers.begin(ADA)[0] for _ in range(20)]
    assert browsers.find([owner])
    assert browsers.find([phone])
    assert [number for number, value in enumerate(many) if browsers.find([value])] == [17, 18, 19]


def test_a_code_is_good_once_and_for_ten_minutes(clocks: Clocks) -> None:
    given = Codes()
    code, late = given.issue(), given.issue()
    assert code.startswith(codes.PREFIX)
    assert given.redeem(code)
    assert not given.redeem(code)
    assert not given.redeem("once_made-up")
    clocks.steady += codes.LIFETIME_S
    assert not given.redeem(late)


def test_a_bucket_gives_a_burst_and_then_its_rate(clocks: Clocks) -> None:
    buckets = Buckets(rate=2.0, burst=3.0)
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert buckets.take("b") == 0.0
    clocks.steady += 0.5
    assert buckets.take("a") == 0.0
    assert buckets.take("a") == 0.5
    clocks.steady += 1000
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


def test_more_than_a_burst_is_given_when_the_bucket_is_full_and_paid_off_later(
    clocks: Clocks,
) -> None:
    buckets = Buckets(rate=1.0, burst=10.0)
    assert buckets.take("a", 25.0) == 0.0
    assert buckets.take("a") == 16.0
    clocks.steady += 16.0
    assert buckets.take("a") == 0.0


def test_buckets_are_forgotten_the_longest_unused_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fluxapi.security.buckets._MAX_KEYS", 2)
    buckets = Buckets(rate=1e-9, burst=1.0)
    buckets.take("a")
    buckets.take("b")
    buckets.spend("a")
    buckets.take("c")
    assert buckets.wait("a")
    assert not buckets.wait("b")
    assert len(buckets._levels) == 2
