"""The column Note of the lists of jobs: why a job waits or failed can be read, and is linked."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.running import Service, service
from tests.waiting import block_until

from .sites import page_only, site
from .test_jobs import line, live, submit

__all__ = ["site"]

CUT = "(it) => it.scrollHeight > it.clientHeight || it.scrollWidth > it.clientWidth"


@page_only
@pytest.mark.parametrize("width", [1024, 1440])
def test_the_reason_of_a_failure_can_be_read(site: Service, page: Page, width: int) -> None:
    jobid = submit(site, command=["sh", "-c", "kill -9 $$"], name="killed")
    site.get(f"/v1/jobs/{jobid}/wait")
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(site.url)
    live(page)
    row = line(page, jobid)
    note = row.locator(".note-text")
    expect(note).to_contain_text("SIGKILL (signal 9): possibly because memory ran out")
    assert not note.evaluate(CUT)
    # Two lines are not higher than a row.
    assert row.evaluate("(it) => it.offsetHeight") == 32
    assert page.evaluate("(({scrollWidth, clientWidth}) => scrollWidth <= clientWidth)(frame)")


@page_only
def test_a_compact_row_has_one_line(site: Service, page: Page) -> None:
    jobid = submit(site, command=["sh", "-c", "kill -9 $$"], name="killed")
    site.get(f"/v1/jobs/{jobid}/wait")
    page.set_viewport_size({"width": 1024, "height": 800})
    page.goto(site.url)
    live(page)
    page.locator("#view-menu > summary").click()
    page.get_by_text("Compact").click()
    row = line(page, jobid)
    assert row.evaluate("(it) => it.offsetHeight") == 26
    # The whole is where the reader points.
    expect(row.locator('[data-key="note"]')).to_have_attribute(
        "title", "Exit code 137, from SIGKILL (signal 9): possibly because memory ran out"
    )


def test_a_past_job_links_to_the_job_that_kept_it_from_starting(tmp_path: Path, page: Page) -> None:
    with service("--instance=embedded", f"--statedir={tmp_path}") as site:
        first = submit(site, name="first", urgency=0)
        never = submit(site, name="never", dependencies=[f"afterok:{first}"])
        page.request.post(f"{site.url}/v1/jobs/{first}/cancel", data={})
        site.get(f"/v1/jobs/{never}/wait")
        block_until(lambda: len(site.get("/v1/jobs?instance=all")["jobs"]) == 2)
        page.goto(f"{site.url}/ui/history/jobs?name=never")
        note = page.locator('#jobs td[data-key="note"]')
        expect(note).to_have_text(f"{first} never started, so this did not either")
        # The job that the note names is no place of the list.
        page.locator('#jobs td[data-key="id"] a').click()
        expect(page.locator("#steps")).to_contain_text("Job 1 of 1")
        live(page)
        page.go_back()
        note.get_by_role("link", name=first).click()
        expect(page.locator("#name")).to_have_text("first")
