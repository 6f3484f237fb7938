"""One job among its peers."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fluxapi.archive.database import connect
from fluxapi.archive.peers import Subject, compare

from .past_jobs import SOURCE, Past, store

BEGIN = 20_000 * 86_400.0


def compared(folder: Path, *, name: str = "train", queue: str = "batch", **times: Any) -> Any:
    job = Subject(
        99 << 24, name, queue, times.get("wait"), times.get("run"), times.get("is_over", True)
    )
    with closing(connect(store(folder), readonly=True)) as database:
        return compare(database, SOURCE.id, job)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store(
        tmp_path,
        *(Past(number << 24, BEGIN + number, wait=30.0, run=100.0) for number in range(1, 31)),
        # The time of a failure says nothing of how long a success takes.
        *(
            Past(number << 24, BEGIN + number, wait=30.0, run=1.0, result="FAILED")
            for number in range(31, 91)
        ),
        Past(99 << 24, BEGIN + 99, wait=9000.0),
    )
    return tmp_path


@pytest.mark.parametrize(
    ("times", "sentences"),
    [
        (
            {"wait": 90.0, "run": 110.0},
            ["Waited 3 times as long as the median of the last 90 jobs"],
        ),
        ({"wait": 31.0, "run": 400.0}, ["Ran 4 times as long as the median of the last 30 jobs"]),
        ({"wait": 1.0, "run": 20.0}, ["Waited less than half of", "Ran less than half of"]),
        ({"wait": 65.0, "run": None, "is_over": False}, ["Has waited 2 times as long as"]),
        ({"wait": 30.0, "run": 20.0, "is_over": False}, []),
        ({"wait": 30.0, "run": 500.0, "is_over": False}, ["Has run 5 times as long as"]),
        ({"wait": None, "run": None}, []),
    ],
)
def test_a_difference_is_a_sentence(
    folder: Path, times: dict[str, Any], sentences: list[str]
) -> None:
    found = compared(folder, **times)
    assert (found["by"], found["value"], found["jobs"]) == ("name", "train", 90)
    assert len(found["sentences"]) == len(sentences)
    for sentence, begin in zip(found["sentences"], sentences, strict=True):
        assert sentence.startswith(begin)
        assert "jobs named train (" in sentence


def test_a_name_with_few_jobs_is_compared_with_its_queue(folder: Path) -> None:
    found = compared(folder, name="other", wait=300.0, run=None)
    assert (found["by"], found["value"]) == ("queue", "batch")
    assert found["sentences"] == [
        "Waited 10 times as long as the median of the last 90 jobs in queue batch (30s)."
    ] or found["sentences"][0].startswith("Has waited 10 times as long as")


def test_a_wait_of_less_than_a_minute_is_not_long(tmp_path: Path) -> None:
    store(tmp_path, *(Past(number << 24, BEGIN + number, wait=0.04) for number in range(1, 31)))
    assert compared(tmp_path, wait=45.0, run=None)["sentences"] == []
    assert "much longer than" in compared(tmp_path, wait=61.0, run=None)["sentences"][0]


def test_short_jobs_of_a_queue_are_no_measure_of_a_run(tmp_path: Path) -> None:
    store(tmp_path, *(Past(number << 24, BEGIN + number, run=1.1) for number in range(1, 31)))
    for is_over in (True, False):
        found = compared(tmp_path, name="other", wait=1.0, run=900.0, is_over=is_over)
        assert (found["by"], found["sentences"]) == ("queue", [])
    named = compared(tmp_path, wait=1.0, run=900.0)
    assert named["sentences"][0].startswith("Ran much longer than")


def test_with_few_peers_nothing_is_said(folder: Path) -> None:
    assert compared(folder, name="other", queue="debug", wait=300.0) == {}
    assert compared(folder, name="", queue="", wait=300.0) == {}
