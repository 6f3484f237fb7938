"""The pool, the queue and the ids, as pure code."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fluxapi.instance.embedded.constraint import matches
from fluxapi.instance.embedded.ids import IdSource
from fluxapi.instance.embedded.scheduler import Allocated, Pool, Queue
from fluxapi.instance.embedded.shape import Shape


@given(st.lists(st.integers(1, 4), max_size=20))
def test_a_resource_is_never_allocated_twice(sizes: list[int]) -> None:
    pool = Pool(8, 0, "here")
    held: list[Allocated] = []
    for size in sizes:
        taken = pool.alloc(Shape(slots=size))
        if taken is None:
            assert sum(len(one.cores) for one in held) + size > 8
            pool.free(held.pop(0))
        else:
            held.append(taken)
        used = list(itertools.chain.from_iterable(one.cores for one in held))
        assert len(used) == len(set(used))


def test_an_exclusive_job_takes_the_whole_machine() -> None:
    pool = Pool(4, 1, "here")
    shape = Shape(nodes=1, exclusive=True)
    taken = pool.alloc(shape)
    assert taken is not None
    assert (taken.cores, taken.gpus) == ((0, 1, 2, 3), (0,))
    assert pool.alloc(Shape()) is None
    pool.free(taken)
    small = pool.alloc(Shape())
    assert pool.alloc(shape) is None
    assert small is not None
    assert small.summary == "rank0/core0"


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 31))))
def test_the_queue_is_ordered_by_priority_and_then_by_id(jobs: list[tuple[int, int]]) -> None:
    queue = Queue()
    for jobid, priority in jobs:
        queue.put(jobid, priority)
    expected = sorted(dict(jobs).items(), key=lambda job: (-job[1], job[0]))
    assert list(queue) == [jobid for jobid, _ in expected]
    assert queue.head() == (expected[0][0] if expected else None)


def test_ids_grow_faster_than_the_clock() -> None:
    ids = IdSource(epoch=0)
    some = [ids.next() for _ in range(5000)]
    assert some == sorted(set(some))


def test_ids_have_no_generator() -> None:
    ids = IdSource(epoch=0)
    assert all((ids.next() >> 10) & 0x3FFF == 0 for _ in range(3000))


def test_ids_grow_when_the_clock_steps_back() -> None:
    assert IdSource(epoch=4e9, last=1 << 60).next() == (1 << 60) + 1


@pytest.mark.parametrize(
    ("constraint", "holds"),
    [
        (None, True),
        ({"hostlist": ["here"]}, True),
        ({"ranks": ["1-3"]}, False),
        ({"properties": ["fast"]}, False),
        ({"properties": ["^fast"]}, True),
        ({"not": [{"properties": ["fast"]}]}, True),
        ({"or": [{"ranks": ["0"]}, {"properties": ["fast"]}]}, True),
        ({"and": [{"ranks": ["0"]}, {"properties": ["fast"]}]}, False),
    ],
)
def test_constraints(constraint: dict[str, list[object]] | None, holds: bool) -> None:
    assert matches(constraint, "here") is holds
