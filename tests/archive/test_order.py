"""Keys of stored jobs: in the order of IDs, and of times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fluxapi.archive.order import MAX_KEY, epoch_of, first_key, key_of

EPOCH_MS = 1_795_795_909_493
IDS = st.integers(0, (1 << 63) - 1)


@given(IDS, IDS)
def test_keys_are_in_the_order_of_ids_given_by_one_rank(first: int, second: int) -> None:
    ids = sorted((jobid >> 24 << 24 | jobid % 1024) for jobid in (first, second))
    keys = [key_of(EPOCH_MS, jobid) for jobid in ids]
    assert keys == sorted(keys)


@given(IDS, st.floats(0, 1e11))
def test_every_key_can_be_stored(jobid: int, time: float) -> None:
    assert 0 <= key_of(epoch_of(jobid, time), jobid) <= MAX_KEY
    assert 0 <= first_key(time) <= MAX_KEY


def test_a_range_of_times_is_a_range_of_keys() -> None:
    jobid = 90_061_000 << 24 | 5 << 10 | 7
    submitted = EPOCH_MS / 1000 + 90_061
    key = key_of(epoch_of(jobid, submitted), jobid)
    assert first_key(submitted) <= key < first_key(submitted + 0.001)
