"""The button "Tell me when it ends" in several windows: one of them tells."""

from __future__ import annotations

import re

from playwright.sync_api import BrowserContext, expect

from tests.running import Service

from .test_jobs import live, submit
from .test_live import HIDE
from .test_notify import (
    FAKE,
    HELD,
    cancel,
    name,
    switch_on,
    told,
)
from .test_windows import NO_SOCKETS

__all__ = ["name"]


def test_one_of_several_windows_tells(context: BrowserContext, site: Service, name: str) -> None:
    context.add_init_script(FAKE % "granted")
    jobid = submit(site, **HELD, name=name)
    pages = [context.new_page() for _ in range(3)]
    for page, path in zip(pages, ("/", "/ui/nodes", f"/ui/jobs/{jobid}"), strict=True):
        page.goto(site.url + path)
        live(page)
    switch_on(pages[2])
    pages[2].close()
    for page in pages[:2]:
        page.evaluate(HIDE, True)
    cancel(site, jobid)
    for page in pages[:2]:
        expect(page).to_have_title(re.compile(r"^\(1\) "))
    texts = [text for page in pages[:2] for text in page.evaluate("window.told")]
    assert texts == [[f"Job {jobid} ({name})", "Canceled before it ran"]]
    pages[0].evaluate(HIDE, False)
    for page in pages[:2]:
        expect(page).to_have_title(re.compile(r"^[^(]"))


def test_windows_that_share_a_stream(context: BrowserContext, site: Service, name: str) -> None:
    context.add_init_script(NO_SOCKETS + FAKE % "granted")
    jobid = submit(site, **HELD, name=name)
    pages = [context.new_page() for _ in range(2)]
    for page, path in zip(pages, (f"/ui/jobs/{jobid}", f"/?name={name}"), strict=True):
        page.goto(site.url + path)
        live(page)
        switch_on(page)
    cancel(site, jobid)
    # The window that came first tells of both.
    told(
        pages[0],
        [f"Job {jobid} ({name})", "Canceled before it ran"],
        [f"Jobs with name:{name}", "The jobs that were active have ended: 1 canceled."],
    )
    assert pages[1].evaluate("window.told") == []
