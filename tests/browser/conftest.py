"""A real browser (Chromium of this machine) in front of a real service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.running import Service
from tests.tabs import Tabs, listen_for_errors


@pytest.fixture
def site(on_embedded: Service) -> Service:
    """Return a service for pages that are the same in front of each kind of instance.

    Modules whose pages depend on the instance import the ``site`` of :mod:`.sites`.
    """
    return on_embedded


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Return a new browser context; an error in a page fails the test.

    A test that needs only a page asks for ``page``, which is cheaper.
    """
    context = browser.new_context()
    wrong = listen_for_errors(context)
    yield context
    context.close()
    assert wrong == []


@pytest.fixture
def page(request: pytest.FixtureRequest, tabs: Tabs) -> Iterator[Page]:
    """Return a new page without cookies, storage and permissions; an error in it fails the test.

    It is a page of ``context`` if the test asks for that, and else one of the tabs of the worker.
    """
    if "context" in request.fixturenames:
        context: BrowserContext = request.getfixturevalue("context")
        yield context.new_page()
    else:
        yield tabs.open()
        assert tabs.close() == []


@pytest.fixture
def ending(tabs: Tabs) -> Iterator[Page]:
    """Return a new page of an instance that ends, of which requests may be refused meanwhile."""
    yield tabs.open()
    assert [wrong for wrong in tabs.close() if "status of 503" not in wrong] == []


@pytest.fixture
def unheard(tabs: Tabs) -> Iterator[Page]:
    """Return a new page whose errors are no failure: Chromium logs each refusal as one."""
    yield tabs.open()
    tabs.close()


@pytest.fixture
def still(unheard: Page) -> Page:
    """Return a page without transitions, so that a color has no value between two schemes."""
    unheard.emulate_media(reduced_motion="reduce")
    return unheard
