"""The comparison of the figures of two revisions."""

from __future__ import annotations

from typing import Any

import pytest

from bench.compare import Change, changes, render


def figure(name: str, ratio: float, baseline: str = "the bound", **more: Any) -> dict[str, Any]:
    return {"name": name, "ratio": ratio, "baseline": baseline, "at_most": False, **more}


@pytest.mark.parametrize(
    ("now", "at_most", "verdict"),
    [
        ((1.2, 1.3), False, "better"),
        ((1.2, 1.3), True, "worse"),
        ((0.7, 0.8), False, "worse"),
        ((0.7, 0.8), True, "better"),
        ((0.7, 1.3), False, "within noise"),
        ((1.101, 1.11), False, "within noise"),
    ],
)
def test_a_figure_moves_if_its_ranges_do_not_overlap(
    now: tuple[float, ...], verdict: str, *, at_most: bool
) -> None:
    assert Change("x", (0.9, 1.1, 1.1), now, at_most).verdict == verdict


def test_measures_are_paired_by_their_names_without_numbers() -> None:
    before = [[figure("p50: above 1.67 ms", 1.0), figure("the same", 2.0), figure("gone", 9.0)]]
    now = [
        [figure("p50: above 2.5 ms", 1.5), figure("the same", 3.0), figure("new", 1.0)],
        [figure("p50: above 3 ms", 1.7), figure("the same", 3.5)],
    ]
    found = changes(before, now)
    assert found == [
        Change("p50: above 2.5 ms", (1.0,), (1.5, 1.7), at_most=False),
        Change("the same", (2.0,), (3.0, 3.5), at_most=False),
    ]


def test_a_name_that_comes_twice_is_paired_in_order() -> None:
    both = [[figure("the same", 1.0), figure("the same", 2.0)]]
    assert [change.before for change in changes(both, both)] == [(1.0,), (2.0,)]


def test_the_table_tells_medians_and_ranges() -> None:
    table = render([Change("rate", (1.0, 1.1, 1.2), (2.0, 2.2, 2.4), at_most=False)], "abc1234")
    assert table.splitlines()[0].startswith("| measure | ratio at abc1234 |")
    assert table.splitlines()[2] == ("| rate | 1.1 (1 to 1.2) | 2.2 (2 to 2.4) | +100% | better |")
