"""The button "Tell me" over a view of jobs that have ended in some way."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.running import Service

from .test_jobs import live, submit
from .test_notify import ask, button, granted, name, release, switch_on, told
from .waits import wait_until

__all__ = ["granted", "name"]

CURSOR = """Object.values(localStorage).join().match(/"cursor":"([^"]+)"/)?.[1]"""
"""An expression for the cursor from which a page goes on."""


def test_a_view_of_ended_jobs_tells_of_each_that_comes(
    site: Service, granted: Page, name: str
) -> None:
    failing = {"command": ["sh", "-c", "exit 3"], "urgency": 0}
    bad, worse = (submit(site, **failing, name=name) for _ in range(2))
    good = submit(site, command="true", urgency=0, name=name)
    other = submit(site, **failing, name=name.upper())
    granted.goto(f"{site.url}/?name={name[:-1]}*&state=failed,running")
    live(granted)
    filters = f"state:failed name:{name[:-1]}*"
    tell = button(granted)
    expect(tell).to_have_attribute("title", f"Tell me when another job matches {filters}")
    switch_on(granted)
    # A job that ends before the service follows for this window is told of, too.
    first_cursor = granted.evaluate(CURSOR)
    assert first_cursor
    told_of = f"You will be told when another job matches {filters}"
    expect(tell).to_have_accessible_name(told_of)
    for jobid in (good, other, bad):
        release(site, jobid)
    title = f"Jobs with {filters}"
    first = [title, f"Another job matches: {bad} ({name}), Exit code 3."]
    told(granted, first)
    # It stays on, and a job that ends while no page is open is told of by the next.
    expect(tell).to_have_attribute("aria-pressed", "true")
    wait_until(granted, f"(first) => {CURSOR} !== first", first_cursor)
    granted.goto("about:blank")
    release(site, worse)
    ask(site, "GET", f"/v1/jobs/{worse}/wait?timeout=30")
    granted.goto(f"{site.url}/ui/nodes")
    live(granted)
    told(granted, [title, f"Another job matches: {worse} ({name}), Exit code 3."])
    granted.goto(f"{site.url}/?name={name[:-1]}*&state=failed")
    live(granted)
    expect(tell).to_have_attribute("aria-pressed", "true")
    tell.click()
    expect(tell).to_have_attribute("aria-pressed", "false")
