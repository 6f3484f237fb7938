"""A real browser (Chromium of this machine) in front of a real service."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.running import Service, flux_instance, service

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if CHROMIUM is None:
        skip = pytest.mark.skip(reason="there is no chromium on PATH: no browser to drive")
        for item in items:
            if "tests/browser" in item.nodeid:
                item.add_marker(skip)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # No longer: Playwright keeps an event loop running, and other tests run their own.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(
    scope="session",
    params=[
        "embedded",
        pytest.param(
            "flux",
            marks=pytest.mark.skipif(
                shutil.which("flux") is None, reason="there is no flux on PATH"
            ),
        ),
    ],
)
def site(request: pytest.FixtureRequest) -> Iterator[Service]:
    """The service in front of each kind of instance."""
    if request.param == "embedded":
        with service("--instance", "embedded") as running:
            yield running
    else:
        with flux_instance(2) as uri, service(FLUX_URI=uri) as running:
            yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without a past; an error in a page fails the test."""
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
