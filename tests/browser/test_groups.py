"""A group of jobs in the table: one row that opens."""

from __future__ import annotations

import re
import uuid
from typing import Literal, cast

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.running import Service

from .test_accessibility import AXE, RUN
from .test_bulk import submit_many
from .test_jobs import live, submit


@pytest.fixture
def name() -> str:
    """Return a name that no job of another test has."""
    return f"sweep{uuid.uuid4().hex}"


def test_a_group_is_one_row_that_opens(site: Service, page: Page, name: str) -> None:
    submit_many(site, 12, command=["sleep", "600"], name=name, urgency=0)
    submit(site, command=["sleep", "600"], name=name, urgency=0)
    page.goto(f"{site.url}/?name={name}")
    live(page)
    expect(page.locator("#count")).to_have_text(re.compile("^13 "))
    rows, head = page.locator("tbody tr[data-id]"), page.locator("tbody tr.head")
    expect(rows).to_have_count(2)
    toggle = head.get_by_role("button", name=f"12 jobs of the group {name}")
    expect(toggle).to_have_attribute("aria-expanded", "false")
    expect(head.get_by_role("img", name="0% ended: 12 pending")).to_be_visible()
    toggle.focus()
    page.keyboard.press("Enter")
    expect(toggle).to_have_attribute("aria-expanded", "true")
    expect(rows).to_have_count(14)
    expect(page.locator("tbody tr.member")).to_have_count(12)
    page.keyboard.press("ArrowDown")
    expect(page.locator("tbody tr.member a").first).to_be_focused()
    head.locator("td[data-key=name]").click()
    expect(rows).to_have_count(2)
    page.locator("summary", has_text="View").click()
    page.get_by_label("One row for each group").uncheck()
    expect(rows).to_have_count(13)
    page.reload()
    live(page)
    expect(rows).to_have_count(13)


def test_the_row_of_a_group_says_why_its_jobs_wait(site: Service, page: Page, name: str) -> None:
    cores = site.get("/v1/resources")["totals"]["cores"]["total"]
    running = submit(site, command=["sleep", "600"], name="runs")
    first = submit(site, num_tasks=cores, command=["true"], name="large")
    submit_many(site, 3, command=["true"], name=name)
    page.goto(f"{site.url}/?name={name}")
    live(page)
    note = page.locator("tbody tr.head .note-text")
    why = f"Waits behind {first}, the first in line; needs 1 core, {cores - 1} free"
    expect(note).to_have_text(f"3 pending. {why}")
    expect(note.get_by_role("link", name=first)).to_have_attribute(
        "href", re.compile(f"/ui/jobs/{first}$")
    )
    page.locator("tbody tr.head input").check()
    page.get_by_role("button", name="Hold 3…").click()
    page.get_by_role("dialog").get_by_role("button", name="Hold 3 jobs").click()
    expect(note).to_have_text("3 pending. Held until it is released")
    expect(note.get_by_role("link")).to_have_count(0)
    group = page.locator("tbody tr.head a.below")
    group.click()
    reasons = page.get_by_role("list", name="Why jobs are pending").get_by_role("listitem")
    expect(reasons).to_have_text(["3 pending: held until it is released"])
    for job in site.get(f"/v1/jobs?name={name}")["jobs"]:
        page.request.post(f"{site.url}/v1/jobs/{job['id']}/urgency", data={"urgency": 16})
    expect(reasons).to_have_text([f"3 pending: w{why[1:]}"])
    expect(reasons.get_by_role("link", name=first)).to_be_visible()
    page.request.post(f"{site.url}/v1/jobs/cancel", data={"ids": [first, running]})


def test_the_jobs_of_a_group_are_told_apart_by_their_numbers(
    site: Service, page: Page, name: str
) -> None:
    job = {"command": ["echo", "{cc}"], "name": name}
    page.request.post(f"{site.url}/v1/jobs/bulk", data={"job": job, "cc": "7-9"})
    page.goto(f"{site.url}/?name={name}")
    live(page)
    names = page.locator("tbody tr.member td[data-key=name]")
    page.locator("tbody tr.head td[data-key=name]").click()
    expect(names).to_have_text([f"{name} #{number}" for number in (9, 8, 7)])
    page.locator("tbody tr.head").get_by_role("link", name="Progress and output").click()
    heads = page.locator("#jobs-output h3 .name")
    expect(heads).to_have_text([f"{name} #{number}" for number in (7, 8, 9)])
    page.locator("#jobs-output h3 a").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"{name} #7")


def test_a_part_of_the_name_of_a_group_leads_to_it(site: Service, page: Page, name: str) -> None:
    submit(site, command="true", group=f"{name}-long")
    page.goto(f"{site.url}/?group={name}")
    live(page)
    expect(page.get_by_role("heading", name="No jobs match")).to_be_visible()
    page.get_by_role("link", name=f"{name}-long").click()
    expect(page).to_have_url(re.compile(rf"/\?group={name}-long$"))
    expect(page.locator("#count")).to_have_text(re.compile("^1 of "))


def test_the_failed_jobs_of_a_group_are_a_view_with_its_name(
    site: Service, page: Page, name: str
) -> None:
    jobid = submit(site, command="false", group=name)
    site.get(f"/v1/jobs/{jobid}/wait")
    page.goto(f"{site.url}/ui/groups/{name}")
    page.locator("#counts [data-status=FAILED] a").click()
    expect(page.locator(".chip[data-key=state]")).to_have_text("state:failed")
    expect(page.locator(".chip[data-key=group]")).to_have_text(f"group:{name}")
    expect(page.locator(f"tr[data-id={jobid}]")).to_be_visible()


def test_all_jobs_of_a_group_are_canceled_by_its_row(site: Service, page: Page, name: str) -> None:
    submit_many(site, 8, command=["sleep", "600"], name=name, urgency=0)
    page.goto(f"{site.url}/?name={name}")
    live(page)
    head = page.locator("tbody tr.head")
    head.get_by_label("Select 8 jobs of the group").check()
    bar = page.get_by_role("group", name="With the selected jobs")
    expect(bar).to_contain_text("8 jobs selected")
    bar.get_by_role("button", name="Cancel 8").click()
    dialog = page.get_by_role("dialog", name="Cancel 8 jobs?")
    dialog.get_by_role("button", name="Cancel").click()
    expect(head).to_contain_text("8 canceled")
    expect(head.get_by_role("img", name="100% ended: 8 canceled")).to_be_visible()


def test_the_view_of_one_group_has_its_jobs(site: Service, page: Page, name: str) -> None:
    for _ in range(3):
        submit(site, command="true", name=f"{name}-job", group=name)
    page.goto(f"{site.url}/?group={name}")
    live(page)
    expect(page.locator("tbody tr[data-id]")).to_have_count(3)
    expect(page.locator("tbody tr.head")).to_have_count(0)
    expect(page.locator("#count")).to_have_text(re.compile("^3 "))


def test_the_page_of_a_group_has_the_output_of_its_jobs(
    site: Service, page: Page, name: str
) -> None:
    script = "seq 30; echo '<b>bold</b>' >&2"
    submit_many(site, 2, command=["sh", "-c", script], name=name)
    page.goto(f"{site.url}/?name={name}")
    live(page)
    head = page.locator("tbody tr.head")
    expect(head).to_contain_text("2 completed")
    head.get_by_role("link", name="Progress and output of the group").click()
    live(page)
    blocks = page.locator("#jobs-output .screen")
    expect(blocks).to_have_count(2)
    expect(blocks.first).to_contain_text("</b>")
    expect(blocks.first.locator(".line")).to_have_count(20)
    expect(blocks.first.locator("[data-stream=stderr]")).to_have_text(["<b>bold</b>"])
    expect(blocks.first).not_to_contain_text(re.compile(r"\b9\b"))
    expect(page.locator("#counts")).to_contain_text("Completed2")
    page.get_by_label("Lines of each job").select_option("all")
    expect(blocks.first).to_contain_text(re.compile(r"\b9\b"))
    page.get_by_label("Stream").select_option("stdout")
    expect(blocks.first).not_to_contain_text("</b>")
    for width, scheme in ((1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")):
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme=cast("Literal['light', 'dark']", scheme))
        page.evaluate(AXE.read_text(encoding="utf-8"))
        assert page.evaluate(RUN) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("#jobs-output h3 a").first.click()
    live(page)
    expect(page.locator("#status")).to_have_text("COMPLETED")


def test_the_page_of_a_group_marks_what_failed(site: Service, page: Page, name: str) -> None:
    submit_many(site, 3, command=["echo", "well"], name=name, group=name)
    submit_many(site, 1, command=["sh", "-c", "echo ill; false"], name=name, group=name)
    page.goto(f"{site.url}/?name={name}")
    live(page)
    expect(page.locator("tbody tr.head")).to_contain_text("1 failure")
    page.get_by_role("link", name="Progress and output of the group").click()
    live(page)
    expect(page.get_by_role("img", name="100% ended: 3 completed, 1 failure")).to_be_visible()
    expect(page.locator("#jobs-output h3 .status")).to_have_text(["FAILED"])
    expect(page.locator("#jobs-output h3 .name")).to_have_text([name] * 4)


def test_the_actions_of_a_group_stand_beside_its_name(site: Service, page: Page, name: str) -> None:
    submit_many(site, 2, command="true", name=name, group=name)
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"{site.url}/ui/groups/{name}")
    live(page)
    for width, beside in ((1440, True), (1280, False)):
        page.set_viewport_size({"width": width, "height": 900})
        title = page.get_by_role("heading", level=1).bounding_box()
        action = page.get_by_role("link", name="Jobs of the group").bounding_box()
        assert title is not None
        assert action is not None
        assert (action["y"] < title["y"] + title["height"]) is beside


def test_a_reader_finds_the_first_failed_job_of_a_sweep_and_the_way_back(
    site: Service, page: Page, name: str
) -> None:
    submit_many(site, 2, command="true", name=name, group=name)
    # Without an active job, the page does not follow the group.
    submit(site, command="true", group=name, urgency=0)
    page.goto(f"{site.url}/ui/groups/{name}")
    live(page)
    link = page.get_by_role("link", name="First failed job")
    expect(link).not_to_be_visible()
    # The page is open while jobs fail.
    first, second = (submit(site, command="false", group=name) for _ in range(2))
    expect(link).to_have_attribute("href", re.compile(f"/ui/jobs/{first}$"))
    page.reload()
    live(page)
    link.click()
    expect(page.locator("#id")).to_have_text(first)
    # It leads on to the next one that failed, and from there back.
    expect(page.locator("#steps")).to_contain_text("Failed job 1 of 2")
    page.get_by_role("link", name="Next failed job").click()
    expect(page.locator("#id")).to_have_text(second)
    page.get_by_role("link", name="Previous failed job").click()
    expect(page.locator("#id")).to_have_text(first)
    for _ in range(3):
        page.go_back()
    page.get_by_role("navigation", name="Path to this group").get_by_role("link").click()
    expect(page).to_have_url(re.compile(r"/(\?.*)?$"))


def test_a_group_without_a_name_is_called_as_its_jobs(site: Service, page: Page, name: str) -> None:
    group = submit_many(site, 2, command="true", name=name)["group"]
    page.goto(f"{site.url}/ui/groups/{group}")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    expect(page.locator(".job-title code")).to_have_text(group)
    expect(page).to_have_title(re.compile(name))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_groups_shut_nobody_out(
    unheard: Page, site: Service, name: str, scheme: Literal["light", "dark"], width: int
) -> None:
    submit_many(site, 3, command="false", name=name)
    page = unheard
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{site.url}/?name={name}")
    live(page)
    expect(page.locator("tbody tr.head")).to_contain_text("3 failures")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    violations = page.evaluate(RUN)
    page.locator("tbody tr.head .toggle").click()
    expect(page.locator("tbody tr.member")).to_have_count(3)
    violations += page.evaluate(RUN)
    assert violations == []


def test_headings_get_the_names_of_jobs_that_could_not_be_read_at_first(
    site: Service, browser: Browser, name: str
) -> None:
    # Chromium reports the failure as an error of the page, so this is a context of its own.
    page = browser.new_page()
    submit(site, command="echo said", name=f"{name}-job", group=name)
    fails = True

    def answer(route: Route) -> None:
        if fails:
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/jobs?group=*", answer)
    page.goto(f"{site.url}/ui/groups/{name}")
    heading = page.locator("#jobs-output h3")
    expect(heading).to_have_count(1)
    expect(heading.locator(".name")).to_have_count(0)
    fails = False
    expect(heading.locator(".name")).to_have_text(f"{name}-job")
    page.close()
