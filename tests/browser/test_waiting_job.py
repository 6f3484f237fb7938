"""The page of a job that waits: why, for which job, and what it offers before there is output."""

from __future__ import annotations

import re
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.running import Service

from .sites import page_only, site
from .test_job import gates, lines, script, see, status
from .test_jobs import live, submit
from .waits import wait_until

__all__ = ["gates", "site"]


def test_a_reader_goes_from_a_waiting_job_to_the_one_that_it_waits_for(
    site: Service, page: Page
) -> None:
    first = submit(site, command=["sleep", "600"], urgency=0, name="mesh")
    second = submit(site, command="true", dependencies=[f"afterok:{first}"], name="solve")
    see(site, page, second)
    expect(page.locator("#outcome")).to_have_text("Waits for mesh to succeed")
    expect(page.locator("#facts")).not_to_contain_text("after-success")
    page.locator("#outcome").get_by_role("link", name="mesh").click()
    expect(page.locator("#id")).to_have_text(first)
    # The phrase goes when the job does not wait anymore.
    see(site, page, second)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    status(page, "CANCELED")
    expect(page.locator("#outcome")).to_have_text("Canceled before it ran")
    expect(page.locator("#facts")).to_contain_text(f"for {first} to succeed")


def test_a_waiting_job_tells_when_the_other_one_ends(site: Service, page: Page) -> None:
    endless = submit(site, command=["sleep", "600"], name="mesh")
    second = submit(site, command="true", dependencies=[f"afterok:{endless}"])
    see(site, page, second)
    expect(page.locator("#starts")).to_have_text("No start time is known: mesh has no time limit")
    limited = submit(site, command=["sleep", "600"], name="grid", duration=3600)
    second = submit(site, command="true", dependencies=[f"afterany:{limited}"])
    see(site, page, second)
    expect(page.locator("#starts")).to_have_text(
        re.compile(r"^grid ends by .*:\d\d.* at the latest$")
    )


@page_only
def test_the_time_that_a_job_waits_until_is_in_the_zone_of_the_reader(
    site: Service, browser: Browser
) -> None:
    begin = int(time.time()) + 3 * 86400
    jobid = submit(site, command="true", dependencies=[f"begin-time:{begin}"])
    context = browser.new_context(timezone_id="Asia/Kathmandu", locale="en-US")
    page = context.new_page()
    see(site, page, jobid)
    moment = page.locator("#outcome time")
    utc = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(begin))
    expect(moment).to_have_attribute("datetime", utc)
    # The zone is 5:45 ahead, and the day is named: it is not today.
    local = time.gmtime(begin + 20_700)
    expect(moment).to_have_text(re.compile(rf"{time.strftime('%b', local)} {local.tm_mday}, "))
    expect(moment).to_have_text(re.compile(time.strftime("%I:%M", local)))
    context.close()


def test_a_job_offers_to_search_its_output_once_it_can_have_some(
    site: Service, page: Page, gates: tuple[Path, Path]
) -> None:
    jobid = script(site, 'echo begun; read x <"$1"', str(gates[0]), urgency=0)
    see(site, page, jobid)
    expect(page.locator("#screen")).to_contain_text("appears here when the job has started")
    expect(page.get_by_label("Find in the output")).not_to_be_visible()
    expect(page.get_by_role("link", name="Whole output as text")).not_to_be_visible()
    page.get_by_role("button", name="Release").click()
    expect(lines(page)).to_have_text(["begun"])
    expect(page.get_by_label("Find in the output")).to_be_visible()
    gates[0].write_text("\n")
    status(page, "COMPLETED")
    expect(page.get_by_role("link", name="Whole output as text")).to_be_visible()


@page_only
def test_a_quoted_command_is_spelled_alike_where_it_is_shown_and_submitted_again(
    site: Service, page: Page
) -> None:
    words = ["sh", "-c", """echo "it's" '"'"'"'"' $HOME""", "", "plain"]
    jobid = submit(site, command=words)
    see(site, page, jobid)
    shown = page.locator("#command").inner_text()
    assert r"it'\''s" in shown
    page.get_by_role("link", name="Resubmit").click()
    live(page)
    expect(page.get_by_label("Command", exact=True)).to_have_value(shown)


@page_only
def test_a_long_command_opens_when_it_is_focused(site: Service, page: Page) -> None:
    jobid = submit(site, command=["true", *["a-word-of-a-long-command"] * 100])
    see(site, page, jobid)
    command = page.locator("#command")
    expect(command).to_have_attribute("tabindex", "0")
    cut = "it => it.scrollHeight > it.clientHeight"
    assert command.evaluate(cut)
    command.click()
    expect(command).to_be_focused()
    wait_until(page, f"() => !({cut})(document.getElementById('command'))")
    page.get_by_role("heading", name="Output").click()
    wait_until(page, f"() => ({cut})(document.getElementById('command'))")
    expect(command).to_have_attribute("tabindex", "0")


@page_only
def test_the_question_to_cancel_says_which_other_jobs_will_never_start(
    site: Service, page: Page
) -> None:
    first = submit(site, command=["sleep", "600"], urgency=0)
    after = [f"afterok:{first}"]
    second = submit(site, dependencies=after, name="assemble")
    third = submit(site, dependencies=[f"afterok:{second}"], name="report")
    submit(site, dependencies=[f"afterany:{first}"])
    page.goto(f"{site.url}/ui/jobs/{first}")
    live(page)
    page.get_by_role("button", name="Cancel…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 dependent jobs will never start:")
    named = dialog.get_by_role("list", name="Dependent jobs").get_by_role("listitem")
    expect(named).to_have_text([f"assemble {second}", f"report {third}"])
    for job in (second, third):
        link = dialog.get_by_role("link", name=job)
        expect(link).to_have_attribute("href", re.compile(f"/ui/jobs/{job}$"))
        # The question stays open beside the page of the job.
        expect(link).to_have_attribute("target", "_blank")
    for _ in range(5):
        submit(site, dependencies=after, name="plot")
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Cancel…").click()
    expect(dialog).to_contain_text("7 dependent jobs will never start:")
    expect(named).to_have_count(6)
    expect(named.last).to_have_text("and 2 more")
    dialog.get_by_role("button", name="Close").click()
    page.goto(f"{site.url}/ui/jobs/{third}")
    live(page)
    page.get_by_role("button", name="Cancel…").click()
    expect(dialog).to_be_visible()
    expect(dialog).not_to_contain_text("never start")


def test_a_waiting_job_tells_its_place_in_the_line(site: Service, page: Page) -> None:
    cores = site.get("/v1/resources")["totals"]["cores"]["total"]
    submit(site, command=["sleep", "600"], num_tasks=cores)
    first = submit(site, command="true", num_tasks=cores)
    second = submit(site, command="true", num_tasks=cores)
    see(site, page, second)
    line = page.locator("#line")
    expect(line).to_contain_text("Place 2 of 2 that wait for resources, by priority.")
    expect(line).to_contain_text("No start time is known: the scheduler")
    # It follows what other jobs do.
    page.request.post(f"{site.url}/v1/jobs/{first}/cancel", data={})
    expect(line).to_contain_text("No other job waits in its queue.")


def test_a_waiting_job_is_held_and_released_on_its_page(site: Service, page: Page) -> None:
    cores = site.get("/v1/resources")["totals"]["cores"]["total"]
    running = submit(site, command=["sleep", "600"], num_tasks=cores)
    jobid = submit(site, command="true")
    see(site, page, jobid)
    page.get_by_role("button", name="Hold", exact=True).click()
    expect(page.locator("#outcome")).to_have_text("Held until it is released")
    expect(page.get_by_role("button", name="Hold", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Release", exact=True).click()
    expect(page.locator("#outcome")).to_contain_text("Waits for 1 core; 0 free")
    for each in (jobid, running):
        page.request.post(f"{site.url}/v1/jobs/{each}/cancel", data={})
