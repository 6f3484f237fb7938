"""The table of jobs on a phone: what matters is in sight, everything can be reached by a thumb."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import Service

from .test_jobs import chip, field, line, live, submit

WIDTH, HEIGHT = 390, 844


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def test_id_name_and_status_are_in_sight(site: Service, phone: Page) -> None:
    jobid = submit(site, name="on-a-phone")
    phone.goto(f"{site.url}/?name=on-a-phone")
    live(phone)
    status = line(phone, jobid).locator(".status")
    expect(status).to_have_text("COMPLETED")
    for part in (line(phone, jobid).get_by_role("link"), status):
        box = part.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= WIDTH
    assert phone.evaluate("document.documentElement.scrollWidth") <= WIDTH
    assert phone.evaluate("innerWidth") == WIDTH


def test_a_job_is_canceled_by_thumb(site: Service, phone: Page) -> None:
    jobid = submit(site, command=["sleep", "600"], name="by-thumb", urgency=0)
    phone.goto(f"{site.url}/?name=by-thumb")
    live(phone)
    line(phone, jobid).get_by_role("checkbox").tap()
    phone.get_by_role("button", name="Cancel 1").tap()
    dialog = phone.get_by_role("dialog")
    box = dialog.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= WIDTH
    dialog.get_by_role("button", name="Cancel").tap()
    expect(dialog).to_have_count(0)
    expect(line(phone, jobid).locator(".status")).to_have_text("CANCELED")


def test_the_menus_stay_on_the_screen(site: Service, phone: Page) -> None:
    phone.goto(site.url)
    live(phone)
    for name in ("View", "Download", "Menu"):
        phone.locator("summary", has_text=name).tap()
        box = phone.locator("details.menu[open] > div").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= WIDTH
        phone.keyboard.press("Escape")
        expect(phone.locator("details.menu[open]")).to_have_count(0)


def test_filters_are_chosen_by_thumb(site: Service, phone: Page) -> None:
    jobid = submit(site, name="by-a-finger")
    phone.goto(f"{site.url}/?name=by-a-finger")
    live(phone)
    field(phone).tap()
    phone.get_by_role("option", name="state:").tap()
    phone.get_by_role("option", name="state: failed").tap()
    expect(chip(phone, "state")).to_have_text("state:failed")
    expect(line(phone, jobid)).to_have_count(0)
    assert phone.evaluate("document.documentElement.scrollWidth") <= WIDTH
    phone.get_by_role("button", name="Remove state").tap()
    expect(line(phone, jobid)).to_be_visible()
    phone.get_by_role("button", name="Clear", exact=True).tap()
    expect(phone.locator(".chip")).to_have_count(0)
