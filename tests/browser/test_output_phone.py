"""The output of a job in the window of a phone, where it is only a part of the page."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.running import Service

from .sites import page_only, site
from .test_job import script
from .test_output_viewer import ended

__all__ = ["site"]

HEIGHT = 844


def middle(part: Locator) -> float:
    """Return where the middle of a part is, from 0 at the top of the window to 1."""
    box = part.bounding_box()
    assert box is not None
    return (box["y"] + box["height"] / 2) / HEIGHT


@page_only
def test_a_match_is_in_the_middle_of_the_window(site: Service, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": HEIGHT})
    ended(site, page, script(site, "seq 300; echo needle; seq 300"))
    field = page.get_by_label("Find in the output")
    field.fill("needle")
    expect(page.locator(".find [role=status]")).to_have_text("1 of 1")
    current = page.locator("#screen mark.current")
    expect(current).to_be_in_viewport()
    assert 1 / 3 < middle(current) < 2 / 3
    # The reader can go on to the next match.
    expect(field).to_be_in_viewport()


@page_only
def test_the_link_of_a_line_is_in_sight(site: Service, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": HEIGHT})
    ended(site, page, script(site, "seq 300"), "#L150")
    selected = page.locator("#screen .line.selected")
    expect(selected).to_have_text("150")
    assert 1 / 3 < middle(selected) < 2 / 3
    expect(page.locator(".line-link").get_by_role("button", name="Copy link")).to_be_in_viewport()
