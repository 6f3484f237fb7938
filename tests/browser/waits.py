"""Waiting for what a page comes to hold, and letting it wait."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route


def wait_until(page: Page, predicate: str, arg: object = None) -> None:
    """Wait until ``predicate``, a JavaScript function of ``arg``, returns true in the page.

    ``Page.wait_for_function`` evaluates its text at each look, and the content security policy of
    the pages forbids all looks but the first.
    """
    page.evaluate(
        f"""(arg) => new Promise((done) => {{
            const look = () => (({predicate})(arg) ? done() : requestAnimationFrame(look));
            look();
        }})""",
        arg,
    )


class Held:
    """Requests of a page for an address, which wait until the test lets the first one go."""

    def __init__(self, page: Page, address: str | re.Pattern[str]) -> None:
        """Hold the requests of ``page`` for ``address`` from now on."""
        self._page = page
        self._routes: list[Route] = []
        page.route(address, self._keep)
        if page.url != "about:blank":
            self._until_effective()

    def _until_effective(self) -> None:
        """Wait until Chromium holds requests: it lets some pass for a moment after the call."""
        caught: list[Route] = []

        def catch(route: Route) -> None:
            caught.append(route)
            route.fulfill(status=204)

        self._page.route("**/health", catch)
        while not caught:
            self._page.evaluate("async () => void (await fetch(new URL('/health', location)))")
        self._page.unroute("**/health", catch)

    def _keep(self, route: Route) -> None:
        self._routes.append(route)

    def release(self) -> None:
        """Let the first request go, once the page has made it."""
        while not self._routes:
            self._page.evaluate("0")  # Events come with the answers to calls.
        self._routes[0].continue_()
