"""Times as Flux reads them, except dates in ISO 8601, which mean what they say."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import datetime, timezone

import pytest

from fluxapi.cli.times import parse_when
from tests.running import clean_environment, needs_flux

NOW = datetime(2026, 11, 27, 15, 30, tzinfo=timezone.utc).timestamp()
"""A Friday."""

ALIKE = {
    "now": "2026-11-27T15:30",
    "-6h": "2026-11-27T09:30",
    "-1d": "2026-11-26T15:30",
    "+90s": "2026-11-27T15:31:30",
    "2 hours ago": "2026-11-27T13:30",
    "an hour ago": "2026-11-27T14:30",
    "2 HOURS AGO": "2026-11-27T13:30",
    "30 min ago": "2026-11-27T15:00",
    "1 week ago": "2026-11-20T15:30",
    "1 month ago": "2026-10-27T15:30",
    "1 year ago": "2025-11-27T15:30",
    "today": "2026-11-27T00:00",
    "yesterday": "2026-11-26T00:00",
    "yesterday 10am": "2026-11-26T10:00",
    "tomorrow": "2026-11-28T00:00",
    "last week": "2026-11-20T00:00",
    "last Monday": "2026-11-23T00:00",
    "8am": "2026-11-27T08:00",
    "3pm": "2026-11-27T15:00",
    "noon": "2026-11-27T12:00",
    "Jan 1": "2027-01-01T15:30",
    "2021-06-21 6am": "2021-06-21T06:00",
    "2026-11-20 10:00": "2026-11-20T10:00",
    "1700000000": "2023-11-14T22:13:20",
    "1700000000.5": "2023-11-14T22:13:20.500000",
}
"""Texts, and what Flux takes them for at :data:`NOW` in UTC."""

ISO = {
    "2026-11-20": "2026-11-20T00:00",
    "2026-11-20T10:00": "2026-11-20T10:00",
    "2026-11-20T10:00:30Z": "2026-11-20T10:00:30",
    "2026-11-20T10:00:00+02:00": "2026-11-20T08:00",
}
"""Flux keeps the time of day of a date alone, and reads the year of the others as 20:26."""


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


@pytest.mark.parametrize(("text", "meant"), [*ALIKE.items(), *ISO.items()])
def test_a_time_is_read(text: str, meant: str) -> None:
    assert parse_when(text, NOW) == seconds(meant)


@pytest.mark.parametrize("text", ["", "hours ago", "2 moons ago", "-2 hours ago", "@5", "\x1b]0"])
def test_other_words_are_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|not a time") as error:
        parse_when(text, NOW)
    assert "\x1b" not in str(error.value)


@needs_flux
def test_flux_reads_the_same() -> None:
    code = """
import json, sys
from datetime import datetime
from flux.util import parse_datetime

now = datetime.fromtimestamp(float(sys.argv[1])).astimezone()
for text in json.loads(sys.argv[2]):
    try:
        print(parse_datetime(text, now=now).timestamp())
    except ValueError:
        print(float(text))
"""
    done = subprocess.run(
        ["flux", "python", "-c", code, str(NOW), json.dumps(list(ALIKE))],
        env=clean_environment(TZ="UTC"),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert list(map(float, done.stdout.split())) == [seconds(meant) for meant in ALIKE.values()]
