"""The table of the tests, whose jobs are counted anew for each request."""

from __future__ import annotations

import pytest

from fluxapi.job_limits import job_limits
from fluxapi.table.table import Table


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Table:
    monkeypatch.setattr(job_limits, "_UNCOUNTED", 0)
    monkeypatch.setattr(job_limits, "_PAUSE_S", 0.0)
    return Table()
