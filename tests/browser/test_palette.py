"""The palette: what readers find with it, and how, by the keyboard alone."""

from __future__ import annotations

import getpass
import re

import pytest
from playwright.sync_api import Page, expect

from tests.running import Service

from .test_accessibility import violations
from .test_jobs import live, submit
from .waits import Held

HOSTILE = "<img src=x onerror=alert(1)>\u202etxt.exe"


@pytest.fixture
def opened(site: Service, page: Page) -> Page:
    page.goto(site.url)
    live(page)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    return page


def find(page: Page, text: str) -> None:
    page.get_by_role("combobox", name="Search").fill(text)


def test_a_job_is_found_by_its_name_and_opened_by_keys(site: Service, opened: Page) -> None:
    jobid = submit(site, name="wing-of-a-bittern")
    opened.keyboard.type("bittern")
    option = opened.get_by_role("option", name=re.compile("wing-of-a-bittern"))
    expect(option).to_contain_text(jobid)
    expect(option).to_have_attribute("aria-selected", "true")
    opened.keyboard.press("Enter")
    expect(opened).to_have_url(re.compile(f"/ui/jobs/{jobid}$"), timeout=20_000)


def test_a_job_is_found_by_its_id_in_every_form(site: Service, opened: Page) -> None:
    from fluxapi.model import jobid as ids  # noqa: PLC0415 - this test alone needs it
    from fluxapi.model.mnemonic import encode  # noqa: PLC0415

    jobid = submit(site, name="by-its-id")
    number = ids.parse(jobid)
    dotted = ".".join(re.findall("....", f"{number:016x}"))
    forms = [
        jobid,
        ids.encode_fancy(number),
        str(number),
        hex(number),
        dotted,
        f"job.{dotted}",
        encode(number),
    ]
    option = opened.get_by_role("option", name=re.compile("by-its-id"))
    for form in forms:
        find(opened, form)
        expect(option).to_contain_text(jobid)
        find(opened, "nothing has this name")
        expect(option).to_have_count(0)
    find(opened, "")
    opened.keyboard.insert_text(encode(number))
    # Enter that comes before the answers waits for them.
    opened.keyboard.press("Enter")
    expect(opened).to_have_url(re.compile(f"/ui/jobs/{jobid}$"), timeout=20_000)


def test_groups_nodes_and_pages_are_found(site: Service, opened: Page) -> None:
    submit(site, group="sweep-of-herons")
    find(opened, "sweep-of-h")
    expect(opened.get_by_role("option", name=re.compile("sweep-of-herons.*1 job"))).to_be_visible()
    node = site.get("/v1/nodes")["nodes"][0]
    find(opened, node)
    nodes = opened.get_by_role("group", name="Nodes")
    expect(nodes.get_by_role("option")).to_have_text(re.compile(re.escape(node)))
    nodes.get_by_role("option").click()
    expect(opened).to_have_url(re.compile(f"/ui/nodes/{re.escape(node)}$"))
    live(opened)
    opened.keyboard.press("Control+k")
    find(opened, "nodes")
    opened.keyboard.press("Enter")
    expect(opened).to_have_url(re.compile("/ui/nodes$"))


def test_the_documentation_is_found(opened: Page) -> None:
    opened.keyboard.type("enable authentication")
    found = opened.get_by_role("group", name="Documentation").get_by_role("option").first
    expect(found).to_have_text("Enable authentication")
    found.click()
    expect(opened).to_have_url(re.compile("/docs/auth$"))
    # The address changes before the script of the page listens to keys.
    opened.wait_for_load_state()
    opened.keyboard.press("/")
    expect(opened.get_by_role("searchbox", name="Search the documentation")).to_be_focused()
    opened.keyboard.type("bearer\n")
    expect(opened.locator("mark").first).to_have_text("bearer")


def test_the_documentation_is_searched_while_typing(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/docs/auth")
    field = page.get_by_role("searchbox", name="Search the documentation")
    field.press_sequentially("time limit")
    link = page.get_by_role("main").get_by_role("link", name="Time limit")
    expect(link).to_be_visible()
    expect(field).to_be_focused()
    expect(page).to_have_url(re.compile("/docs/auth$"))
    field.fill("")
    expect(page.get_by_role("heading", level=1)).to_have_text("Enable authentication")
    page.goto(f"{site.url}/docs")
    field.press_sequentially("time limit")
    link.click()
    expect(page).to_have_url(re.compile("/docs/cli#time-limit$"))


def test_the_search_opens_beside_the_dialogs_of_the_design_system(
    site: Service, page: Page
) -> None:
    page.goto(f"{site.url}/docs/design")
    expect(page.get_by_role("button", name="Search")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()


def test_the_menu_says_who_acts_without_authentication(site: Service, page: Page) -> None:
    page.goto(site.url)
    page.locator("#menu summary").click()
    owner = getpass.getuser()
    expect(page.locator("#menu .who")).to_have_text(
        f"No login: everybody who reaches this page acts as {owner}."
    )


def test_pages_that_are_out_of_sight_on_a_phone_are_hinted_at(site: Service, page: Page) -> None:
    page.set_viewport_size({"width": 190, "height": 700})
    page.goto(site.url)
    pages = page.get_by_role("navigation", name="Pages")
    expect(pages).to_have_class("more-after")
    pages.evaluate("it => it.scrollTo(it.scrollWidth, 0)")
    expect(pages).to_have_class("more-before")


def test_an_action_is_done(opened: Page) -> None:
    opened.keyboard.type("theme dark")
    expect(opened.get_by_role("option", name="Theme: Dark")).to_be_visible()
    opened.keyboard.press("Enter")
    expect(opened.locator("html")).to_have_attribute("data-theme", "dark")
    expect(opened.get_by_role("dialog")).to_have_count(0)


def test_an_exact_name_comes_first(site: Service, opened: Page) -> None:
    node = site.get("/v1/nodes")["nodes"][0]
    jobid = submit(site, name="runs-on-that-node")
    submit(site, name=f"{node}-and-more")
    find(opened, node)
    dialog = opened.get_by_role("dialog")
    expect(dialog.get_by_role("status")).to_have_text(re.compile("results?$"))
    expect(dialog.get_by_role("option").first).to_have_text(node)
    expect(dialog.get_by_role("group", name="Jobs", exact=True)).not_to_contain_text(jobid)
    submit(site, name="heron")
    submit(site, name="heron-of-later")
    find(opened, "HERON")
    jobs = opened.get_by_role("group", name="Jobs", exact=True).get_by_role("option")
    expect(jobs.filter(has_text="heron-of-later")).to_have_count(1)
    expect(jobs.first).to_have_text(re.compile(r"^heron\S*ƒ|^heronf|^heron(?!-)"))


def test_escape_closes_at_once(opened: Page) -> None:
    opened.keyboard.type("anything")
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("dialog")).to_have_count(0)


def test_the_theme_that_is_on_is_not_offered(opened: Page) -> None:
    opened.emulate_media(color_scheme="light")
    find(opened, "theme")
    options = opened.get_by_role("dialog").get_by_role("option", name="Theme: ")
    expect(options).to_have_text(["Theme: Dark"])
    opened.keyboard.press("Enter")
    expect(opened.locator("#floating-notice")).to_have_text("Theme: Dark")
    opened.keyboard.press("Control+k")
    find(opened, "theme")
    expect(options).to_have_text(["Theme: Light", "Theme: System"])


def test_all_jobs_that_match_are_a_view(opened: Page) -> None:
    opened.keyboard.type("no such job")
    expect(opened.get_by_role("dialog").get_by_role("option").first).to_have_text(
        "All jobs that match “no such job”"
    )
    opened.keyboard.press("Enter")
    expect(opened).to_have_url(re.compile(r"\?text=no\+such\+job$"))


def test_the_arrows_lead_around(opened: Page) -> None:
    options = opened.get_by_role("dialog").get_by_role("option")
    expect(options.first).to_have_attribute("aria-selected", "true")
    opened.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    named = options.last.get_attribute("id") or ""
    field = opened.get_by_role("combobox", name="Search")
    expect(field).to_have_attribute("aria-activedescendant", named)
    opened.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("dialog")).to_have_count(0)


def test_names_are_only_text(site: Service, opened: Page) -> None:
    jobid = submit(site, name=HOSTILE)
    find(opened, jobid)
    option = opened.get_by_role("group", name="Jobs").get_by_role("option")
    expect(option).to_contain_text("<img src=x onerror=alert(1)>⟨U+202E⟩txt.exe")
    expect(opened.get_by_role("dialog").locator("img")).to_have_count(0)


def test_answers_to_older_queries_are_ignored(site: Service, page: Page) -> None:
    first, last = submit(site, name="older-query"), submit(site, name="newer-query")
    page.goto(site.url)
    live(page)
    waiting = Held(page, re.compile(r"/v1/jobs\?.*text=older-query"))
    page.get_by_role("button", name="Search").click()
    with page.expect_request(re.compile("text=older-query")):
        find(page, "older-query")
    find(page, "newer-query")
    jobs = page.get_by_role("group", name="Jobs").get_by_role("option")
    expect(jobs).to_contain_text([last])
    with page.expect_response(re.compile("text=older-query")):
        waiting.release()
    expect(jobs).to_have_count(1)
    expect(jobs).not_to_contain_text(first)


def test_the_service_that_is_gone_is_said(opened: Page) -> None:
    opened.route(re.compile("/v1/jobs"), lambda route: route.abort("connectionrefused"))
    opened.keyboard.type("anything")
    expect(opened.get_by_role("dialog").get_by_role("status")).to_have_text(
        "The service cannot be reached."
    )


def test_a_slash_leads_to_the_filter(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/nodes")
    live(page)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("a/b?")
    expect(page.get_by_role("searchbox")).to_have_value("a/b?")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_shortcuts_are_listed_and_single_keys_can_be_turned_off(
    site: Service, page: Page
) -> None:
    page.goto(site.url)
    live(page)
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_contain_text("Go to the filter of the page")
    dialog.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.keyboard.press("/")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("main input:focus")).to_have_count(0)
    page.locator("#menu summary").click()
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(dialog.get_by_role("checkbox")).not_to_be_checked()


def test_the_palette_shuts_nobody_out(site: Service, still: Page) -> None:
    submit(site, name="for-everybody", group="everybody")
    still.goto(site.url)
    live(still)
    still.keyboard.press("Control+k")
    find(still, "everybody")
    expect(still.get_by_role("group", name="Jobs").get_by_role("option")).to_have_count(1)
    assert violations(still) == []
    still.keyboard.press("Escape")
    still.keyboard.press("?")
    assert violations(still) == []


def test_letters_that_are_typed_before_the_palette_is_there_are_in_it(
    site: Service, page: Page
) -> None:
    submit(site, name="wing-of-a-heron")
    page.goto(site.url)
    live(page)
    script = re.compile(
        re.escape(page.evaluate("document.body.dataset.palette").rpartition("/")[2])
    )
    late = Held(page, script)
    page.keyboard.press("Control+k")
    page.keyboard.type("heron")
    late.release()
    expect(page.get_by_role("combobox", name="Search")).to_have_value("heron")
    page.keyboard.type("s")
    expect(page.get_by_role("combobox", name="Search")).to_have_value("herons")
