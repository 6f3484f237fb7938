"""The page that a person sees for an invalid address."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import Service

from .test_jobs import field, line, live, submit


@pytest.fixture
def page(browser: Browser) -> Page:
    """Return a page on which a refusal, which the browser logs as an error, is no failure."""
    page = browser.new_page()
    page.set_default_timeout(20_000)
    return page


def test_a_state_that_is_none_is_refused_visibly(site: Service, page: Page) -> None:
    jobid = submit(site, name="seen")
    page.goto(f"{site.url}/?state=NOSUCH")
    live(page)
    alert = page.get_by_role("alert").filter(has_text="state:NOSUCH is not a state.")
    expect(alert).to_be_visible()
    expect(line(page, jobid)).to_be_visible()
    field(page).fill("state:inactive ")
    expect(alert).to_be_hidden()
    page.go_back()
    expect(alert).to_be_visible()
    page.goto(f"{site.url}/?sort=nosuch")
    expect(page.get_by_text("There is no column nosuch to sort by.")).to_be_visible()


@pytest.mark.parametrize("path", ["/ui/nosuch", "/ui/nodes?state=nosuch"])
def test_an_error_is_a_page(site: Service, page: Page, path: str) -> None:
    page.goto(f"{site.url}{path}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.get_by_role("link", name="All jobs").click()
    live(page)


def test_an_unknown_guide_leads_to_the_others(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/docs/nosuch")
    page.get_by_role("link", name="All guides").click()
    expect(page).to_have_url(f"{site.url.rstrip('/')}/docs")


def test_a_part_of_a_name_and_words_in_any_order_are_found(site: Service, page: Page) -> None:
    jobid = submit(site, name="finder-one", command=["sh", "-c", "exit 3"])
    other = submit(site, name="finder-two")
    page.goto(site.url)
    live(page)
    expect(line(page, jobid)).to_contain_text("Exit code 3")
    field(page).fill("name:INDER-O ")
    expect(line(page, jobid)).to_be_visible()
    expect(line(page, other)).to_have_count(0)
    page.get_by_role("button", name="Remove name").click()
    find = field(page)
    for text in ("code finder 3", f" {jobid.replace('f', 'ƒ', 1)} "):
        find.fill(text)
        expect(line(page, other)).to_have_count(0)
        expect(line(page, jobid)).to_be_visible()
        find.fill("")
        expect(line(page, other)).to_be_visible()
