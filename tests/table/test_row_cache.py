from __future__ import annotations

from fluxapi.table.row_cache import RowCache


def test_rows_that_are_read_stay() -> None:
    rows = RowCache(limit=2)
    for jobid in range(10):
        rows.put(jobid, b"%d" % jobid)
        assert rows.get(0) == b"0"
    assert rows.get(5) is None
    assert rows.get(9) == b"9"


def test_a_row_that_changed_is_dropped_from_both_generations() -> None:
    rows = RowCache(limit=1)
    rows.put(1, b"1")
    rows.put(2, b"2")
    for jobid in (1, 2):
        rows.drop(jobid)
        assert rows.get(jobid) is None


def test_many_rows_are_read_at_once() -> None:
    rows = RowCache()
    rows.put(1, b"1")
    assert rows.get_all([2, 1]) == [None, b"1"]


def test_long_rows_leave_early() -> None:
    rows = RowCache(max_bytes=1000)
    for jobid in range(100):
        rows.put(jobid, b"x" * 300)
    assert sum(rows.get(jobid) is not None for jobid in range(100)) <= 8
    assert rows.get(99) is not None


def test_rows_that_change_count_once() -> None:
    rows = RowCache(max_bytes=1000)
    rows.put(0, b"x")
    for _ in range(100):
        rows.put(1, b"x" * 300)
        rows.drop(1)
        rows.put(1, b"x" * 300)
    assert rows.get_all([0]) == [b"x"]
