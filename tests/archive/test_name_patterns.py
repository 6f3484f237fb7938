"""Patterns of names and words of states in queries of stored jobs."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from fluxapi.archive.database import connect
from fluxapi.archive.query import Range, find
from fluxapi.table.query import JobQuery, query_of
from tests.archive.past_jobs import Past, store

NAMES = ("train-a", "train-b", "retrain", "t?[x]", "")


def names(path: Path, query: JobQuery) -> set[str]:
    with closing(connect(path, readonly=True)) as database:
        ids = [job.id >> 24 for job in find(database, query, Range(), limit=999)]
    return {NAMES[number - 1] if number <= len(NAMES) else f"other{number}" for number in ids}


@pytest.mark.parametrize("others", [0, 300])
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*train*", {"train-a", "train-b", "retrain"}),
        ("train*b", {"train-b"}),
        ("*?[*", {"t?[x]"}),
        ("*n", {"retrain"}),
    ],
)
def test_a_star_stands_for_any_characters(
    tmp_path: Path, others: int, pattern: str, expected: set[str]
) -> None:
    past = [Past(number << 24, 10.0, name=name) for number, name in enumerate(NAMES, 1)]
    past += [Past(number << 24, 10.0, name=f"other{number}") for number in range(9, 9 + others)]
    assert names(store(tmp_path, *past), JobQuery(name=pattern)) == expected


def test_a_name_that_is_damaged_hides_no_other_job(tmp_path: Path) -> None:
    others = [Past(number << 24, 10.0, name=f"other{number}") for number in range(9, 309)]
    path = store(tmp_path, Past(1 << 24, 10.0, name="train-a"), *others)
    with closing(connect(path)) as database:
        database.execute("UPDATE jobs SET name = CAST(x'ff' AS TEXT) WHERE id = ?", (others[0].id,))
    assert names(path, JobQuery(name="*train*")) == {"train-a"}


@pytest.mark.parametrize(
    ("states", "results", "expected"),
    [
        (["failed"], None, {"train-a"}),
        (["running", "failed", "timeout"], None, {"train-a", "train-b"}),
        (["failed", "timeout"], ["timeout"], {"train-b"}),
        (["inactive", "failed"], ["canceled"], set()),
        (["inactive"], None, {"train-a", "train-b", "retrain"}),
        (["running"], None, set()),
    ],
)
def test_a_result_is_a_word_for_a_state(
    tmp_path: Path, states: list[str], results: list[str] | None, expected: set[str]
) -> None:
    path = store(
        tmp_path,
        Past(1 << 24, 10.0, name="train-a", result="FAILED"),
        Past(2 << 24, 20.0, name="train-b", result="TIMEOUT"),
        Past(3 << 24, 30.0, name="retrain"),
    )
    fields = {"state": states, **({"result": results} if results else {})}
    assert names(path, query_of(fields)) == expected
