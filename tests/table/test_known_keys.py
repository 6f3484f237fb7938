"""The job of each Idempotency-Key, as a journal that is read anew shows it."""

from __future__ import annotations

from fluxapi.model.eventlog import Purged, Resync

from .test_table import SENTINEL, event, keyed, live_table, signer


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


def test_a_job_that_was_purged_while_the_journal_was_lost_holds_its_key() -> None:
    table = live_table(keyed(1), event(1, "validate"), signer=signer())
    table.feed([Resync(is_same=True), SENTINEL])
    assert 1 not in table
    assert table.keys.find("k") == (1, "d")
    # It has run, so it may not run again, whoever has lost it.
    table = live_table(keyed(1), event(1, "clean"), signer=signer())
    table.feed([Resync(), SENTINEL])
    assert table.keys.find("k") == (1, "d")


def test_a_job_that_may_have_been_refused_while_the_journal_was_lost_holds_no_key() -> None:
    table = live_table(keyed(1), signer=signer())
    table.feed([Resync(is_same=True), SENTINEL])
    assert table.keys.find("k") is None


def test_a_listing_that_is_begun_anew_tells_of_the_jobs_that_were_lost_before_it() -> None:
    table = live_table(keyed(1), event(1, "validate"), signer=signer())
    table.feed([Resync()])
    table.feed([Resync(), SENTINEL])
    assert table.keys.find("k") is None
