"""The service in front of each kind of instance, for the pages that depend on it."""

from __future__ import annotations

import pytest

from tests.running import Service, needs_flux

__all__ = ["page_only", "site"]


@pytest.fixture(params=["on_embedded", pytest.param("on_flux", marks=needs_flux)])
def site(request: pytest.FixtureRequest) -> Service:
    running: Service = request.getfixturevalue(request.param)
    return running


page_only = pytest.mark.parametrize("site", ["on_embedded"], indirect=True)
"""Try what the page makes of an answer that is the same with each instance, with one of them."""
