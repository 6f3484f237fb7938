"""A real browser (Chromium of this machine) in front of a real service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.running import Service


@pytest.fixture
def site(on_embedded: Service) -> Service:
    """Return a service for pages that are the same in front of each kind of instance.

    Modules whose pages depend on the instance import the ``site`` of :mod:`.sites`.
    """
    return on_embedded


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Return a new browser context; an error in a page fails the test."""
    context = browser.new_context()
    context.set_default_timeout(20_000)
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))

    def hear(said: ConsoleMessage) -> None:
        # A service that is not there is no fault of the page.
        if said.type == "error" and "ERR_CONNECTION" not in said.text:
            wrong.append(said.text)

    context.on("console", hear)
    yield context
    context.close()
    assert wrong == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
