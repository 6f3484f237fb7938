"""Waiting for what a page comes to hold."""

from __future__ import annotations

from playwright.sync_api import Page


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
