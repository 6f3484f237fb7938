"""Tasks of people who use the form for the first time: understand it, and lose nothing."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.running import Service, service

from .test_jobs import live


@pytest.fixture(scope="module")
def keeps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a service that keeps templates."""
    folder = tmp_path_factory.mktemp("state")
    with service("--instance=embedded", f"--statedir={folder}") as running:
        yield running


def opened(site: Service, page: Page, query: str = "") -> None:
    page.goto(f"{site.url}/ui/submit{query}")
    live(page)


EDGE = """async (data) => {
  const image = new Image();
  image.src = `data:image/png;base64,${data}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const at = (y) => [...context.getImageData(5, y, 1, 1).data].join();
  return at(image.height - 4) !== at(Math.round(image.height / 2));
}"""


def is_shaded(page: Page, name: str) -> bool:
    """Return if the lower edge of the box differs from its middle."""
    data = base64.b64encode(page.locator(name).screenshot()).decode()
    # A page of the service loads no image from a text.
    blank = page.context.new_page()
    shaded: bool = blank.evaluate(EDGE, data)
    blank.close()
    return shaded


def tool(page: Page, name: str) -> None:
    page.locator("#more > summary").click()
    page.get_by_role("button", name=name).click()


@pytest.mark.parametrize(
    ("typed", "shown"), [("5m", "5m"), ("90m", "1h 30m"), ("45", "45m"), ("0", "No limit")]
)
def test_a_time_limit_of_a_script_is_shown_with_its_units(
    site: Service, page: Page, typed: str, shown: str
) -> None:
    opened(site, page)
    page.get_by_text("A batch script", exact=True).click()
    page.get_by_label("Script", exact=True).fill(f"#!/bin/sh\n#flux: -t {typed}\ntrue\n")
    expect(page.locator("#given-duration")).to_have_text(f"Line 2 of the script: {shown}")
    expect(page.get_by_label("Time limit")).to_have_attribute("placeholder", shown)


def test_the_form_says_what_a_slot_is(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_text("A batch script", exact=True).click()
    expect(page.locator("#help-num_slots")).to_be_visible()
    expect(page.locator("#help-num_slots")).to_contain_text("room for one task")


def test_a_queue_is_asked_for_only_where_there_are_queues(site: Service, page: Page) -> None:
    opened(site, page)
    queue = page.get_by_label("Queue", exact=True)
    expect(queue).to_be_hidden()
    page.get_by_text("A batch script", exact=True).click()
    script = page.get_by_label("Script", exact=True)
    script.fill("#!/bin/sh\n#flux: -q nope\ntrue\n")
    expect(queue).to_be_visible()
    expect(page.locator("#given-queue")).to_have_text("Line 2 of the script: nope")
    script.fill("#!/bin/sh\ntrue\n")
    expect(queue).to_be_hidden()


@pytest.mark.parametrize("look", ["light", "dark"])
def test_a_line_for_the_terminal_that_is_cut_shows_that_there_is_more(
    site: Service, page: Page, look: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=look)
    opened(site, page)
    page.get_by_text("A batch script", exact=True).click()
    assert not is_shaded(page, "#curl")
    page.get_by_label("Script", exact=True).fill("#!/bin/sh\n" + "echo a long script\n" * 90)
    curl = page.locator("#curl")
    expect(curl).to_contain_text("a long script")
    assert curl.evaluate("(it) => it.scrollHeight > it.clientHeight + 40")
    assert is_shaded(page, "#curl")
    assert not is_shaded(page, "#line")
    curl.evaluate("(it) => { it.scrollTop = it.scrollHeight; }")
    assert not is_shaded(page, "#curl")


@pytest.mark.parametrize("is_copy", [False, True])
def test_a_form_that_was_cleared_comes_back(
    site: Service, page: Page, tmp_path: Path, is_copy: bool
) -> None:
    params = tmp_path / "params.csv"
    params.write_text("a,b\n", encoding="utf-8")
    query = ""
    if is_copy:
        made = page.request.post(f"{site.url}/v1/jobs", data={"command": "hostname"}).json()
        query = f"?from={made['id']}"
    opened(site, page, query)
    command = page.get_by_label("Command", exact=True)
    command.fill("wc -l params.csv")
    page.get_by_label("Attach files").set_input_files(params)
    expect(page.locator("#attached li")).to_have_count(1)
    tool(page, "Start over")
    expect(command).to_have_value("hostname" if is_copy else "")
    expect(page.locator("#attached li")).to_have_count(0)
    page.locator("#origin").get_by_role("button", name="Undo").click()
    expect(command).to_have_value("wc -l params.csv")
    expect(page.locator("#attached li")).to_have_count(1)
    expect(page.locator("#files-missing")).to_be_hidden()


def test_a_template_is_for_this_browser_unless_it_is_meant_for_everybody(
    keeps: Service, page: Page
) -> None:
    opened(keeps, page)
    page.get_by_label("Command", exact=True).fill("hostname")
    tool(page, "Save as template…")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Keep it").locator("option")).to_have_text(
        ["In this browser", re.compile("for everybody")]
    )
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    page.locator("#name").fill("suggested")
    tool(page, "Save as template…")
    # The keys replace the suggested name.
    expect(dialog.get_by_label("Name")).to_have_value("suggested")
    page.keyboard.type("mine")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#origin")).to_have_text("The template mine is saved in this browser.")
    names = [template["name"] for template in keeps.get("/v1/templates")["templates"]]
    assert "mine" not in names
    page.locator("#templates > summary").click()
    page.get_by_role("button", name="Delete the template mine").click()
    delete = dialog.get_by_role("button", name="Delete")
    expect(delete).to_have_class(re.compile(r"\bdanger\b"))
    delete.click()
    expect(dialog).to_have_count(0)


def test_the_link_to_a_template_of_the_service_is_copied_later(
    keeps: Service, page: Page, context: BrowserContext
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.request.put(
        f"{keeps.url}/v1/templates/two words", data={"job": {"command": "echo shared"}}
    )
    opened(keeps, page)
    page.locator("#templates > summary").click()
    page.get_by_role("button", name="Copy the link to template two words").click()
    expect(page.locator("#origin")).to_contain_text("The link to the form filled from template two")
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(page.get_by_label("Command", exact=True)).to_have_value("echo shared")
    page.request.delete(f"{keeps.url}/v1/templates/two words")
