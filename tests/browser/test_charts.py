from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.running import Service

from .test_jobs import live, submit


def test_charts_are_drawn_once_they_are_opened(site: Service, page: Page) -> None:
    submit(site)
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(site.url)
    live(page)
    expect(page.locator(".uplot")).to_have_count(0)
    page.get_by_text("Charts", exact=True).click()
    expect(page.locator(".uplot")).to_have_count(4)
    expect(page.get_by_role("img", name=re.compile("cores? in use now"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("[1-9][0-9]* jobs? submitted"))).to_be_visible()
    page.reload()
    expect(page.locator(".uplot")).to_have_count(4)
