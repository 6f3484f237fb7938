"""The draft of the form, and the bar below it while somebody types."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.running import Service

from .test_jobs import live
from .test_submit_page import submitted
from .test_submit_tasks import opened
from .waits import wait_until


def test_a_draft_that_comes_back_is_told_and_can_be_left(site: Service, page: Page) -> None:
    opened(site, page)
    expect(page.locator("#origin")).to_be_hidden()
    page.get_by_label("Command", exact=True).fill("echo draft")
    page.goto(f"{site.url}/ui/nodes")
    opened(site, page)
    expect(page.get_by_label("Command", exact=True)).to_have_value("echo draft")
    notice = page.locator("#origin")
    expect(notice).to_contain_text(re.compile("^Draft of .*[0-9]:[0-9]{2}.* restored\\."))
    notice.get_by_role("button", name="Start over").click()
    expect(page.get_by_label("Command", exact=True)).to_have_value("")
    expect(notice).to_contain_text("The form is cleared.")
    page.reload()
    live(page)
    expect(page.locator("#origin")).to_be_hidden()


def test_a_form_that_was_submitted_is_no_draft(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("echo once")
    first = submitted(page)
    page.locator("#done").get_by_role("link", name=first).click()
    live(page)
    page.get_by_role("link", name="Submit job").click()
    live(page)
    expect(page.get_by_label("Command", exact=True)).to_have_value("")
    expect(page.locator("#origin")).to_be_hidden()
    # It is kept among the recent submissions.
    page.locator("#recent > summary").click()
    page.locator("#recent-list .menu-row").first.get_by_role("button").first.click()
    expect(page.get_by_label("Command", exact=True)).to_have_value("echo once")
    # A change after the answer is a draft again.
    second = submitted(page)
    assert second != first
    page.get_by_role("button", name="Submit another").click()
    page.get_by_label("Command", exact=True).fill("echo twice")
    page.goto(f"{site.url}/ui/nodes")
    opened(site, page)
    expect(page.get_by_label("Command", exact=True)).to_have_value("echo twice")


def test_the_bar_says_that_the_numbers_of_many_jobs_are_missing(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("echo {cc}")
    page.get_by_text("One for each number", exact=True).click()
    plan = page.locator("#plan")
    expect(plan).to_have_text("Type the numbers: each gives one job.")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator("#summary")).to_have_text("Not submitted. Fix 1 field: Numbers")
    expect(page.locator("#wrong-cc")).to_have_text("Type the numbers: each gives one job.")
    page.get_by_label("Numbers", exact=True).fill("1-3")
    expect(plan).to_contain_text("Submits 3 jobs")
    page.get_by_text("Copies", exact=True).click()
    page.get_by_label("Number of copies").fill("")
    expect(plan).to_have_text("Type the number of copies.")


def test_the_bar_does_not_cover_the_field_that_has_the_focus(site: Service, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 600})
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    limit = page.get_by_label("Time limit")
    limit.evaluate("it => it.scrollIntoView({ block: 'end' })")
    limit.evaluate("it => it.focus({ preventScroll: true })")
    page.keyboard.type("1h")
    page.get_by_label("Queue", exact=True).evaluate(
        "it => { it.value = 'none'; it.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    page.get_by_label("Nodes", exact=True).evaluate(
        "it => { it.value = '5000'; it.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    expect(page.locator("#findings li").first).to_be_visible()
    wait_until(
        page,
        """() => document.activeElement.getBoundingClientRect().bottom
            <= document.getElementById("answer").getBoundingClientRect().top""",
    )
