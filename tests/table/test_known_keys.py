"""The job of each Idempotency-Key, as a journal that is read anew shows it."""

from __future__ import annotations

from fluxapi.model.eventlog import Purged, Resync

from .test_table import SENTINEL, keyed, live_table, signer


def test_a_job_that_another_service_has_submitted_for_a_lost_one_holds_its_key() -> None:
    table = live_table(keyed(1), signer=signer())
    table.feed([Resync(), keyed(3), keyed(2), SENTINEL])
    assert table.keys.find("k") == (2, "d")


def test_a_copy_of_a_job_takes_no_key_when_the_journal_is_read_anew() -> None:
    table = live_table(keyed(1), signer=signer())
    table.feed([Resync(), keyed(2), keyed(1), SENTINEL])
    assert table.keys.find("k") == (1, "d")
    assert not table.keys.is_holder(2)
    table.feed([Purged([1]), Resync(), keyed(2), SENTINEL])
    assert table.keys.find("k") == (1, "d")
