"""Tabs of one browser context, for all tests of a worker that need only a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

_TIMEOUT_MS = 20_000

_NOT_THERE = ("ERR_CONNECTION", "Connection closed before receiving a handshake response")
"""Texts that Chromium logs if a service is not there, or stops during a WebSocket handshake."""

_KEPT_URL = "http://127.0.0.1/"
"""An address of the site of all services under test: a site does not depend on the port."""


def listen_for_errors(context: BrowserContext) -> list[str]:
    """Return the list that holds the errors of all pages of *context* from now on."""
    wrong: list[str] = []
    context.set_default_timeout(_TIMEOUT_MS)
    context.on("weberror", lambda error: wrong.append(str(error.error)))

    def hear(said: ConsoleMessage) -> None:
        # A service that is not there is no fault of the page.
        if said.type == "error" and not any(text in said.text for text in _NOT_THERE):
            wrong.append(said.text)

    context.on("console", hear)
    return wrong


class Tabs:
    """The tabs of one browser context, whose one renderer outlives the tests.

    A context of its own costs a test some 0.08 s of CPU time: the start of a renderer, which
    compiles all scripts again. A page that is left open keeps the renderer here, and each tab is
    opened by it: Chromium starts a renderer for one that Playwright opens.
    """

    def __init__(self, browser: Browser) -> None:
        self.context = browser.new_context()
        self._wrong = listen_for_errors(self.context)
        self._kept = self.context.new_page()
        self._kept.route(_KEPT_URL, lambda route: route.fulfill(body="kept"))
        self._kept.goto(_KEPT_URL)
        self._storage = self.context.new_cdp_session(self._kept)
        self._origins: set[str] = set()
        self.context.on("page", self._watch)
        # Neither ends before its context does.
        for owner, name in ((self.context, "add_init_script"), (self.context.clock, "install")):
            setattr(owner, name, _refuse)

    def open(self) -> Page:
        """Return a new tab."""
        with self.context.expect_page() as opened:
            self._kept.evaluate("() => { open('about:blank'); }")
        return opened.value

    def close(self) -> list[str]:
        """Close all tabs, remove what they have stored, and return the errors in them."""
        for page in self.context.pages:
            if page != self._kept:
                page.close()
        self.context.clear_cookies()
        self.context.clear_permissions()
        for origin in self._origins:
            self._storage.send(
                "Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"}
            )
        self._origins.clear()
        wrong = self._wrong.copy()
        self._wrong.clear()
        return wrong

    def _watch(self, page: Page) -> None:
        page.on("framenavigated", lambda frame: self._note(frame.url))

    def _note(self, url: str) -> None:
        if url.startswith("http"):
            self._origins.add("/".join(url.split("/")[:3]))


def _refuse(*_args: object, **_options: object) -> NoReturn:
    raise AssertionError("the tabs are shared: ask for `context` beside `page`")
