"""The one field of the filters: chips, completion, the keyboard."""

from __future__ import annotations

import re
import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.running import Service

from .test_jobs import chip, field, line, live, submit


@pytest.fixture
def name() -> str:
    """Return a name that no job of another test has."""
    return f"filtered{uuid.uuid4().hex[:8]}"


def options(page: Page) -> list[str]:
    return page.get_by_role("option").all_inner_texts()


def test_a_filter_is_written_by_keys_alone(site: Service, page: Page, name: str) -> None:
    bad, good = submit(site, name=name, command="false"), submit(site, name=name)
    page.goto(site.url)
    live(page)
    expect(line(page, bad).locator(".status")).to_have_text("FAILED")
    page.keyboard.press("/")
    expect(field(page)).to_be_focused()
    page.keyboard.type("st")
    expect(page.get_by_role("option", name="state:").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field(page)).to_have_value("state:")
    page.keyboard.type("fai")
    page.keyboard.press("Enter")
    expect(chip(page, "state")).to_have_text("state:failed")
    page.keyboard.type(f"name:{name[:-2]}* ")
    expect(chip(page, "name")).to_have_text(f"name:{name[:-2]}*")
    expect(line(page, bad)).to_be_visible()
    expect(line(page, good)).to_have_count(0)
    assert page.url.endswith(f"?state=failed&name={name[:-2]}*")
    # Backwards: the last filter is written again, then taken away.
    page.keyboard.press("Backspace")
    expect(chip(page, "name")).to_have_count(0)
    expect(field(page)).to_have_value(f"name:{name[:-2]}*")
    page.keyboard.press("Enter")
    expect(chip(page, "name")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("button", name="Remove name")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Delete")
    expect(chip(page, "state")).to_have_count(0)
    expect(line(page, good)).to_be_visible()


def test_enter_closes_the_suggestions(site: Service, page: Page, name: str) -> None:
    bad = submit(site, name=name, command="false")
    page.goto(site.url)
    live(page)
    field(page).click()
    page.keyboard.type(f"name:{name[:-2]}* state:failed")
    expect(page.get_by_role("option", name="state:")).to_have_text("state:failed")
    page.keyboard.press("Enter")
    expect(chip(page, "state")).to_have_text("state:failed")
    expect(page.get_by_role("listbox")).to_be_hidden()
    expect(line(page, bad)).to_be_visible()


def test_values_are_completed_by_what_the_jobs_have(site: Service, page: Page, name: str) -> None:
    for number in range(3):
        submit(site, name=f"{name}-{number}")
    page.goto(site.url)
    live(page)
    expect(page.locator("tbody tr[data-id]").nth(2)).to_be_visible()
    field(page).click()
    expect(page.get_by_role("option", name="name:")).to_be_visible()
    field(page).press_sequentially(f"name:{name}")
    expect(page.get_by_role("option").first).to_have_text(f"name:{name}-*3")
    page.get_by_role("option").first.click()
    expect(chip(page, "name")).to_have_text(f"name:{name}-*")
    expect(page.locator("#count")).to_have_text(re.compile("^3 "))
    expect(field(page)).to_be_focused()


def test_words_are_found_while_they_are_written(site: Service, page: Page, name: str) -> None:
    one, other = submit(site, name=f"{name}-one"), submit(site, name=f"{name}-other")
    page.goto(site.url)
    live(page)
    expect(line(page, other)).to_be_visible()
    field(page).press_sequentially(f"{name} one")
    expect(line(page, other)).to_have_count(0)
    expect(line(page, one)).to_be_visible()
    assert "text=" in page.url
    page.go_back()
    expect(line(page, other)).to_be_visible()


def test_a_filter_that_makes_no_sense_is_told_and_changes_nothing(
    site: Service, page: Page, name: str
) -> None:
    jobid = submit(site, name=name)
    page.goto(site.url)
    live(page)
    field(page).fill("since:soon ")
    expect(page.get_by_text("since:soon is not a time: use 2h")).to_be_visible()
    expect(field(page)).to_have_attribute("aria-invalid", "true")
    expect(line(page, jobid)).to_be_visible()
    assert page.url.rstrip("/") == site.url
    field(page).fill("since:1h ")
    expect(chip(page, "since")).to_have_text("since:1h")
    expect(line(page, jobid)).to_be_visible()
    field(page).fill("until:1h ")
    expect(line(page, jobid)).to_have_count(0)


def test_a_mistyped_filter_is_told_what_may_be_meant(site: Service, page: Page) -> None:
    page.goto(site.url)
    live(page)
    hint = page.locator(".filter-hint")
    field(page).fill("stat:failed")
    expect(hint).to_have_text(
        "There is no filter “stat:”, so it is searched for as text. Did you mean “state:”?"
    )
    field(page).fill("state:failed ")
    expect(hint).to_be_hidden()


def test_clear_takes_all_filters_away(site: Service, page: Page, name: str) -> None:
    jobid = submit(site, name=name)
    page.goto(f"{site.url}/?state=running,failed&name=nosuch*&text=word")
    live(page)
    expect(chip(page, "state")).to_have_text("state:running, failed")
    expect(page.get_by_role("heading", name="No jobs match")).to_be_visible()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator(".chip")).to_have_count(0)
    expect(field(page)).to_have_value("")
    expect(line(page, jobid)).to_be_visible()
    page.go_back()
    expect(chip(page, "name")).to_have_text("name:nosuch*")
    page.get_by_role("button", name="Clear filters").click()
    expect(line(page, jobid)).to_be_visible()


def test_an_address_of_results_is_a_filter_by_state(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/?result=FAILED,TIMEOUT")
    live(page)
    expect(chip(page, "state")).to_have_text("state:failed, timeout")


def test_the_view_of_the_service_is_that_of_the_page(site: Service, page: Page, name: str) -> None:
    ids = {submit(site, name=f"{name}-{number}", command="false") for number in range(3)}
    submit(site, name=f"other-{name}", command="false")
    page.goto(site.url)
    live(page)
    field(page).fill(f"state:failed name:{name}-* since:1h ")
    expect(page.locator("#count")).to_have_text(re.compile("^3 of "))
    query = page.url.partition("?")[2].replace("since=1h", "since=0")
    found = page.request.get(f"{site.url}/v1/jobs?{query}").json()
    assert {job["id"] for job in found["jobs"]} == ids


def test_the_density_of_rows_is_kept(site: Service, page: Page) -> None:
    submit(site)
    page.goto(site.url)
    live(page)
    row = page.locator("tbody tr[data-id]").first
    expect(row).to_have_css("height", "32px")
    page.locator("summary", has_text="View").click()
    page.get_by_text("Compact", exact=True).click()
    expect(row).to_have_css("height", "26px")
    page.reload()
    live(page)
    expect(row).to_have_css("height", "26px")


def test_the_counts_by_state_are_of_the_jobs_that_match_the_other_filters(
    site: Service, page: Page, name: str
) -> None:
    bad, good = submit(site, name=name, command="false"), submit(site, name=name)
    submit(site, name="another")
    page.goto(f"{site.url}/?name={name}&state=failed")
    live(page)
    expect(line(page, bad)).to_be_visible()
    counts = page.get_by_role("group", name="Jobs by state")
    for words in ("All 2", "Pending 0", "Completed 1", "Failed 1"):
        expect(counts.get_by_role("button", name=words, exact=True)).to_be_visible()
    # They follow what comes, and the filters.
    submit(site, name=name, urgency=0)
    expect(counts.get_by_role("button", name="Pending 1", exact=True)).to_be_visible()
    expect(counts.get_by_role("button", name="All 3", exact=True)).to_be_visible()
    counts.get_by_role("button", name="Completed 1", exact=True).click()
    expect(line(page, good)).to_be_visible()
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(counts.get_by_role("button", name="All 3", exact=True)).to_have_count(0)


def test_held_jobs_and_the_time_of_the_end_are_filters(
    site: Service, page: Page, name: str
) -> None:
    held = submit(site, name=name, urgency=0)
    done = submit(site, name=name)
    page.goto(f"{site.url}/?name={name}")
    live(page)
    expect(line(page, done).locator(".status")).to_have_text("COMPLETED")
    field(page).fill("held:")
    page.get_by_role("option").filter(has_text="held:yes").click()
    expect(line(page, held)).to_be_visible()
    expect(line(page, done)).to_have_count(0)
    assert page.url.endswith(f"?name={name}&held=yes")
    page.reload()
    expect(chip(page, "held")).to_have_text("held:yes")
    expect(line(page, held)).to_be_visible()
    page.get_by_role("button", name="Remove held").click()
    field(page).fill("ended:1h ")
    expect(line(page, done)).to_be_visible()
    expect(line(page, held)).to_have_count(0)
    field(page).fill("held:maybe ")
    refused = "held:maybe is neither yes nor no."
    expect(page.get_by_role("status").filter(has_text=refused)).to_be_visible()


def test_a_key_without_a_value_is_told(site: Service, page: Page) -> None:
    page.goto(site.url)
    live(page)
    field(page).fill("group: ")
    said = page.get_by_role("status").filter(has_text="group: has no value yet")
    expect(said).to_have_text("group: has no value yet (its name or ID).")
    assert "text=" not in page.url
