from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.running import Service, service

from .sites import page_only, site

__all__ = ["site"]

HOSTILE = '<img src=x onerror="document.title=1">\x1b[31m'


def submit(site: Service, **fields: Any) -> str:
    body = json.dumps({"command": "true", **fields}).encode()
    request = urllib.request.Request(  # noqa: S310 - it is ours
        f"{site.url}/v1/jobs", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        jobid: str = json.load(answer)["id"]
    return jobid


def line(page: Page, jobid: str) -> Any:
    return page.locator(f'tr[data-id="{jobid}"]')


def live(page: Page) -> None:
    expect(page.locator("#state")).to_have_attribute("data-state", "live")


def test_a_job_appears_and_ends_without_a_reload(site: Service, page: Page) -> None:
    page.goto(site.url)
    live(page)
    jobid = submit(site, name="appears")
    expect(line(page, jobid).locator(".status")).to_have_text("COMPLETED")
    expect(line(page, jobid)).to_contain_text("appears")


def field(page: Page) -> Locator:
    """Return the field of the filters."""
    return page.get_by_role("combobox", name="Filter jobs")


def chip(page: Page, key: str) -> Locator:
    """Return a filter that is set."""
    return page.locator(f'.chip[data-key="{key}"] .edit')


@page_only
def test_a_view_is_in_its_address(site: Service, page: Page) -> None:
    here, there = submit(site, name="view-here"), submit(site, name="view-there")
    page.goto(site.url)
    live(page)
    field(page).fill("name:view-here ")
    expect(line(page, here)).to_be_visible()
    expect(line(page, there)).to_have_count(0)
    assert page.url.endswith("?name=view-here")
    page.reload()
    live(page)
    expect(chip(page, "name")).to_have_text("name:view-here")
    expect(line(page, there)).to_have_count(0)


@page_only
def test_counts_are_filters(site: Service, page: Page) -> None:
    failed = submit(site, command="false")
    page.goto(site.url)
    live(page)
    expect(line(page, failed).locator(".status")).to_have_text("FAILED")
    page.get_by_role("button", name=re.compile("^Completed")).click()
    expect(line(page, failed)).to_have_count(0)
    page.get_by_role("button", name=re.compile("^Completed")).click()
    expect(line(page, failed)).to_be_visible()


@page_only
def test_selected_jobs_are_canceled_after_a_question(site: Service, page: Page) -> None:
    jobid = submit(site, command=["sleep", "600"], name="to-cancel")
    page.goto(f"{site.url}/?name=to-cancel&state=ACTIVE")
    live(page)
    line(page, jobid).get_by_role("checkbox").check()
    page.get_by_role("button", name="Cancel 1").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 job will be canceled")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    page.goto(f"{site.url}/?name=to-cancel")
    expect(line(page, jobid).locator(".status")).to_have_text("CANCELED")


def test_texts_of_a_job_are_only_text(site: Service, page: Page) -> None:
    jobid = submit(site, name=HOSTILE)
    page.goto(site.url)
    live(page)
    expect(line(page, jobid)).to_contain_text('<img src=x onerror="document.title=1">')
    expect(page).to_have_title("Jobs · fluxapi")


@page_only
def test_the_keyboard_walks_the_rows(site: Service, page: Page) -> None:
    for _ in range(3):
        submit(site, name="walk")
    page.goto(f"{site.url}/?name=walk")
    live(page)
    expect(page.locator("tbody tr[data-id]").nth(2)).to_be_visible()
    page.locator("tbody tr[data-id] a").first.focus()
    page.keyboard.press("ArrowDown")
    second = page.locator('tr[data-index="1"] a:not(.below)')
    expect(second).to_be_focused()
    page.keyboard.press("Home")
    expect(page.locator('tr[data-index="0"] a:not(.below)')).to_be_focused()


@page_only
def test_columns_are_remembered(site: Service, page: Page) -> None:
    page.goto(site.url)
    page.locator("summary", has_text="View").click()
    page.get_by_label("Urgency").check()
    expect(page.get_by_role("columnheader", name="Urgency")).to_be_visible()
    page.reload()
    expect(page.get_by_role("columnheader", name="Urgency")).to_be_visible()


@page_only
def test_two_tabs_see_the_same(site: Service, context: BrowserContext) -> None:
    tabs = [context.new_page(), context.new_page()]
    for tab in tabs:
        tab.goto(site.url)
        live(tab)
    jobid = submit(site, name="both")
    for tab in tabs:
        expect(line(tab, jobid).locator(".status")).to_have_text("COMPLETED")


@page_only
def test_a_download_holds_the_view(site: Service, page: Page) -> None:
    jobid = submit(site, name="=download")
    page.goto(f"{site.url}/?name==download")
    live(page)
    expect(line(page, jobid)).to_be_visible()
    page.locator("summary", has_text="Download").click()
    with page.expect_download() as caught:
        page.get_by_role("button", name="CSV").click()
    text = caught.value.path().read_text(encoding="utf-8")
    assert jobid in text
    assert "'=download" in text


def test_it_survives_a_restart_of_the_service(context: BrowserContext, tmp_path: Any) -> None:
    page = context.new_page()
    flags = ("--instance", "embedded", "--statedir", str(tmp_path))
    with service(*flags) as first:
        jobid = submit(first, name="before")
        page.goto(first.url)
        live(page)
        field(page).fill("before")
        expect(line(page, jobid).locator(".status")).to_have_text("COMPLETED")
        first.end()
        expect(page.locator("#state")).to_have_attribute("data-state", "cut off")
    port = first.url.rsplit(":", 1)[1]
    with service(*flags, "--port", port) as second:
        live(page)
        later = submit(second, name="before-long")
        expect(line(page, later).locator(".status")).to_have_text("COMPLETED")
        expect(line(page, jobid)).to_be_visible()
        expect(field(page)).to_have_value("before")


@page_only
def test_without_sockets_events_come_over_plain_http(
    site: Service, context: BrowserContext
) -> None:
    context.add_init_script(
        "window.WebSocket = class {"
        " constructor() { setTimeout(() => this.onclose(), 0); }"
        " close() {} }"
    )
    page = context.new_page()
    page.goto(site.url)
    live(page)
    jobid = submit(site, name="over-http")
    expect(line(page, jobid).locator(".status")).to_have_text("COMPLETED")


def test_the_service_is_stopped_after_a_question(context: BrowserContext) -> None:
    page = context.new_page()
    with service("--instance", "embedded") as running:
        page.goto(running.url)
        live(page)
        page.locator("#menu > summary").click()
        page.get_by_role("button", name="Stop the service").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Jobs of an embedded instance end with it")
        dialog.get_by_role("button", name="Stop the service").click()
        assert running.process.wait(30) == 0
    expect(dialog).to_have_count(0)
    expect(page.locator(".notice.bar[data-icon=info]")).to_contain_text("The service was stopped.")
    expect(page.locator("#state")).to_have_attribute("data-state", "cut off")


def test_a_job_that_can_never_start_carries_a_sign(on_flux: Service, page: Page) -> None:
    # The scheduler of Flux looks at a job in its turn: two before it wait for the same cores.
    cores = on_flux.get("/v1/resources")["totals"]["cores"]["total"]
    asked = (cores, cores, 5000)
    runs, good, never = (submit(on_flux, command=["sleep", "60"], num_tasks=it) for it in asked)
    page.goto(on_flux.url)
    live(page)
    note = line(page, never).locator('[data-key="note"]')
    expect(note).to_contain_text("Cannot start: needs 5,000 cores; there")
    expect(note).to_have_attribute("data-icon", "warning")
    expect(line(page, good).locator('[data-icon="warning"]')).to_have_count(0)
    for jobid in (never, good, runs):
        page.request.post(f"{on_flux.url}/v1/jobs/{jobid}/cancel", data={})


def test_queues_have_no_column_where_no_job_is_in_one(site: Service, page: Page) -> None:
    page.goto(site.url)
    live(page)
    expect(page.get_by_role("columnheader", name="Name")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Queue")).to_have_count(0)
    page.locator("#view-menu > summary").click()
    expect(page.locator("#view label").filter(has_text="Queue")).to_have_text("Queue(if any)")


@page_only
def test_the_menu_says_which_columns_have_no_room(site: Service, page: Page) -> None:
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(site.url)
    live(page)
    page.locator("#view-menu > summary").click()
    nodes = page.locator("#view label").filter(has=page.locator('[name="nodelist"]'))
    expect(nodes.locator("input")).to_be_checked()
    expect(nodes).to_have_text("Node list(no room)")
    expect(nodes).to_have_attribute("title", re.compile("no room for this column at this width"))
    status = page.locator("#view label").filter(has=page.locator('[name="status"]'))
    expect(status).to_have_text("Status")
    # The columns of a first visit give way, so that none is out of sight.
    expect(page.get_by_role("columnheader", name="Submitted")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Node list")).to_have_count(0)
    assert page.evaluate("(({scrollWidth, clientWidth}) => scrollWidth <= clientWidth)(frame)")
    # Those that a reader chose stay; a column less leaves the room, and so does a wider window.
    page.locator('#view [name="ncores"]').check()
    expect(page.get_by_role("columnheader", name="Node list")).to_have_count(1)
    expect(nodes).to_have_text("Node list(no room)")
    for name in ("note", "user", "ntasks", "nnodes"):
        page.locator(f'#view [name="{name}"]').uncheck()
    expect(nodes).to_have_text("Node list")
    page.get_by_role("button", name="Reset columns").click()
    expect(nodes).to_have_text("Node list(no room)")
    page.set_viewport_size({"width": 1440, "height": 768})
    expect(nodes).to_have_text("Node list")
    expect(page.get_by_role("columnheader", name="Node list")).to_be_visible()


@page_only
@pytest.mark.parametrize("width", [800, 900, 1000, 1060, 1120, 1160, 1280])
def test_the_same_columns_give_way_before_the_script_has_run(
    site: Service, browser: Browser, width: int
) -> None:
    jobs = [submit(site, name="columns") for _ in range(2)]
    seen = []
    for is_on in (False, True):
        context = browser.new_context(
            java_script_enabled=is_on, viewport={"width": width, "height": 700}
        )
        page = context.new_page()
        page.goto(f"{site.url}/?name=columns")
        if is_on:
            live(page)
            expect(line(page, jobs[0])).to_be_visible()
        heads = page.locator("#jobs thead th[data-key]:visible")
        seen.append([heads.nth(it).get_attribute("data-key") for it in range(heads.count())])
        context.close()
    assert seen[0] == seen[1]
    assert "status" in seen[0]


@page_only
def test_the_link_of_a_view_is_copied(site: Service, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{site.url}/?state=failed")
    live(page)
    page.locator("summary", has_text="View").click()
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{site.url}/?state=failed"


@page_only
def test_a_reader_who_chose_utc_sees_so_over_the_times(site: Service, page: Page) -> None:
    page.goto(site.url)
    head = page.locator('th[data-key="submitted"] button')
    expect(head).to_have_text("Submitted")
    page.evaluate("localStorage.setItem('fluxapi.times', 'utc')")
    page.reload()
    expect(head).to_have_text("Submitted (UTC)")
