"""Actions on many jobs at once: the messages before, during and after them."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any, cast

from playwright.sync_api import Locator, Page, Request, Route, expect

from tests.running import Service

from .sites import page_only, site
from .test_jobs import field, line, live, submit

__all__ = ["site"]


def open_view(page: Page, site: Service, name: str, count: int) -> Locator:
    """Select all jobs of a name, and return the bar of actions."""
    page.goto(f"{site.url}/?name={name}")
    live(page)
    expect(page.locator("#count")).to_have_text(re.compile(rf"^{count} "))
    # Each job has a row of its own.
    page.locator("summary", has_text="View").click()
    page.get_by_label("One row for each group").uncheck()
    page.keyboard.press("Escape")
    page.get_by_label("Select all rows of this view").check()
    bar = page.get_by_role("group", name="With the selected jobs")
    expect(bar).to_contain_text(f"{count} job")
    return bar


def submit_many(site: Service, copies: int, **fields: Any) -> dict[str, Any]:
    """Submit *copies* of a job; return the answer."""
    body = json.dumps({"job": fields, "copies": copies}).encode()
    request = urllib.request.Request(  # noqa: S310 - it is ours
        f"{site.url}/v1/jobs/bulk", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return cast("dict[str, Any]", json.load(answer))


def test_cancel_says_what_will_happen_and_does_it(site: Service, page: Page) -> None:
    name = "bulk-cancel"
    submit_many(site, 30, command=["sleep", "600"], name=name, urgency=0)
    submit(site, name=name)
    page.goto(f"{site.url}/?name={name}&result=COMPLETED")
    live(page)
    expect(page.locator("tbody tr[data-id]")).to_have_count(1)
    bar = open_view(page, site, name, 31)
    bar.get_by_role("button", name="Cancel 30").click()
    dialog = page.get_by_role("dialog", name="Cancel 30 jobs?")
    expect(dialog).to_contain_text("30 jobs will be canceled: 30 pending.")
    expect(dialog).to_contain_text("Pending jobs will not start. This cannot be undone.")
    expect(dialog).not_to_contain_text(re.compile("running", re.IGNORECASE))
    names = dialog.get_by_role("listitem")
    expect(names).to_have_count(11)
    expect(names.first).to_have_text(re.compile(rf"^{name} f\w+$"))
    expect(names.last).to_have_text("and 20 more")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    dialog.get_by_label("Reason").fill("no longer needed")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert sum(url.endswith("/v1/jobs/cancel") for url in asked) == 1
    expect(page.locator("tbody .status[data-status=CANCELED]")).to_have_count(30)
    expect(page.locator("tbody tr[data-id]").nth(1)).to_contain_text("no longer needed")
    expect(page.get_by_text("30 jobs canceled")).to_be_visible()
    expect(bar).to_be_hidden()
    expect(page.locator("tbody tr.selected")).to_have_count(0)


@page_only
def test_ended_jobs_cannot_be_canceled(site: Service, page: Page) -> None:
    submit_many(site, 2, command=["true"], name="bulk-ended")
    bar = open_view(page, site, "bulk-ended", 2)
    expect(page.locator("tbody .status[data-status=COMPLETED]")).to_have_count(2)
    expect(bar).to_contain_text("2 jobs selected. All have ended: there is nothing to change.")
    expect(bar.get_by_role("button")).to_have_text(["Compare", "Select none"])


def test_hold_release_and_urgency(site: Service, page: Page) -> None:
    name = "bulk-hold"
    submit_many(site, 3, command=["sleep", "600"], name=name, urgency=0, num_tasks=1)
    bar = open_view(page, site, name, 3)
    expect(bar.get_by_role("button", name=re.compile("^Hold"))).to_be_disabled()
    bar.get_by_role("button", name="Urgency 3").click()
    dialog = page.get_by_role("dialog")
    field = dialog.get_by_label("Urgency, 0 to 31")
    field.fill("99")
    dialog.get_by_role("button", name="Urgency").click()
    assert not field.evaluate("(it) => it.validity.valid")
    field.fill("0")
    dialog.get_by_role("button", name="Urgency").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("Held until it is released")).to_have_count(3)
    bar.get_by_role("button", name="Release 3").click()
    expect(dialog).to_contain_text("3 jobs will be released: 3 pending.")
    dialog.get_by_role("button", name="Release").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_text("Held until it is released")).to_have_count(0)
    bar.get_by_role("button", name="Cancel 3").click()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)


def test_a_signal_is_chosen(site: Service, page: Page) -> None:
    jobid = submit(site, command=["sleep", "600"], name="bulk-signal")
    bar = open_view(page, site, "bulk-signal", 1)
    expect(line(page, jobid).locator(".status")).to_have_text("RUN")
    bar.get_by_role("button", name="Signal 1").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Signal").select_option("SIGKILL")
    dialog.get_by_role("button", name="Signal").click()
    expect(dialog).to_have_count(0)
    expect(line(page, jobid).locator(".status")).to_have_text("FAILED")


@page_only
def test_failures_are_listed_job_by_job(site: Service, page: Page) -> None:
    first = submit(site, command=["sleep", "600"], name="bulk-fails", urgency=0)
    second = submit(site, command=["sleep", "600"], name="bulk-fails", urgency=0)
    bar = open_view(page, site, "bulk-fails", 2)

    def refuse(route: Route) -> None:
        wrong = {"id": first, "error": {"detail": "<b>Not this one.</b>"}}
        body = {"requested": 1, "failed": 1, "errors": [wrong], "Message": ""}
        route.fulfill(status=202, content_type="application/json", body=json.dumps(body))

    page.route("**/v1/jobs/cancel", refuse)
    bar.get_by_role("button", name="Cancel 2").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_contain_text("1 of 2 done, 1 failed.")
    failures = dialog.get_by_role("list", name="Failures").get_by_role("listitem")
    expect(failures).to_have_text([f"{first}: <b>Not this one.</b>"])
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    page.unroute("**/v1/jobs/cancel")
    bar.get_by_role("button", name="Cancel 2").click()
    dialog.get_by_role("button", name="Cancel").click()
    for jobid in (first, second):
        expect(line(page, jobid).locator(".status")).to_have_text("CANCELED")


@page_only
def test_it_can_be_stopped_in_between(site: Service, page: Page) -> None:
    submit_many(site, 20, command=["sleep", "600"], name="bulk-stop", urgency=0)
    bar = open_view(page, site, "bulk-stop", 20)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    asked: list[str] = []

    def all_at_once(request: Request) -> bool:
        asked.extend([request.url] if request.url.endswith("/urgency") else [])
        return len(asked) == 6

    page.route("**/urgency", hold)
    bar.get_by_role("button", name="Release 20").click()
    dialog = page.get_by_role("dialog")
    with page.expect_event("request", all_at_once):
        dialog.get_by_role("button", name="Release").click()
    dialog.get_by_role("button", name="Stop").click()
    for route in held:
        route.fulfill(status=202, content_type="application/json", body="{}")
    expect(dialog).to_contain_text(re.compile("6 of 20 done, 0 failed. Stopped: 14 were not"))
    dialog.get_by_role("button", name="Close").click()


@page_only
def test_selected_jobs_that_are_filtered_out_are_counted(site: Service, page: Page) -> None:
    for name in ("away-one", "away-two"):
        submit(site, name=name)
    page.goto(f"{site.url}/?name=away-*")
    live(page)
    expect(page.locator("tbody tr[data-id]")).to_have_count(2)
    page.get_by_label("Select all rows of this view").check()
    field(page).fill("name:away-one ")
    bar = page.get_by_role("group", name="With the selected jobs")
    expect(bar).to_contain_text("2 jobs selected, 1 of them not in this view")
    bar.get_by_role("button", name="Select none").click()
    expect(bar).to_be_hidden()


@page_only
def test_the_box_above_the_rows_is_not_checked_for_jobs_of_another_view(
    site: Service, page: Page
) -> None:
    for name in ("apart-one", "apart-two", "other-one"):
        submit(site, name=name)
    page.goto(f"{site.url}/?name=apart-*")
    live(page)
    everything = page.get_by_label("Select all rows of this view")
    everything.check()
    expect(page.get_by_role("group", name="With the selected jobs")).to_contain_text("2 jobs")
    expect(everything).to_be_checked()
    field(page).fill("name:other-one ")
    expect(page.locator("tbody tr[data-id]")).to_have_count(1)
    expect(everything).not_to_be_checked()
    expect(everything).to_have_js_property("indeterminate", True)
