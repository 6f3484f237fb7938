"""Credentials that end while the history is read."""

from __future__ import annotations

from typing import NoReturn

import pytest

from fluxapi.errors import Unauthorized
from fluxapi.http import authentication
from fluxapi.model.jobid import encode_f58
from tests.archive.conftest import archive
from tests.archive.test_archived_service import Client, client
from tests.archive.test_recorder import inactive

__all__ = ["archive", "client"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs?history=1",
        "/v1/jobs/{id}/comparison",
        "/v1/history/figures",
        "/v1/history/instances",
        "/v1/jobs/{id}/jobspec",
        "/v1/jobs/{id}/eventlog",
        "/ui/history/jobs",
    ],
)
async def test_nothing_is_shown_after_the_end_of_the_token(
    client: Client, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> NoReturn:
        raise Unauthorized("The token has ended.")

    monkeypatch.setattr(authentication, "check_again", refuse)
    answer = await client.get(path.format(id=encode_f58(min(inactive()))))
    assert answer.status == 401
