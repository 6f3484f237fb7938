"""The guides: the list beside them, and their tables."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.running import Service


def test_the_list_of_guides_shows_the_one_that_is_read(site: Service, page: Page) -> None:
    page.set_viewport_size({"width": 1200, "height": 600})
    page.goto(f"{site.url}/docs/errors")
    here = page.locator("#shelf [aria-current]")
    expect(here).to_have_text("Errors")
    expect(here).to_be_in_viewport(ratio=1)
    assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize("width", [390, 1024])
@pytest.mark.parametrize("guide", ["cli", "security", "settings"])
def test_no_option_is_broken_in_a_table(site: Service, page: Page, guide: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site.url}/docs/{guide}")
    codes = page.locator(".docs .frame td > code.option")
    expect(codes.first).to_be_visible()
    lines = "(all) => all.map((it) => it.getClientRects().length)"
    assert set(codes.evaluate_all(lines)) == {1}
    assert page.evaluate("document.documentElement.scrollWidth") == width
