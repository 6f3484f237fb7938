"""People log in below a path and out again, and the cookie belongs to the path that is known."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.tabs import Tabs

from .conftest import TOKEN, USER
from .programs import Door

pytestmark = pytest.mark.slow


@pytest.fixture
def page(tabs: Tabs) -> Iterator[Page]:
    """Return a new page without cookies, whose errors fail no test: Chromium logs refusals."""
    page = tabs.open()
    page.set_default_timeout(60_000)
    yield page
    tabs.close()


def test_a_login_leads_back_and_out_again(page: Page, guarded_door: Door) -> None:
    door = guarded_door
    page.goto(f"{door.url}/ui/nodes?text=node")
    page.get_by_label("User").fill(USER)
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(f"{door.url}/ui/nodes?text=node")
    expect(page.locator("#state")).to_have_attribute("data-state", "live")
    (cookie,) = page.context.cookies()
    # Open OnDemand gives a cookie the path of the node, whether the service knows it or not.
    knows = door.tells_prefix or "/rnode/" in door.url
    assert (cookie.get("path") or "").rstrip("/") == (door.prefix if knows else "")
    page.locator("#menu > summary").click()
    page.get_by_role("button", name=re.compile("Log out")).click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert page.url.startswith(f"{door.url}/")
    page.goto(f"{door.url}/")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
