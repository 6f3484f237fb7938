"""What a reader does on the page of a group: wait for its end, cancel it, resubmit what failed."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.running import Service

from .sites import site
from .test_jobs import live, submit
from .test_notify import HELD, cancel, granted, name, release, switch_on, told

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
