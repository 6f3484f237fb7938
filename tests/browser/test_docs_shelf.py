"""The list of guides beside a guide."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.running import Service


def test_the_list_of_guides_shows_the_one_that_is_read(site: Service, page: Page) -> None:
    page.set_viewport_size({"width": 1200, "height": 600})
    page.goto(f"{site.url}/docs/errors")
    here = page.locator("#shelf [aria-current]")
    expect(here).to_have_text("Errors")
    expect(here).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") == 0
