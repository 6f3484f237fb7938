"""The button "Tell me when it ends" on the pages of a job, of a group, and of the table of jobs."""

from __future__ import annotations

import json
import re
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.flux.tree import child_uri, launch
from tests.flux.tree import submit as submit_below
from tests.running import Service, flux, service

from .test_accessibility import violations
from .test_bulk import submit_many
from .test_jobs import live, submit
from .test_live import HIDE
from .waits import wait_until

FAKE = """
window.told = [];
window.asked = 0;
window.Notification = class {
  static get permission() {
    return localStorage.getItem("permission") ?? "%s";
  }
  static async requestPermission() {
    window.asked++;
    if (this.permission === "default") localStorage.setItem("permission", "granted");
    return this.permission;
  }
  constructor(title, { body }) {
    window.told.push([title, body]);
  }
  close() {}
};
"""
"""Notifications of the desktop that a test can read, with the permission of the browser."""

HELD = {"command": ["sleep", "600"], "urgency": 0}
ICON = 'document.querySelector("link[rel=icon]").href'


@pytest.fixture
def name() -> str:
    """Return a name that no job of another test has."""
    return f"told{uuid.uuid4().hex}"


@pytest.fixture
def granted(context: BrowserContext) -> Page:
    """Return a page whose reader may be asked for notifications, and allows them."""
    context.add_init_script(FAKE % "default")
    return context.new_page()


def ask(site: Service, method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(site.url + path, data, headers, method=method)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - it is ours
        return json.load(answer)


def cancel(site: Service, jobid: str) -> None:
    ask(site, "POST", f"/v1/jobs/{jobid}/cancel", {})


def release(site: Service, jobid: str) -> None:
    ask(site, "POST", f"/v1/jobs/{jobid}/urgency", {"urgency": 16})


def button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^(?:Tell me|You will be told) when "))


def switch_on(page: Page) -> None:
    button(page).click()
    expect(button(page)).to_have_attribute("aria-pressed", "true")


def told(page: Page, *expected: list[str]) -> None:
    """Wait until the reader was told as many texts, and compare them."""
    wait_until(page, "(count) => window.told.length >= count", len(expected))
    assert page.evaluate("window.told") == list(expected)


def test_the_end_of_a_job_is_told_of_wherever_the_reader_is(
    site: Service, granted: Page, name: str
) -> None:
    jobid = submit(site, **HELD, name=name)
    granted.goto(f"{site.url}/ui/jobs/{jobid}")
    live(granted)
    assert granted.evaluate("window.asked") == 0
    switch_on(granted)
    assert granted.evaluate("window.asked") == 1
    granted.reload()
    live(granted)
    expect(button(granted)).to_have_attribute("aria-pressed", "true")
    granted.goto(f"{site.url}/ui/nodes")
    live(granted)
    cancel(site, jobid)
    told(granted, [f"Job {jobid} ({name})", "Canceled before it ran"])
    granted.goto(f"{site.url}/ui/jobs/{jobid}")
    live(granted)
    expect(button(granted)).to_be_hidden()


def test_a_hidden_page_stays_connected_and_counts(site: Service, granted: Page, name: str) -> None:
    jobid = submit(site, **HELD, name=name)
    granted.clock.install()
    granted.goto(f"{site.url}/ui/jobs/{jobid}")
    live(granted)
    title, icon = granted.title(), granted.evaluate(ICON)
    switch_on(granted)
    granted.evaluate(HIDE, True)
    granted.clock.fast_forward(11_000)
    expect(granted.locator("#state")).to_have_attribute("data-state", "live")
    cancel(site, jobid)
    told(granted, [f"Job {jobid} ({name})", "Canceled before it ran"])
    expect(granted).to_have_title(re.compile(r"^\(1\) "))
    wait_until(granted, f"() => {ICON}.startsWith('data:image/svg')")
    granted.clock.fast_forward(11_000)
    expect(granted.locator("#state")).to_have_attribute("data-state", "resting")
    granted.evaluate(HIDE, False)
    expect(granted).to_have_title(re.compile(r"^[^(]"))
    wait_until(granted, f"(icon) => {ICON} === icon", icon)
    assert title.partition(" · ")[2] == granted.title().partition(" · ")[2]


def test_a_click_again_ends_it(site: Service, granted: Page, name: str) -> None:
    jobid, other = submit(site, **HELD, name=name), submit(site, **HELD, name=name)
    granted.goto(f"{site.url}/ui/jobs/{other}")
    live(granted)
    switch_on(granted)
    granted.goto(f"{site.url}/ui/jobs/{jobid}")
    live(granted)
    switch_on(granted)
    button(granted).click()
    expect(button(granted)).to_have_attribute("aria-pressed", "false")
    cancel(site, jobid)
    expect(granted.locator("#status")).to_have_text("CANCELED")
    cancel(site, other)
    told(granted, [f"Job {other} ({name})", "Canceled before it ran"])


def test_a_group_tells_its_first_failure_and_its_end(
    site: Service, granted: Page, name: str
) -> None:
    bad = submit(site, command=["sh", "-c", "exit 3"], urgency=0, name=name, group=name)
    good = submit(site, command="true", urgency=0, name=name, group=name)
    held = submit(site, **HELD, name=name, group=name)
    group = ask(site, "GET", f"/v1/groups/{name}")["id"]
    granted.goto(f"{site.url}/ui/groups/{group}")
    live(granted)
    switch_on(granted)
    release(site, bad)
    first = [f"Group {name}", f"A failure: {bad} ({name}), Exit code 3."]
    told(granted, first)
    release(site, good)
    cancel(site, held)
    end = [f"Group {name}", "All jobs have ended: 1 completed, 1 failed, 1 canceled."]
    told(granted, first, end)
    expect(button(granted)).to_be_hidden()


def test_a_filter_tells_when_no_job_is_active(site: Service, granted: Page, name: str) -> None:
    held = [submit(site, **HELD, name=name) for _ in range(2)]
    good = submit(site, command="true", urgency=0, name=name)
    other = submit(site, **HELD, name=name.upper())
    # The filter of the state is left out of the watch.
    granted.goto(f"{site.url}/?name={name[:-1]}*&state=pending&text={name}")
    live(granted)
    expect(granted.locator("#count")).to_have_text(re.compile("^[34] "))
    cancel(site, other)
    switch_on(granted)
    cancel(site, held[0])
    # While no page is open, a job ends.
    granted.goto("about:blank")
    release(site, good)
    ask(site, "GET", f"/v1/jobs/{good}/wait?timeout=30")
    granted.goto(f"{site.url}/ui/submit")
    live(granted)
    assert granted.evaluate("window.told") == []
    cancel(site, held[1])
    title = f"Jobs with name:{name[:-1]}* {name}"
    told(granted, [title, "The jobs that were active have ended: 1 completed, 2 canceled."])
    granted.goto(f"{site.url}/?name={name}")
    live(granted)
    expect(button(granted)).to_be_disabled()
    expect(button(granted)).to_have_attribute("title", "No matching job is active.")
    expect(button(granted)).to_have_attribute("aria-pressed", "false")
    # One that comes can be told of.
    later = submit(site, **HELD, name=name)
    expect(button(granted)).to_be_enabled()
    cancel(site, later)


def test_tell_me_says_what_it_tells_and_where_it_is_off(
    site: Service, granted: Page, name: str
) -> None:
    jobs = [submit(site, **HELD, name=name) for _ in range(2)]
    granted.goto(f"{site.url}/?name={name}")
    live(granted)
    tell = button(granted)
    expect(tell).to_have_attribute("title", f"Tell me when the 2 active jobs with name:{name} end")
    expect(tell).to_have_accessible_name(f"Tell me when the 2 active jobs with name:{name} end")
    expect(tell).to_have_text("Tell me")
    switch_on(granted)
    # The button says what it has been pressed for, to everybody.
    expect(tell).to_have_text("You will be told")
    told_of = f"You will be told when the 2 active jobs with name:{name} end"
    expect(tell).to_have_attribute("title", told_of)
    expect(tell).to_have_accessible_name(told_of)
    expect(granted.locator("#watch-said")).to_have_text(
        f"{told_of}. 2 of them are held or cannot start as things are."
    )
    granted.get_by_role("button", name="Clear", exact=True).click()
    expect(tell).to_have_attribute("aria-pressed", "false")
    expect(tell).to_have_text("Tell me")
    off = f"“Tell me” is off for these filters, and stays on for: Jobs with name:{name}"
    expect(granted.get_by_role("status").filter(has_text=off)).to_be_visible()
    for jobid in jobs:
        cancel(site, jobid)
    told(granted, [f"Jobs with name:{name}", "The jobs that were active have ended: 2 canceled."])


def test_a_filter_tells_of_the_jobs_that_were_active_at_the_click(
    site: Service, granted: Page, name: str
) -> None:
    first, second = (submit(site, **HELD, name=name) for _ in range(2))
    granted.goto(f"{site.url}/?name={name}")
    live(granted)
    tell = button(granted)
    expect(tell).to_have_attribute("title", f"Tell me when the 2 active jobs with name:{name} end")
    switch_on(granted)
    later = submit(site, **HELD, name=name)
    expect(granted.locator("#count")).to_have_text(re.compile("^3 "))
    told_of = f"You will be told when the 2 active jobs with name:{name} end"
    expect(tell).to_have_accessible_name(told_of)
    cancel(site, first)
    # The number is that of those that are left.
    one = f"You will be told when the active job with name:{name} ends"
    expect(tell).to_have_accessible_name(one)
    expect(tell).to_have_attribute("title", one)
    said = granted.locator("#watch-said")
    expect(said).to_have_text(f"{one}. It is held or cannot start as things are.")
    cancel(site, second)
    told(granted, [f"Jobs with name:{name}", "The jobs that were active have ended: 2 canceled."])
    expect(tell).to_have_attribute("aria-pressed", "false")
    expect(tell).to_have_accessible_name(f"Tell me when the active job with name:{name} ends")
    expect(said).to_be_hidden()
    switch_on(granted)
    expect(said).to_have_text(f"{one}. It is held or cannot start as things are.")
    cancel(site, later)


def test_the_button_of_a_job_says_that_it_is_pressed(
    site: Service, granted: Page, name: str
) -> None:
    jobid = submit(site, **HELD, name=name)
    granted.goto(f"{site.url}/ui/jobs/{jobid}")
    live(granted)
    expect(button(granted)).to_have_text("Tell me when it ends")
    switch_on(granted)
    expect(button(granted)).to_have_text("You will be told when it ends")
    # The promise says what keeps it from coming true, until it does not anymore.
    said = granted.locator("#said")
    expect(said).to_have_text("You will be told when it ends. Held until it is released.")
    button(granted).click()
    expect(said).to_be_empty()
    expect(button(granted)).to_have_attribute("aria-pressed", "false")
    expect(button(granted)).to_have_text("Tell me when it ends")
    cancel(site, jobid)


def test_denied_notifications_are_said_and_the_title_counts(
    context: BrowserContext, site: Service, name: str
) -> None:
    context.add_init_script(FAKE % "denied")
    page = context.new_page()
    jobid = submit(site, **HELD, name=name)
    page.goto(f"{site.url}/ui/jobs/{jobid}")
    live(page)
    switch_on(page)
    expect(page.locator("#said")).to_have_text(
        "You will be told when it ends. Held until it is released. "
        "Notifications are blocked for this page. Only open pages of this service will tell you; "
        "their titles count the jobs that ended."
    )
    page.evaluate(HIDE, True)
    cancel(site, jobid)
    expect(page).to_have_title(re.compile(r"^\(1\) "))
    assert page.evaluate("[window.told, window.asked]") == [[], 0]
    page.evaluate(HIDE, False)
    notice = page.locator(".notice.told")
    expect(notice.locator("p")).to_have_text(f"Job {jobid} ({name}): Canceled before it ran")
    assert violations(page) == []
    # The notice outlives the page, and is dismissed in all windows.
    page.goto(f"{site.url}/ui/nodes")
    other = context.new_page()
    other.goto(site.url)
    told_there = other.locator(".notice.told")
    expect(told_there).to_contain_text(jobid)
    expect(notice).to_contain_text(jobid)
    # It is aligned with the page below it.
    page.goto(f"{site.url}/ui/submit")
    expect(notice).to_contain_text(jobid)
    edges = "it => { const { left, right } = it.getBoundingClientRect(); return [left, right]; }"
    assert notice.evaluate(edges) == page.locator("main .page-head").evaluate(edges)
    notice.get_by_role("button", name="Dismiss").click()
    expect(notice).to_have_count(0)
    expect(told_there).to_have_count(0)


def test_text_of_jobs_is_shown_as_text(site: Service, granted: Page) -> None:
    jobid = submit(site, **HELD, name="a\u202eb\x07" + "x" * 900)
    granted.goto(f"{site.url}/ui/jobs/{jobid}")
    live(granted)
    switch_on(granted)
    cancel(site, jobid)
    wait_until(granted, "() => window.told.length === 1")
    ((title, _),) = granted.evaluate("window.told")
    assert title.startswith(f"Job {jobid} (a⟨U+202E⟩b⟨U+0007⟩x")
    assert len(title) < 250


def test_watching_shuts_nobody_out(site: Service, granted: Page, name: str) -> None:
    submit_many(site, 2, **HELD, name=name, group=name)
    jobid = submit(site, **HELD, name=name)
    group = ask(site, "GET", f"/v1/groups/{name}")["id"]
    granted.emulate_media(reduced_motion="reduce")
    for path in (f"/ui/jobs/{jobid}", f"/ui/groups/{group}", f"/?name={name}"):
        granted.goto(site.url + path)
        live(granted)
        assert violations(granted) == []
        switch_on(granted)
        assert violations(granted) == []


@pytest.fixture
def below(flux_uri: str) -> Iterator[tuple[str, str]]:
    """Return the root of a service below a prefix, and a job that is an instance."""
    child = launch(flux_uri)
    with service("--base-path=/flux", FLUX_URI=flux_uri) as running:
        running.wait_until_ready()
        yield running.url.rstrip("/").removesuffix("/flux") + "/flux", child
    flux(flux_uri, "cancel", "--all", "--quiet")
    flux(flux_uri, "queue", "idle", "--quiet")


@pytest.mark.timeout(240)
def test_a_job_of_a_child_below_a_prefix(
    below: tuple[str, str], flux_uri: str, granted: Page
) -> None:
    root, child = below
    uri = child_uri(flux_uri, child)
    (one,) = submit_below(uri, "-n1", "--job-name=inner", "--urgency=hold", "true")
    (two,) = submit_below(uri, "-n1", "--job-name=inner", "--urgency=hold", "true")
    for jobid in one, two:
        granted.goto(f"{root}/ui/instances/{child}/jobs/{jobid}")
        live(granted)
        switch_on(granted)
    granted.evaluate(HIDE, True)
    flux(uri, "cancel", one)
    told(granted, [f"Job {one} (inner)", "Canceled before it ran"])
    expect(granted).to_have_title(re.compile(r"^\(1\) "))
    flux(flux_uri, "cancel", child)
    wait_until(granted, "() => window.told.length === 2")
    assert granted.evaluate("window.told[1][0]") == f"Job {two} (inner)"


@pytest.mark.usefixtures("context")
def test_the_title_and_the_icon_tell_that_a_job_has_failed(site: Service, page: Page) -> None:
    page.clock.install()
    page.goto(site.url)
    live(page)
    title, icon = page.title(), page.evaluate(ICON)
    with page.expect_response(re.compile("/v1/stats$")):
        page.evaluate(HIDE, True)
    for _ in range(2):
        jobid = submit(site, command="false")
        site.get(f"/v1/jobs/{jobid}/wait")
    page.clock.fast_forward(61_000)
    expect(page).to_have_title(f"(2 failures) {title}")
    wait_until(page, f"() => {ICON}.startsWith('data:image/svg')")
    page.evaluate(HIDE, False)
    expect(page).to_have_title(title)
    wait_until(page, f"(icon) => {ICON} === icon", icon)
