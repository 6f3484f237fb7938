"""The page of past jobs without any to show."""

from __future__ import annotations

from pathlib import Path

import pytest

from fluxapi.errors import HistoryUnavailable
from fluxapi.sessions.past_jobs import PastJobs

from .conftest import Start, start

__all__ = ["start"]

PAGE = {"Accept": "text/html"}


async def test_a_search_without_a_match_offers_to_clear_it(start: Start, tmp_path: Path) -> None:
    service = await start(statedir=tmp_path)
    answer = await service.client.get("/ui/history/jobs?text=%3Cscript%3E", headers=PAGE)
    text = await answer.text()
    assert answer.status == 200, text
    assert 'id="empty"' in text
    assert 'class="button" href="../../ui/history/jobs"' in text
    assert "<script>" not in text.partition("</head>")[2].partition('id="empty"')[0]


async def test_a_history_without_jobs_says_what_will_be_there(start: Start, tmp_path: Path) -> None:
    service = await start(statedir=tmp_path)
    text = await (await service.client.get("/ui/history/jobs", headers=PAGE)).text()
    assert "No jobs have ended yet" in text
    assert "Clear filters" not in text


async def test_a_history_that_cannot_be_read_is_no_error_of_the_page(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: PastJobs) -> None:
        raise HistoryUnavailable("The history cannot be read: disk I/O error.")

    monkeypatch.setattr(PastJobs, "listing", broken)
    service = await start(statedir=tmp_path)
    answer = await service.client.get("/ui/history/jobs", headers=PAGE)
    text = await answer.text()
    assert answer.status == 200, text
    assert "disk I/O error" in text
