"""Tasks of a reader on the page of a group: wait for its end, cancel it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.running import Service

from .sites import page_only, site
from .test_accessibility import violations
from .test_jobs import live, submit
from .test_notify import HELD, ask, cancel, granted, name, release, switch_on, told

__all__ = ["granted", "name", "site"]


def test_the_promise_to_tell_of_the_end_warns_of_jobs_that_are_held(
    site: Service, granted: Page, name: str
) -> None:
    held = [submit(site, **HELD, name=name, group=name) for _ in range(2)]
    page = granted
    page.goto(f"{site.url}/ui/groups/{name}")
    live(page)
    switch_on(page)
    said = page.locator("#watch-said")
    expect(said).to_have_text(
        "You will be told when the 2 active jobs end. "
        "2 of them are held or cannot start as things are."
    )
    # It follows the jobs.
    release(site, held[0])
    expect(said).to_have_text(
        "You will be told when the 2 active jobs end. "
        "1 of them is held or cannot start as things are."
    )
    cancel(site, held[0])
    expect(said).to_have_text(
        "You will be told when the active job ends. It is held or cannot start as things are."
    )
    cancel(site, held[1])
    told(page, [f"Group {name}", "All jobs have ended: 2 canceled."])
    expect(said).to_be_hidden()


def failing(flag: Path, **more: Any) -> dict[str, Any]:
    """Return a job that fails until there is a file."""
    return {"command": ["test", "-e", str(flag)], "duration": "1m", **more}


def until_ended(site: Service, name: str) -> dict[str, Any]:
    """Return the record of a group once no job of it is active."""
    return cast("dict[str, Any]", ask(site, "GET", f"/v1/groups/{name}/wait?timeout=60"))


def jobs_of(site: Service, name: str) -> list[dict[str, Any]]:
    """Return the jobs of a group, oldest first."""
    found: list[dict[str, Any]] = ask(site, "GET", f"/v1/jobs?group={name}&limit=1000")["jobs"]
    return found[::-1]


def see(site: Service, page: Page, name: str) -> Locator:
    """Open the page of a group, and return the dialogs on it."""
    page.goto(f"{site.url}/ui/groups/{name}")
    live(page)
    return page.get_by_role("dialog")


@page_only
def test_the_questions_about_a_group_shut_nobody_out(site: Service, still: Page, name: str) -> None:
    failed = [submit(site, command="false", name=name, group=name) for _ in range(12)]
    held = submit(site, **HELD, name=name, group=name)
    submit(site, command="true", dependencies=[f"afterok:{held}"])
    for jobid in failed:
        ask(site, "GET", f"/v1/jobs/{jobid}/wait?timeout=30")
    page = still
    hidden = f"**/v1/jobs/{failed[0]}/jobspec"
    page.route(hidden, lambda route: route.fulfill(status=403, body="{}"))
    dialog = see(site, page, name)
    page.get_by_role("button", name="Resubmit 12 failed jobs…").click()
    expect(dialog).to_contain_text("1 job cannot be resubmitted")
    assert violations(page) == []
    dialog.get_by_role("button", name="Resubmit 11 jobs").click()
    expect(dialog).to_have_accessible_name("11 of 11 jobs resubmitted")
    assert violations(page) == []
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Cancel 1 active job…").click()
    expect(dialog).to_contain_text("1 dependent job will never start")
    assert violations(page) == []
    cancel(site, held)


@page_only
@pytest.mark.parametrize(
    ("right", "offered"),
    [("view", []), ("operate", ["Cancel 1 active job…"])],
)
def test_a_reader_is_offered_what_the_right_allows(
    site: Service, context: BrowserContext, name: str, right: str, offered: list[str]
) -> None:
    failed = submit(site, command="false", group=name)
    ask(site, "GET", f"/v1/jobs/{failed}/wait?timeout=30")
    held = submit(site, **HELD, group=name)

    page = context.new_page()
    # The scripts of the page run after its text has been read.
    become = f"document.body.dataset.right = {json.dumps(right)}"
    page.add_init_script(f"document.addEventListener('readystatechange', () => {{ {become}; }})")
    see(site, page, name)
    expect(page.get_by_role("img", name=re.compile("1 failure"))).to_be_visible()
    actions = page.get_by_role("group", name="Change the jobs of this group")
    expect(actions.get_by_role("button")).to_have_text(offered)
    cancel(site, held)


def test_the_active_jobs_of_a_group_are_canceled_after_the_question_of_the_list(
    site: Service, page: Page, name: str
) -> None:
    submit(site, command="true", name=name, group=name)
    held = [submit(site, **HELD, name=name, group=name) for _ in range(2)]
    after = submit(site, **HELD, name="after", dependencies=[f"afterok:{held[0]}"])
    dialog = see(site, page, name)
    page.get_by_role("button", name="Cancel 2 active jobs…").click()
    expect(dialog).to_have_accessible_name("Cancel 2 jobs?")
    expect(dialog).to_contain_text("2 jobs will be canceled: 2 pending.")
    names = dialog.get_by_role("list", name="Jobs that this concerns").get_by_role("listitem")
    expect(names).to_have_text([f"{name} {jobid}" for jobid in held])
    dependent = dialog.get_by_role("list", name="Dependent jobs").get_by_role("listitem")
    expect(dependent).to_have_text([f"after {after}"])
    dialog.get_by_role("button", name="Cancel 2 jobs").click()
    expect(page.get_by_text("2 jobs canceled")).to_be_visible()
    expect(page.locator("#counts [data-status=CANCELED] dd")).to_have_text("2")
    expect(page.get_by_role("button", name=re.compile("^Cancel"))).to_be_hidden()


@page_only
def test_the_page_of_a_group_says_why_its_jobs_wait(site: Service, page: Page, name: str) -> None:
    held = [submit(site, **HELD, name=name, group=name) for _ in range(2)]
    page.goto(f"{site.url}/ui/groups/{name}")
    reasons = page.get_by_role("list", name="Why jobs are pending").get_by_role("listitem")
    expect(reasons).to_have_text(["2 pending: held until it is released"])
    for jobid in held:
        cancel(site, jobid)
    expect(reasons).to_have_count(0)


def test_only_the_jobs_of_a_group_that_have_not_begun_are_canceled(
    site: Service, page: Page, name: str
) -> None:
    running = submit(site, command="sleep 600", name=name, group=name)
    held = [submit(site, **HELD, name=name, group=name) for _ in range(2)]
    dialog = see(site, page, name)
    expect(page.locator("#counts [data-status=RUNNING] dd")).to_have_text("1")
    expect(page.get_by_role("button", name="Cancel 3 active jobs…")).to_be_visible()
    page.get_by_role("button", name="Cancel 2 pending jobs…").click()
    expect(dialog).to_contain_text("2 jobs will be canceled: 2 pending. Pending jobs will not")
    names = dialog.get_by_role("list", name="Jobs that this concerns").get_by_role("listitem")
    expect(names).to_have_text([f"{name} {jobid}" for jobid in held])
    dialog.get_by_role("button", name="Cancel 2 jobs").click()
    expect(page.locator("#counts [data-status=CANCELED] dd")).to_have_text("2")
    expect(page.get_by_role("button", name=re.compile("^Cancel"))).to_have_text(
        ["Cancel 1 active job…"]
    )
    cancel(site, running)


@page_only
def test_the_output_of_a_group_says_why_a_job_without_output_failed(
    site: Service, page: Page, name: str
) -> None:
    submit(site, command="sh -c 'exit 3'", name=name, group=name)
    submit(site, command="echo fine", name=name, group=name)
    until_ended(site, name)
    page.goto(f"{site.url}/ui/groups/{name}")
    failed = page.locator("#jobs-output h3").first
    expect(failed.locator(".status")).to_have_text("FAILED")
    expect(failed.locator(".why")).to_have_text("Exit code 3")
    expect(page.locator("#jobs-output > *").nth(1)).to_have_text("No output")
    expect(page.locator("#jobs-output .screen")).to_have_count(1)
