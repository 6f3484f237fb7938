"""Failed jobs of a group are resubmitted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.running import Service

from .sites import page_only, site
from .test_bulk import open_view, submit_many
from .test_group_tasks import failing, jobs_of, see, until_ended
from .test_jobs import live, submit
from .test_notify import HELD, ask, cancel, granted, name, release

__all__ = ["granted", "name", "site"]


def test_the_failed_jobs_of_a_group_are_resubmitted_together(
    site: Service, page: Page, name: str, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    submit(site, command="true", name="well", group=name)
    submit_many(site, 12, **failing(flag, name="short"), group=name)
    submit(site, **{**failing(flag, name="long"), "duration": "3h"}, group=name)
    assert until_ended(site, name)["results"] == {"COMPLETED": 1, "FAILED": 13}
    dialog = see(site, page, name)
    page.get_by_role("button", name="Resubmit 13 failed jobs…").click()
    expect(dialog).to_have_accessible_name("Resubmit 13 failed jobs?")
    named = dialog.get_by_role("list", name="Jobs that this concerns").get_by_role("listitem")
    expect(named).to_have_count(11)
    expect(named.first).to_have_text(re.compile(r"^short f\w+$"))
    expect(named.last).to_have_text("and 3 more")
    expect(dialog).to_contain_text("Now between 1m and 3h.")
    limit = dialog.get_by_label("New time limit (optional)")
    limit.fill("soon")
    go = dialog.get_by_role("button", name="Resubmit 13 jobs")
    go.click()
    expect(dialog).to_contain_text("Not a time limit")
    limit.fill("2h")
    expect(dialog).to_contain_text("Now between 1m and 3h. 13 jobs get 2h.")
    flag.touch()
    go.click()
    expect(dialog).to_have_accessible_name("13 of 13 jobs resubmitted")
    expect(dialog).to_contain_text("13 new jobs have a time limit of 2h each.")
    made = dialog.get_by_role("list", name="New jobs").get_by_role("listitem")
    expect(made).to_have_count(13)
    expect(made.first).to_have_text(re.compile(r"^short f\w+ → f\w+$"))
    dialog.get_by_role("button", name="Close").click()
    # The keyboard goes on from the button, and the page follows the group again, which had ended.
    expect(page.get_by_role("button", name="Resubmit 13 failed jobs…")).to_be_focused()
    expect(page.locator("#counts [data-status=COMPLETED] dd")).to_have_text("14")
    jobs = jobs_of(site, name)[14:]
    assert [job["name"] for job in jobs] == ["short"] * 12 + ["long"]
    assert [job["duration"] for job in jobs] == [7200] * 13
    # The head of the page follows, too.
    expect(page.locator("#group-about")).to_have_text(re.compile("^Group of 27 jobs of "))
    submitted = page.locator("time[data-name=t_last_submit]")
    newest = ask(site, "GET", f"/v1/groups/{name}")["t_last_submit"]
    expect(submitted).to_have_attribute("data-at", str(newest))
    # A second question names what it does: the same jobs once more.
    page.get_by_role("button", name="Resubmit 13 failed jobs…").click()
    expect(dialog).to_have_accessible_name("Resubmit 13 jobs again?")
    expect(dialog).to_contain_text("This browser has resubmitted all of them before.")
    expect(dialog.get_by_role("button", name="Resubmit 13 jobs again")).to_be_enabled()
    expect(dialog.get_by_role("checkbox")).to_be_hidden()
    dialog.get_by_role("button", name="Close").click()
    # Beside a new failure, they are left out unless the reader wants them.
    again = submit(site, command="false", group=name)
    ask(site, "GET", f"/v1/jobs/{again}/wait?timeout=30")
    page.reload()
    page.get_by_role("button", name="Resubmit 14 failed jobs…").click()
    expect(dialog).to_have_accessible_name("Resubmit 1 failed job?")
    dialog.get_by_label("Also resubmit 13 jobs that this browser has resubmitted before").check()
    expect(dialog).to_have_accessible_name("Resubmit 14 failed jobs?")


def test_a_job_that_ran_out_of_time_is_offered_more(site: Service, page: Page, name: str) -> None:
    submit(site, command=["sleep", "600"], duration="1s", group=name)
    until_ended(site, name)
    dialog = see(site, page, name)
    page.get_by_role("button", name="Resubmit 1 failure…").click()
    expect(dialog).to_have_accessible_name("Resubmit 1 job?")
    expect(dialog).to_contain_text("1 job reached its time limit.")
    expect(dialog).to_contain_text("Now 1s.")
    dialog.get_by_role("button", name="Allow 2s").click()
    expect(dialog.get_by_label("New time limit (optional)")).to_have_value("2s")
    dialog.get_by_role("button", name="Resubmit 1 job").click()
    expect(dialog).to_have_accessible_name("1 of 1 job resubmitted")
    assert jobs_of(site, name)[-1]["duration"] == 2


def test_a_request_without_an_answer_is_tried_again_and_makes_no_second_job(
    site: Service, unheard: Page, name: str, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    submit_many(site, 2, **failing(flag), name=name, group=name)
    until_ended(site, name)
    flag.touch()
    page = unheard
    dialog = see(site, page, name)
    lost: list[str] = []

    def lose_the_first(route: Route) -> None:
        if route.request.method != "POST" or lost:
            route.continue_()
            return
        lost.append("")
        lost[0] = route.fetch().text()
        route.abort()

    page.route(re.compile("/v1/jobs$"), lose_the_first)
    page.get_by_role("button", name="Resubmit 2 failed jobs…").click()
    dialog.get_by_role("button", name="Resubmit 2 jobs").click()
    expect(dialog).to_contain_text("Some requests have no answer")
    expect(dialog).to_have_accessible_name("1 of 2 jobs resubmitted")
    # The answer comes to another question, with another limit: the job is the same.
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Resubmit 2 failed jobs…").click()
    expect(dialog).to_contain_text("1 of them was sent before without an answer.")
    dialog.get_by_label("New time limit (optional)").fill("2h")
    expect(dialog).to_contain_text("1 is sent again with the limit that it was sent with.")
    dialog.get_by_role("button", name="Resubmit 1 job").click()
    expect(dialog).to_have_accessible_name("1 of 1 job resubmitted")
    until_ended(site, name)
    jobs = jobs_of(site, name)
    assert len(jobs) == 4
    assert json.loads(lost[0])["id"] in {job["id"] for job in jobs}
    assert {job["duration"] for job in jobs} == {60}


@page_only
def test_jobs_that_cannot_be_resubmitted_are_told_before_and_refusals_after(
    site: Service, unheard: Page, name: str, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    hidden = submit(site, **failing(flag, name="hidden"), group=name)
    refused = submit(site, **failing(flag, name="refused"), group=name)
    plain = submit(site, **failing(flag, name="plain"), group=name)
    until_ended(site, name)
    page = unheard

    def refuse(status: int, detail: str) -> Callable[[Route], None]:
        body = json.dumps({"status": status, "detail": detail})
        kind = "application/problem+json"
        return lambda route: route.fulfill(status=status, content_type=kind, body=body)

    def refuse_one(route: Route) -> None:
        if '"refused"' in (route.request.post_data or ""):
            refuse(409, "The queue is disabled.")(route)
        else:
            route.continue_()

    page.route(f"**/v1/jobs/{hidden}/jobspec", refuse(403, "The job is of another user."))
    page.route(re.compile("/v1/jobs$"), refuse_one)
    dialog = see(site, page, name)
    page.get_by_role("button", name="Resubmit 3 failed jobs…").click()
    expect(dialog).to_have_accessible_name("Resubmit 2 failed jobs?")
    cannot = dialog.get_by_role("list", name="Jobs that cannot be resubmitted")
    expect(cannot.get_by_role("listitem")).to_have_text(
        [f"hidden {hidden}: The job is of another user. Open in the form"]
    )
    dialog.get_by_role("button", name="Resubmit 2 jobs").click()
    expect(dialog).to_have_accessible_name("1 of 2 jobs resubmitted")
    failures = dialog.get_by_role("list", name="Failures").get_by_role("listitem")
    expect(failures).to_have_text([f"refused {refused}: The queue is disabled. Open in the form"])
    expect(failures.get_by_role("link", name="Open in the form")).to_have_attribute(
        "href", re.compile(rf"/ui/submit\?from={refused}$")
    )
    made = dialog.get_by_role("list", name="New jobs").get_by_role("listitem")
    expect(made).to_have_text(re.compile(rf"^plain {plain} → f\w+$"))
    # A refusal is definite, so there is nothing to try again.
    expect(dialog.get_by_role("button")).to_have_text(["Close"])


def test_a_resubmitted_job_waits_for_the_resubmitted_job_on_which_it_depends(
    site: Service, page: Page, name: str, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    first = submit(site, **failing(flag, name="mesh", urgency=0), group=name)
    after = [f"afterok:{first}"]
    second = submit(site, command="true", name="solve", dependencies=after, group=name)
    release(site, first)
    until_ended(site, name)
    dialog = see(site, page, name)
    page.get_by_role("button", name="Resubmit 2 failed jobs…").click()
    flag.touch()
    dialog.get_by_role("button", name="Resubmit 2 jobs").click()
    expect(dialog).to_have_accessible_name("2 of 2 jobs resubmitted")
    until_ended(site, name)
    old, new = jobs_of(site, name)[:2], jobs_of(site, name)[2:]
    assert [job["id"] for job in old] == [first, second]
    assert [(job["name"], job["result"]) for job in new] == [
        ("mesh", "COMPLETED"),
        ("solve", "COMPLETED"),
    ]


def test_selected_jobs_that_have_not_completed_are_resubmitted(
    site: Service, page: Page, name: str
) -> None:
    submit(site, command="false", name=name)
    submit(site, command="true", name=name)
    canceled = submit(site, **HELD, name=name)
    cancel(site, canceled)
    bar = open_view(page, site, name, 3)
    bar.get_by_role("button", name="Resubmit 2…").click()
    dialog = page.get_by_role("dialog", name="Resubmit 2 jobs?")
    dialog.get_by_role("button", name="Resubmit 2 jobs").click()
    expect(page.get_by_role("dialog", name="2 of 2 jobs resubmitted")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#count")).to_have_text(re.compile("^5 "))
    expect(bar).to_be_hidden()
    # Jobs that were in no group are in none.
    found = ask(site, "GET", f"/v1/jobs?name={name}")["jobs"]
    assert [job for job in found if "group" in job] == []


@pytest.mark.parametrize("is_named", [True, False])
def test_a_job_that_is_resubmitted_by_the_form_stays_in_its_group(
    site: Service, page: Page, name: str, is_named: bool
) -> None:
    group = submit_many(site, 2, command="false", **({"group": name} if is_named else {}))
    found = ask(site, "GET", f"/v1/groups/{name if is_named else group['group']}/wait?timeout=60")
    jobid = group["jobs"][0]["id"]
    page.goto(f"{site.url}/ui/jobs/{jobid}")
    live(page)
    page.get_by_role("link", name="Resubmit").click()
    live(page)
    text = name if is_named else found["id"]
    expect(page.locator("#origin")).to_contain_text(f"It joins the group {text}, as that job did.")
    page.get_by_role("button", name="Submit", exact=True).click()
    page.get_by_role("link", name=re.compile(r"^f\w+$")).first.click()
    live(page)
    assert ask(site, "GET", f"/v1/groups/{found['id']}")["total"] == 3


def test_another_browser_is_told_that_jobs_were_resubmitted(
    site: Service, page: Page, name: str, context: BrowserContext
) -> None:
    submit_many(site, 3, command="false", group=name)
    until_ended(site, name)
    dialog = see(site, page, name)
    page.get_by_role("button", name="Resubmit 3 failed jobs…").click()
    dialog.get_by_role("button", name="Resubmit 3 jobs").click()
    expect(dialog).to_have_accessible_name("3 of 3 jobs resubmitted")
    until_ended(site, name)
    assert context.browser is not None
    other = context.browser.new_page()
    dialog = see(site, other, name)
    other.get_by_role("button", name="Resubmit 6 failed jobs…").click()
    dialog.get_by_role("button", name="Resubmit 6 jobs").click()
    expect(dialog).to_have_accessible_name("3 of 6 jobs resubmitted")
    expect(dialog).to_contain_text("3 jobs had been resubmitted before, maybe in another browser.")
    before = dialog.get_by_role("list", name="Jobs that had been resubmitted before")
    expect(before.get_by_role("listitem")).to_have_count(3)
    expect(before.get_by_role("link").last).to_have_attribute("href", re.compile(r"/ui/jobs/f\w+$"))
    other.close()
    until_ended(site, name)
    assert len(jobs_of(site, name)) == 9


def test_a_newer_job_with_the_same_number_is_told_before_the_button_is_pressed(
    site: Service, page: Page, name: str
) -> None:
    def bulk(command: list[str], cc: str) -> list[str]:
        job = {"command": command, "name": name, "group": name}
        answer = page.request.post(f"{site.url}/v1/jobs/bulk", data={"job": job, "cc": cc})
        return [item["id"] for item in answer.json()["jobs"]]

    older = bulk(["false"], "1-2")
    for jobid in older:
        site.get(f"/v1/jobs/{jobid}/wait")
    (newer,) = bulk(["sleep", "600"], "2")
    page.goto(f"{site.url}/ui/groups/{name}")
    page.get_by_role("button", name="Resubmit 2 failed jobs…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 of them has a newer job with its number in the group")
    told = dialog.get_by_role("list", name="Jobs with newer jobs of their numbers")
    expect(told.get_by_role("listitem")).to_have_text([f"{name} #2 {older[1]} → {newer}"])
    page.request.post(f"{site.url}/v1/jobs/{newer}/cancel", data={})


@pytest.mark.parametrize("width", [390, 1440])
def test_a_list_that_goes_on_ends_within_a_line(
    site: Service, page: Page, name: str, width: int
) -> None:
    job = {"command": ["false"], "name": name, "group": name}
    for _ in range(2):
        page.request.post(f"{site.url}/v1/jobs/bulk", data={"job": job, "cc": "1-14"})
    site.get(f"/v1/groups/{name}/wait")
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{site.url}/ui/groups/{name}")
    page.get_by_role("button", name="Resubmit 28 failed jobs…").click()
    told = page.get_by_role("dialog").get_by_role("list", name="Jobs with newer jobs")
    expect(told.get_by_role("listitem")).to_have_count(14)
    shown = told.evaluate(
        "(it) => (it.clientHeight / it.firstElementChild.getBoundingClientRect().height) % 1"
    )
    # Half a line tells that there are more below.
    assert 0.2 < shown < 0.8
