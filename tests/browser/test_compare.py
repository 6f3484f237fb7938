"""Two jobs that are selected in the table, side by side."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.running import Service

from .sites import site
from .test_accessibility import violations
from .test_jobs import line, live, submit

__all__ = ["site"]


def test_two_runs_of_a_job_are_compared(site: Service, page: Page) -> None:
    first = submit(site, command=["sh", "-c", "exit 3"], name="twice", duration=60)
    second = submit(site, command=["sh", "-c", "exit 0"], name="twice", duration=120)
    page.goto(f"{site.url}/?name=twice")
    live(page)
    expect(line(page, first).locator(".status")).to_have_text("FAILED")
    expect(line(page, second).locator(".status")).to_have_text("COMPLETED")
    button = page.get_by_role("button", name="Compare")
    line(page, second).get_by_role("checkbox").check()
    expect(button).to_be_hidden()
    line(page, first).get_by_role("checkbox").check()
    button.click()
    dialog = page.get_by_role("dialog", name=re.compile(r"^Two jobs, \d+ differences$"))
    heads = dialog.get_by_role("columnheader")
    expect(heads).to_have_text([f"twice {first}", f"twice {second}"])

    def row(name: str, *cells: str) -> None:
        entry = dialog.get_by_role("row", name=re.compile(f"^{name}( differs)? "))
        expect(entry.get_by_role("cell")).to_have_text(cells)

    row("Status", "FAILED", "COMPLETED")
    row("Note", "Exit code 3", "–")
    row("Time limit", "1m", "2m")
    row("Command", "sh -c 'exit 3'", "sh -c 'exit 0'")
    expect(dialog.get_by_role("rowheader", name="Status")).to_have_text("Status differs")
    expect(dialog.get_by_role("rowheader", name="User")).to_have_text("User")
    expect(dialog.get_by_role("link", name=first)).to_have_attribute(
        "href", re.compile(f"/ui/jobs/{first}$")
    )
    assert violations(page) == []
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("group", name="With the selected jobs")).to_contain_text("2 jobs")


def test_a_jobspec_of_another_form_is_compared_without_its_command(
    site: Service, page: Page
) -> None:
    # A guest can submit a jobspec that no command of Flux makes.
    odd = {"tasks": [{"command": {"toString": 1}}], "attributes": {"system": {"cwd": {}}}}
    page.route("**/jobspec", lambda route: route.fulfill(json=odd))
    jobs = [submit(site, command="true", name="odd-form") for _ in range(2)]
    page.goto(f"{site.url}/?name=odd-form")
    live(page)
    for jobid in jobs:
        line(page, jobid).get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("row", name=re.compile("^Status"))).to_be_visible()
    expect(dialog.get_by_role("rowheader", name="Command")).to_have_count(0)
