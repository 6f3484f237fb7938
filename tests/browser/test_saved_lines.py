"""Chosen lines of an output as a file."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.running import Service

from .sites import page_only, site
from .test_job import choose_stream, gates, script
from .test_output_viewer import ended

__all__ = ["gates", "site"]


def saved(page: Page) -> tuple[str, str]:
    """Download the chosen lines, and return the name of the file and its text."""
    with page.expect_download() as download:
        page.locator(".line-link").get_by_role("button", name="Download").click()
    path = download.value.path()
    return download.value.suggested_filename, Path(path).read_text(encoding="utf-8")


@page_only
def test_chosen_lines_are_downloaded_whether_loaded_or_not(site: Service, page: Page) -> None:
    jobid = script(site, "seq 30000")
    ended(site, page, jobid, "#L6-L29000")
    name, text = saved(page)
    assert name == f"{jobid}.6-29000.txt"
    assert text == "".join(f"{number}\n" for number in range(6, 29_001))
    bar = page.locator(".line-link")
    expect(bar.get_by_role("status")).to_have_text("28,995 lines downloaded.")


@page_only
def test_only_the_stream_that_is_shown_is_downloaded(site: Service, page: Page) -> None:
    jobid = script(site, "seq 3; sleep 1; seq 4 6 >&2")
    ended(site, page, jobid, "#L2-L5")
    assert saved(page)[1] == "2\n3\n4\n5\n"
    choose_stream(page, "stderr")
    assert saved(page)[1] == "4\n5\n"
