"""The times on the page of a job."""

from __future__ import annotations

import pytest

from fluxapi.web import job_times, words

ENGLISH = words.load()["en"]


def test_a_state_lasts_until_the_next_one_and_the_last_one_until_now() -> None:
    steps = job_times.timeline({"t_submit": 10.0, "t_depend": 10.0, "t_run": 12.5}, 20.25, ENGLISH)
    assert [(step["state"], step["lasted"], step["grows"]) for step in steps] == [
        ("NEW", "0s", False),
        ("DEPEND", "2.500s", False),
        ("RUN", "7s", True),
    ]
    assert [step["after"] for step in steps] == ["0s", "0s", "2.500s"]


def test_the_states_are_segments_of_one_bar() -> None:
    steps = job_times.timeline({"t_submit": 10.0, "t_depend": 10.001, "t_run": 12.0}, 20.0, ENGLISH)
    begins = [step["begin"] for step in steps]
    widths = [step["width"] for step in steps]
    assert begins[0] == 0
    assert begins[1:] == pytest.approx([widths[0], widths[0] + widths[1]], abs=0.2)
    assert sum(widths) == pytest.approx(job_times.BAR, abs=0.2)
    # A millisecond can be seen; the others are as long as they lasted.
    assert widths[0] >= 8
    assert widths[2] / widths[1] == pytest.approx(4, rel=0.05)
    assert job_times.bar([0.0, 0.0]) == [(0.0, 0.0), (0.0, 0.0)]


def test_a_running_job_tells_how_much_of_its_time_limit_is_over() -> None:
    record = {"state": "RUN", "t_run": 10.0, "duration": 600.0, "nodelist": "node3"}
    found = job_times.limit(record, 250.9, ENGLISH)
    assert found is not None
    assert (found["ran"], found["limit"], found["where"]) == ("4m", "10m", "node3")
    assert (found["seconds"], found["most"]) == (pytest.approx(240.9), 600.0)
    assert (found["end"], found["end_moment"]) == (610.0, "1970-01-01 00:10:10 UTC")
    ended = job_times.limit({**record, "state": "INACTIVE", "t_cleanup": 15.0}, 900.0, ENGLISH)
    assert ended is not None
    assert (ended["ran"], ended["since"], ended["most"]) == ("5s", None, 0.0)
    assert (ended["end"], ended["end_moment"]) == (None, "")
    assert job_times.limit({"state": "SCHED"}, 900.0, ENGLISH) is None


def test_the_latest_end_of_a_job_moves_with_its_expiration() -> None:
    record = {"state": "RUN", "t_run": 10.0}
    assert job_times.latest_end(record) is None
    assert job_times.latest_end({**record, "duration": 600.0}) == 610.0
    assert job_times.latest_end({**record, "duration": 600.0, "expiration": 700.0}) == 700.0
    assert job_times.latest_end({"state": "CLEANUP", "t_run": 10.0, "duration": 1.0}) is None


def test_an_inactive_job_stays_inactive() -> None:
    (_, last) = job_times.timeline({"t_submit": 10.0, "t_inactive": 12.0}, 20.0, ENGLISH)
    assert (last["state"], last["seconds"], last["grows"]) == ("INACTIVE", 0.0, False)
