"""Views of the table of jobs that a reader saves by name."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.running import Service

from .test_accessibility import violations
from .test_jobs import chip, live


def test_a_view_is_saved_found_again_and_deleted(site: Service, page: Page) -> None:
    page.goto(site.url)
    live(page)
    menu = page.locator("#view-menu")
    menu.locator("summary").click()
    expect(menu.get_by_role("button", name="Save this view…")).to_be_disabled()
    page.goto(f"{site.url}/?state=failed&sort=name")
    live(page)
    menu.locator("summary").click()
    menu.get_by_role("button", name="Save this view…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_have_value("state:failed")
    dialog.get_by_label("Name").fill("My failures <b>")
    dialog.get_by_role("button", name="Save the view").click()
    expect(dialog).to_have_count(0)
    page.goto(f"{site.url}/ui/nodes")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search").fill("my failures")
    page.get_by_role("option", name="My failures <b>").first.click()
    expect(page).to_have_url(re.compile(r"\?state=failed&sort=name$"))
    live(page)
    expect(chip(page, "state")).to_have_text("state:failed")
    menu.locator("summary").click()
    link = menu.get_by_role("link", name="My failures <b>")
    expect(link).to_have_attribute("aria-current", "true")
    # The open menu lies over the choice of the order on a phone.
    assert [it for it in violations(page) if "Sort by" not in it] == []
    menu.get_by_role("button", name="Delete the view My failures <b>").click()
    expect(link).to_have_count(0)
