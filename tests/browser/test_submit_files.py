"""Tasks of people who send local files with a job: read them there, and attach them again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.running import Service

from .sites import site
from .test_jobs import live
from .test_submit_page import submitted

__all__ = ["site"]

AGAIN = "Attach params.csv again: drafts and templates do not keep files."


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "params.csv"
    path.write_text("alpha,beta\n", encoding="utf-8")
    return path


def opened(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/submit")
    live(page)


@pytest.mark.parametrize("what", ["command", "script"])
def test_a_job_reads_a_file_at_the_place_that_the_page_names(
    site: Service, page: Page, params: Path, what: str
) -> None:
    opened(site, page)
    page.get_by_label("Attach files").set_input_files(params)
    place = page.locator("#attached code")
    expect(place).to_have_text("{{tmpdir}}/params.csv")
    if what == "script":
        page.get_by_text("A batch script", exact=True).click()
        expect(place).to_have_text('"$(dirname "$0")/params.csv"')
    shown = place.inner_text()
    documented = page.locator("#help-files code").locator("visible=true").inner_text()
    assert documented.replace("NAME", "params.csv") == shown
    expect(page.locator("#help-files")).not_to_contain_text("FLUX_JOB_TMPDIR")
    if what == "script":
        text = f"#!/bin/sh\n#flux: --output=kvs\ncat {shown}\n"
        page.get_by_label("Script", exact=True).fill(text)
    else:
        page.get_by_label("Command", exact=True).fill(f"cat {shown}")
    jobid = submitted(page)
    page.goto(f"{site.url}/ui/jobs/{jobid}")
    expect(page.locator("#screen")).to_contain_text("alpha,beta", timeout=60_000)


def test_a_form_that_comes_back_without_its_files_names_them(
    on_embedded: Service, page: Page, params: Path
) -> None:
    opened(on_embedded, page)
    page.get_by_label("Command", exact=True).fill("wc -l params.csv")
    page.get_by_label("Attach files").set_input_files(params)
    missing = page.locator("#files-missing")
    expect(missing).to_be_hidden()
    opened(on_embedded, page)
    expect(page.get_by_label("Command", exact=True)).to_have_value("wc -l params.csv")
    expect(missing).to_contain_text(AGAIN)
    page.reload()
    live(page)
    expect(missing).to_contain_text(AGAIN)
    page.get_by_label("Attach files").set_input_files(params)
    expect(missing).to_be_hidden()
    opened(on_embedded, page)
    missing.get_by_role("button", name="Dismiss").click()
    expect(missing).to_be_hidden()
    opened(on_embedded, page)
    expect(page.get_by_label("Command", exact=True)).to_have_value("wc -l params.csv")
    expect(missing).to_be_hidden()


def test_a_recent_submission_names_the_files_that_it_had(
    on_embedded: Service, page: Page, params: Path
) -> None:
    opened(on_embedded, page)
    page.get_by_label("Command", exact=True).fill("echo with a file")
    page.get_by_label("Attach files").set_input_files(params)
    submitted(page)
    page.get_by_role("button", name="Submit another").click()
    page.get_by_role("button", name="Remove params.csv").click()
    page.locator("#recent > summary").click()
    page.locator("#recent-list").get_by_role("button", name=re.compile("with a file")).click()
    expect(page.locator("#files-missing")).to_contain_text(AGAIN)


def test_a_link_names_the_files_that_its_script_reads(on_embedded: Service, page: Page) -> None:
    opened(on_embedded, page)
    page.get_by_text("A batch script", exact=True).click()
    script = '#!/bin/sh\n#flux: --output=kvs\ncat "$(dirname "$0")/params.csv"\n'
    page.get_by_label("Script", exact=True).fill(script)
    expect(page.locator("#files-missing")).to_be_hidden()
    page.locator("#more > summary").click()
    page.get_by_role("button", name="Link to this form…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Show the link").click()
    link = dialog.get_by_label("Link", exact=True).input_value()
    page.goto("about:blank")
    page.goto(link)
    live(page)
    expect(page.locator("#files-missing")).to_contain_text(AGAIN)


def test_the_line_for_the_terminal_continues_beside_a_long_name_of_a_file(
    on_embedded: Service, page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "-".join(["parameters-of-the-third-sweep"] * 3)
    file.write_text("x", encoding="utf-8")
    page.set_viewport_size({"width": 1440, "height": 900})
    opened(on_embedded, page)
    page.get_by_label("Command", exact=True).fill("true")
    page.get_by_label("Attach files").set_input_files(file)
    line = page.locator("#line")
    expect(line).to_contain_text(f"--add-file={file.name} \\")
    # The sign that the command goes on has no line of its own.
    tops = line.evaluate(
        """(it) => {
          const walk = document.createTreeWalker(it, NodeFilter.SHOW_TEXT);
          const tops = [];
          let before = 0;
          for (let node = walk.nextNode(); node; node = walk.nextNode()) {
            for (let at = 0; at < node.data.length; at++) {
              const range = document.createRange();
              range.setStart(node, at);
              range.setEnd(node, at + 1);
              const { bottom } = range.getBoundingClientRect();
              if (node.data[at] === "\\\\") tops.push([before, bottom]);
              if (node.data[at].trim()) before = bottom;
            }
          }
          return tops;
        }"""
    )
    assert tops
    assert all(abs(before - bottom) < 4 for before, bottom in tops)
