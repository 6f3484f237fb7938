"""The deliveries that wait for one target, while the clock of the system is set."""

from __future__ import annotations

import time

import pytest

from fluxapi.webhooks.backoff import MAX_AGE_S
from fluxapi.webhooks.lanes import Hook
from fluxapi.webhooks.port import Pending
from fluxapi.webhooks.webhook import Webhook

NOW = 1.8e9
YEAR_S = 365 * 86_400.0


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Hook:
    monkeypatch.setattr("time.time", lambda: NOW)
    name = "0123456789"
    made = Hook(Webhook(id=name, name="w", url="https://example.org", secrets=["s"], created=1.0))
    made.add(Pending(1, name, "f1", "n", 1, due=NOW + 60, created=NOW, size=10))
    return made


@pytest.mark.parametrize("change", [-YEAR_S, YEAR_S])
def test_a_clock_that_is_set_changes_no_wait(
    hook: Hook, monkeypatch: pytest.MonkeyPatch, change: float
) -> None:
    monkeypatch.setattr("time.time", lambda: NOW + change)
    due = hook.next_due()
    assert due is not None
    assert 0 < due - time.monotonic() <= 60
    assert hook.start() is None
    # Nor does a message become too old.
    assert not hook.take_old(time.monotonic() - MAX_AGE_S)


def test_a_clock_that_was_ahead_keeps_no_message_back(hook: Hook) -> None:
    hook.add(Pending(2, hook.id, "f2", "n", 1, due=NOW + YEAR_S, created=NOW + YEAR_S, size=10))
    later = time.monotonic() + MAX_AGE_S + 1.0
    assert max(due for due, _ in hook._waiting) < later
    assert [item.seq for item in hook.take_old(later)] == [1, 2]
