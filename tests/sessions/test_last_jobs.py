"""The end of an instance whose running jobs are canceled first."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from fluxapi.errors import FluxapiError
from fluxapi.sessions.last_jobs import store_last_jobs


class Canceler:
    """An instance that refuses to cancel its jobs."""

    def __init__(self) -> None:
        self.asked = 0

    async def cancel_running(self) -> None:
        self.asked += 1
        raise FluxapiError("Only the owner can do this.")


@pytest.mark.parametrize("whole", [True, False])
async def test_a_refusal_is_logged_and_the_end_goes_on(
    whole: bool, caplog: pytest.LogCaptureFixture
) -> None:
    instance = Canceler()
    journal: Any = SimpleNamespace(instance=instance, lost_since=1.0)
    history: Any = None
    await store_last_jobs(history, journal, lambda: 1.0, whole=whole)
    assert instance.asked == int(whole)
    assert ("Only the owner can do this." in caplog.text) is whole
