"""The pages without a mouse, and as a screen reader finds them."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect

from tests.running import Service

from .test_jobs import live, submit

PAGES = ["/", "/ui/nodes", "/ui/submit", "/ui/jobs/{id}"]
MOST = 120
"""Stops of the tab key that a page has at most."""

STOP = """() => {
  const it = document.activeElement;
  if (it === document.body || it === document.documentElement) return null;
  // The field of the filters shows the ring around its chips, too.
  const ringed = it.matches(".filter-box > input") ? it.parentElement : it;
  const { outlineStyle, outlineWidth } = getComputedStyle(ringed);
  window.stops ??= [];
  if (window.stops.includes(it)) return null;
  window.stops.push(it);
  const ring = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  return { html: it.outerHTML.slice(0, 100), ring };
}"""

OUTLINE = """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter((it) => it.checkVisibility()).map((it) => Number(it.tagName[1]))"""

LIVE = """() => [...document.querySelectorAll("[role=alert], [aria-live]")]
  .filter((it) => it.checkVisibility() && it.textContent.trim())
  .filter((it) => it.role === "alert" || it.ariaLive === "assertive").map((it) => it.outerHTML)"""

LANDMARKS = """
- link "Skip to content"
- banner:
  - navigation "Pages":
    - link "Jobs"
    - link "Nodes"
  - link "Submit job"
- main:
  - heading [level=1]
"""


@pytest.fixture
def jobid(site: Service) -> str:
    jobid = submit(site, command=["sh", "-c", "echo out; exit 3"], name="by-keyboard")
    site.get(f"/v1/jobs/{jobid}/wait")
    return jobid


def visit(site: Service, page: Page, path: str, jobid: str) -> None:
    page.goto(site.url + path.format(id=jobid))
    live(page)


@pytest.mark.parametrize("path", PAGES)
def test_every_stop_is_seen_and_none_is_a_trap(
    site: Service, page: Page, jobid: str, path: str
) -> None:
    visit(site, page, path, jobid)
    stops = []
    for _ in range(MOST):
        page.keyboard.press("Tab")
        stop = page.evaluate(STOP)
        if stop is None:
            break
        stops.append(stop)
    assert 8 < len(stops) < MOST
    assert 'class="skip"' in stops[0]["html"]
    assert [stop["html"] for stop in stops if not stop["ring"]] == []


@pytest.mark.parametrize("path", PAGES)
def test_a_screen_reader_finds_its_way(site: Service, page: Page, jobid: str, path: str) -> None:
    visit(site, page, path, jobid)
    expect(page.locator("body")).to_match_aria_snapshot(LANDMARKS)
    levels = page.evaluate(OUTLINE)
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(lower <= upper + 1 for upper, lower in pairwise(levels))
    # Nothing on the page may interrupt a screen reader; only errors may.
    assert page.evaluate(LIVE) == []
    expect(page.get_by_role("main")).to_have_count(1)


def test_the_parts_of_a_job_have_names(site: Service, page: Page, jobid: str) -> None:
    visit(site, page, "/ui/jobs/{id}", jobid)
    expect(page.get_by_role("main")).to_match_aria_snapshot(
        """
        - heading "by-keyboard" [level=1]
        - region "Output":
          - heading "Output" [level=2]
          - group "Stream"
          - search:
            - searchbox "Find in the output"
          - region "Output of the job"
        - region "Eventlog":
          - heading "Eventlog" [level=2]
        - region "Timeline":
          - heading "Timeline" [level=2]
          - list
        - region "Facts":
          - heading "Facts" [level=2]
        """
    )


def test_the_parts_of_the_form_have_names(site: Service, page: Page, jobid: str) -> None:
    visit(site, page, "/ui/submit", jobid)
    expect(page.get_by_role("main")).to_match_aria_snapshot(
        """
        - heading "Submit a job" [level=1]
        - region "What":
          - radiogroup "What to run":
            - radio "A command" [checked]
          - textbox "Command"
        - region "Resources":
          - textbox "Tasks"
          - radiogroup "How many":
            - radio "One job" [checked]
        - region "Output"
        - region "The same from a terminal":
          - heading "fluxapi" [level=3]
          - button "Copy the fluxapi line"
          - heading "curl" [level=3]
          - button "Copy the curl line"
        - button "Submit"
        """
    )


def test_the_table_of_nodes_is_a_table(site: Service, page: Page, jobid: str) -> None:
    visit(site, page, "/ui/nodes", jobid)
    expect(page.get_by_role("table")).to_match_aria_snapshot(
        """
        - table "Nodes, live":
          - rowgroup:
            - row:
              - columnheader "Node"
              - columnheader "State"
              - columnheader "Cores"
          - rowgroup:
            - row:
              - rowheader
              - cell "Up"
        """
    )


def test_the_skip_link_skips(site: Service, page: Page, jobid: str) -> None:
    visit(site, page, "/ui/submit", jobid)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#templates > summary")).to_be_focused()


def test_a_job_is_submitted_and_canceled_by_keys(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command", exact=True).focus()
    page.keyboard.type("sleep 600")
    page.locator("#advanced > summary").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Urgency").focus()
    page.keyboard.type("hold")
    page.keyboard.press("Control+Enter")
    page.locator("#done a").focus()
    page.keyboard.press("Enter")
    live(page)
    cancel = page.get_by_role("button", name="Cancel")
    cancel.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(cancel).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label(re.compile("^Reason")).focus()
    page.keyboard.type("by keys")
    page.keyboard.press("Enter")
    expect(page.locator("#exceptions")).to_contain_text("by keys")


def test_the_arrow_down_leads_to_the_rows_and_enter_opens_a_job(site: Service, page: Page) -> None:
    jobid = submit(site, command="true", name="few-keys")
    visit(site, page, "/?name=few-keys", jobid)
    expect(page.locator(f"tr[data-id={jobid}]")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name=jobid)).to_be_focused()
    # So it does from the filter, once nothing is typed there.
    page.keyboard.press("/")
    expect(page.get_by_role("combobox")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name=jobid)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("checkbox", name=f"Select {jobid}")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#id")).to_have_text(jobid)


def test_the_output_is_scrolled_by_keys(site: Service, page: Page) -> None:
    jobid = submit(site, command=["seq", "500"])
    visit(site, page, "/ui/jobs/{id}", jobid)
    expect(page.locator("#screen .line")).to_have_count(500)
    page.locator("#screen").focus()
    page.keyboard.press("Control+Home")
    expect(page.locator("#screen .line").first).to_be_in_viewport()


@pytest.mark.parametrize("path", PAGES)
def test_nothing_moves_for_those_who_ask_for_that(
    unheard: Page, site: Service, jobid: str, path: str
) -> None:
    page = unheard
    page.emulate_media(reduced_motion="reduce")
    visit(site, page, path, jobid)
    moving = """() => [...document.querySelectorAll("*")]
      .filter((it) => parseFloat(getComputedStyle(it).transitionDuration) > 0
        || getComputedStyle(it).animationName !== "none").map((it) => it.tagName)"""
    assert page.evaluate(moving) == []


def test_a_heading_that_sorts_is_not_replaced(site: Service, page: Page) -> None:
    page.goto(site.url)
    live(page)
    heading = page.locator('th[data-key="name"]')
    heading.evaluate("(it) => { it.kept = true; }")
    button = heading.get_by_role("button")
    button.focus()
    for order in ("ascending", "descending"):
        page.keyboard.press("Enter")
        expect(heading).to_have_attribute("aria-sort", order)
        expect(button).to_be_focused()
    assert heading.evaluate("(it) => it.kept")
    expect(page.locator('th[data-key="id"]')).to_have_attribute("aria-sort", "none")
