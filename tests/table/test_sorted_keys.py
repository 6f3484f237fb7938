from __future__ import annotations

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from fluxapi.table.job_lists import JobLists, ascending, descending
from fluxapi.table.sorted_keys import Gathered, SortedKeys

IDS = st.integers(0, 300)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("gather"), st.sets(IDS, min_size=1)),
        st.tuples(st.just("update"), st.sets(IDS, min_size=1)),
        st.tuples(st.just("remove"), st.sets(IDS, min_size=1)),
        st.tuples(st.just("settle"), st.just(set[int]())),
    )
)


def check(held: SortedKeys[int], expected: set[int], bound: int) -> None:
    ids = sorted(expected)
    assert list(held) == ids
    assert list(reversed(held)) == ids[::-1]
    assert len(held) == len(ids)
    place = bisect_left(ids, bound)
    assert list(held.ascending(bound)) == ids[place:]
    assert list(held.descending(bound)) == ids[:place][::-1]
    assert (bound in held) == (bound in expected)


@given(STEPS, IDS)
def test_keys_are_sorted_however_they_come(steps: list[tuple[str, set[int]]], bound: int) -> None:
    held: SortedKeys[int] = SortedKeys()
    expected: set[int] = set()
    for step, ids in steps:
        new = ids - expected
        if step == "gather" and new:
            held.gather(new)
        elif step == "update":
            held.update(list(new))
            for jobid in new & expected:
                held.add(jobid)
        elif step == "remove":
            for jobid in ids:
                held.discard(jobid)
        elif step == "settle":
            held.settle()
        expected = expected - ids if step == "remove" else expected | ids
        check(held, expected, bound)


def test_gathered_keys_form_few_runs() -> None:
    held: SortedKeys[int] = SortedKeys()
    for number in range(1000):
        held.gather([(number * 7919) % 1000])
    assert len(held._own.runs()) <= 10
    assert (held.settle(), held.settle()) == (1000, 0)
    assert held.is_settled
    assert list(held) == list(range(1000))


@given(STEPS, IDS)
def test_two_lists_share_what_gathers_their_keys(
    steps: list[tuple[str, set[int]]], bound: int
) -> None:
    source: Gathered[int] = Gathered()
    one, other = SortedKeys[int](), SortedKeys[int]()
    one.share(source)
    other.share(source)
    every: set[int] = set()
    expected: set[int] = set()
    settled = False
    for step, ids in steps:
        if step == "gather" and not settled:
            source.add(ids - every)
            expected |= ids - every
            every |= ids
        elif step == "update":
            one.update(list(ids - expected))
            expected |= ids
            new = ids - every
            other.update(list(new))
            every |= ids
        elif step == "remove":
            for jobid in ids:
                one.discard(jobid)
            expected -= ids
        elif step == "settle":
            settled = True
            one.settle()
        check(one, expected, bound)
        check(other, every, bound)
    other.settle()
    check(other, every, bound)


@given(STEPS)
def test_the_jobs_of_a_value(steps: list[tuple[str, set[int]]]) -> None:
    lists = JobLists()
    expected: set[int] = set()
    for step, ids in steps:
        new, there = sorted(ids - expected), ids & expected
        if step in {"gather", "update"} and new:
            lists.add("a", new, more_follow=step == "gather")
            expected |= ids
        elif step == "remove" and there:
            lists.remove("a", there)
            expected -= there
        elif step == "settle":
            for _ in lists.settle():
                pass
        assert list(lists.get("a")) == sorted(expected)
        assert list(lists) == (["a"] if expected else [])
        assert list(ascending(lists.get("a"), 100)) == [it for it in sorted(expected) if it >= 100]
        below = [it for it in sorted(expected, reverse=True) if it < 100]
        assert list(descending(lists.get("a"), 100)) == below


def test_a_value_of_very_many_jobs_in_no_order() -> None:
    lists = JobLists()
    ids = [(number * 7919) % 5000 for number in range(5000)]
    for start in range(0, 5000, 50):
        lists.add("a", ids[start : start + 50], more_follow=True)
    assert list(lists.get("a")) == list(range(5000))
    assert len(list(lists.settle())) == 1
    lists.remove("a", set(range(5000)))
    assert list(lists.settle()) == []
    assert "a" not in lists
