"""Credentials in a browser: HTTP Basic as it keeps them, their end in the middle, none at all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, expect

from tests.running import Service, service

from .test_jobs import live

USER, TOKEN = "ada", "not-so-secret-token"
FLAGS = ("--instance", "embedded", "--require-auth")


@pytest.fixture
def guarded() -> Iterator[Service]:
    with service(*FLAGS, FLUX_USER=USER, FLUX_TOKEN=TOKEN) as running:
        yield running


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    """Return a context in which a 401, which these tests are about, is no failure."""
    context = browser.new_context()
    context.set_default_timeout(20_000)
    wrong: list[str] = []
    context.on("weberror", lambda error: wrong.append(str(error.error)))

    def hear(said: ConsoleMessage) -> None:
        expected = "ERR_CONNECTION" in said.text or "401" in said.text
        if said.type == "error" and not expected:
            wrong.append(said.text)

    context.on("console", hear)
    yield context
    context.close()
    assert wrong == []


def enter(page: Page, site: Service, path: str = "/") -> None:
    """Open a page as with a name and token typed into the browser's own question."""
    page.goto(site.url.replace("://", f"://{USER}:{TOKEN}@").rstrip("/") + path)


def test_with_basic_auth_the_page_is_live_and_logs_out(
    guarded: Service, visitor: BrowserContext
) -> None:
    page = visitor.new_page()
    enter(page, guarded)
    live(page)
    page.get_by_text("Service", exact=True).click()
    page.get_by_role("link", name=f"Log out {USER}").click()
    expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()
    # The browser has nothing to send any more, and nobody is there to answer its question.
    with pytest.raises(Error, match="ERR_INVALID_AUTH_CREDENTIALS"):
        page.goto(guarded.url)


def test_without_auth_nobody_is_logged_out(site: Service, page: Page) -> None:
    page.goto(site.url)
    live(page)
    page.get_by_text("Service", exact=True).click()
    expect(page.get_by_role("button", name="Stop the service")).to_be_visible()
    expect(page.get_by_text("Log out")).to_have_count(0)


def test_credentials_that_end_are_asked_for_and_nothing_typed_is_lost(
    visitor: BrowserContext,
) -> None:
    page = visitor.new_page()
    with service(*FLAGS, FLUX_USER=USER, FLUX_TOKEN=TOKEN) as first:
        enter(page, first)
        live(page)
        page.get_by_label("Find in id, name").fill("typed before")
        first.end()
        expect(page.locator("#state")).to_have_attribute("data-state", "cut off")
    port = first.url.rstrip("/").rsplit(":", 1)[1]
    with service(*FLAGS, "--port", port, FLUX_USER=USER, FLUX_TOKEN="another-token"):
        expect(page.locator("#state")).to_have_attribute("data-state", "logged out")
        page.get_by_role("button", name="Log in").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_label("User")).to_have_value(USER)
        dialog.get_by_label("Token").fill("wrong")
        dialog.get_by_role("button", name="Log in").click()
        expect(dialog).to_contain_text("The user name or the token is wrong.")
        dialog.get_by_label("Token").fill("another-token")
        dialog.get_by_role("button", name="Log in").click()
        expect(dialog).to_have_count(0)
        live(page)
        expect(page.get_by_label("Find in id, name")).to_have_value("typed before")


def test_events_come_over_plain_http_with_credentials_too(
    guarded: Service, visitor: BrowserContext
) -> None:
    block_sockets(visitor)
    page = visitor.new_page()
    enter(page, guarded)
    live(page)


def block_sockets(context: BrowserContext) -> None:
    context.add_init_script(
        "window.WebSocket = class {"
        " constructor() { setTimeout(() => this.onclose(), 0); }"
        " close() {} }"
    )
