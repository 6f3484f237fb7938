"""The table of jobs on a phone: what matters is in sight, everything can be reached by a thumb."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import Service

from .test_bulk import submit_many
from .test_jobs import chip, field, line, live, submit
from .waits import wait_until

WIDTH, HEIGHT = 390, 844


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def test_id_name_and_status_are_in_sight(site: Service, phone: Page) -> None:
    jobid = submit(site, name="on-a-phone")
    phone.goto(f"{site.url}/?name=on-a-phone")
    live(phone)
    status = line(phone, jobid).locator(".status")
    expect(status).to_have_text("COMPLETED")
    for part in (line(phone, jobid).get_by_role("link"), status):
        box = part.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= WIDTH
    assert phone.evaluate("document.documentElement.scrollWidth") <= WIDTH
    assert phone.evaluate("innerWidth") == WIDTH


def test_a_reader_who_may_change_nothing_sorts_and_compares(site: Service, phone: Page) -> None:
    jobs = [submit(site, name="view-only", num_tasks=count) for count in (1, 2)]
    phone.add_init_script(
        "addEventListener('DOMContentLoaded', () => { document.body.dataset.right = 'view'; })"
    )
    phone.goto(f"{site.url}/?name=view-only")
    live(phone)
    for jobid in jobs:
        expect(line(phone, jobid).locator(".status")).to_have_text("COMPLETED")
    expect(phone.locator("#jobs input[type=checkbox]:visible")).to_have_count(0)
    expect(phone.locator(".sort-by select")).to_be_visible()
    # Runtimes stand below each other.
    boxes = [line(phone, jobid).locator("[data-key=runtime]").bounding_box() for jobid in jobs]
    assert len({round(box["x"] + box["width"]) for box in boxes if box}) == 1


def test_the_words_of_a_card_never_meet_its_line(site: Service, phone: Page) -> None:
    phone.goto(site.url)
    live(phone)
    apart = phone.evaluate(
        """() => [...document.querySelectorAll(".figure-card")].map((card) => {
            const words = card.querySelector(".words");
            words.append("2 not up, and more words than a card has room for");
            const [text, line] = [document.createRange(), card.querySelector(".sparkline")];
            text.selectNodeContents(words);
            const box = line.getBoundingClientRect();
            return box.width === 0 || text.getBoundingClientRect().right <= box.left;
        })"""
    )
    assert apart == [True] * 4


def test_problems_of_nodes_are_not_cut_off(site: Service, phone: Page) -> None:
    phone.goto(site.url)
    live(phone)
    overflow = phone.evaluate(
        """() => {
            const card = document.querySelector(".figure-card");
            const wrong = document.createElement("span");
            wrong.className = "wrong";
            wrong.textContent = "12 nodes drained or down";
            card.querySelector(".words").append(wrong);
            return card.scrollWidth - card.clientWidth;
        }"""
    )
    assert overflow <= 0
    # The cards of a line begin at one height, however many lines their words take.
    tops = phone.locator(".figure-card .label").evaluate_all(
        "(all) => all.slice(0, 2).map((it) => it.getBoundingClientRect().top)"
    )
    assert tops[0] == tops[1]


def test_a_job_is_canceled_by_thumb(site: Service, phone: Page) -> None:
    jobid = submit(site, command=["sleep", "600"], name="by-thumb", urgency=0)
    phone.goto(f"{site.url}/?name=by-thumb")
    live(phone)
    line(phone, jobid).get_by_role("checkbox").tap()
    phone.get_by_role("button", name="Cancel 1").tap()
    dialog = phone.get_by_role("dialog")
    box = dialog.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= WIDTH
    dialog.get_by_role("button", name="Cancel").tap()
    expect(dialog).to_have_count(0)
    expect(line(phone, jobid).locator(".status")).to_have_text("CANCELED")


def test_the_menus_stay_on_the_screen(site: Service, phone: Page) -> None:
    phone.goto(site.url)
    live(phone)
    for name in ("View", "Download", "Menu"):
        phone.locator("summary", has_text=name).tap()
        box = phone.locator("details.menu[open] > div").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= WIDTH
        phone.keyboard.press("Escape")
        expect(phone.locator("details.menu[open]")).to_have_count(0)


def test_filters_are_chosen_by_thumb(site: Service, phone: Page) -> None:
    jobid = submit(site, name="by-a-finger")
    phone.goto(f"{site.url}/?name=by-a-finger")
    live(phone)
    field(phone).tap()
    phone.get_by_role("option", name="state:").tap()
    phone.get_by_role("option", name="state: failed").tap()
    expect(chip(phone, "state")).to_have_text("state:failed")
    expect(line(phone, jobid)).to_have_count(0)
    assert phone.evaluate("document.documentElement.scrollWidth") <= WIDTH
    phone.get_by_role("button", name="Remove state").tap()
    expect(line(phone, jobid)).to_be_visible()
    phone.get_by_role("button", name="Clear", exact=True).tap()
    expect(phone.locator(".chip")).to_have_count(0)


def test_the_list_is_sorted_by_one_control(site: Service, phone: Page) -> None:
    first, second = submit(site, name="sorted-a"), submit(site, name="sorted-b")
    phone.goto(f"{site.url}/?name=sorted-*")
    live(phone)
    rows = phone.locator("#jobs tbody tr[data-id]")
    expect(rows.first).to_have_attribute("data-id", second)
    by = phone.get_by_label("Sort by")
    box = by.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= WIDTH
    by.focus()
    by.select_option("Name")
    expect(by).to_be_focused()
    phone.get_by_role("button", name="Descending; reverse the order").tap()
    expect(rows.first).to_have_attribute("data-id", first)
    expect(phone.get_by_role("button", name="Ascending; reverse the order")).to_be_focused()
    assert phone.url.endswith("sort=name")
    # A card has no columns to choose.
    phone.locator("summary", has_text="View").tap()
    expect(phone.get_by_role("button", name="Copy link")).to_be_visible()
    expect(phone.get_by_label("Urgency")).to_be_hidden()


def test_a_note_has_the_line_to_itself(site: Service, phone: Page) -> None:
    before = submit(site, command=["sleep", "600"], name="noted", urgency=0)
    jobid = submit(site, name="noted", dependencies=[f"afterok:{before}"])
    phone.goto(f"{site.url}/?name=noted")
    live(phone)
    note = line(phone, jobid).locator('[data-key="note"]')
    expect(note).to_have_text(f"Waits for {before} to succeed")
    assert note.evaluate("(it) => it.scrollWidth <= it.clientWidth")
    box, of_id = note.bounding_box(), line(phone, jobid).locator('[data-key="id"]').bounding_box()
    assert box is not None
    assert of_id is not None
    assert box["y"] + box["height"] <= of_id["y"] + 1


def test_the_top_scrolls_away_with_the_list(site: Service, phone: Page) -> None:
    submit_many(site, 60, command=["true"], name="long-list")
    phone.add_init_script("""localStorage.setItem("fluxapi.columns", '{"grouped":false}')""")
    phone.goto(site.url)
    live(phone)
    expect(phone.locator("#jobs tbody tr[data-id]").nth(12)).to_be_attached()
    phone.locator("#frame").evaluate("(it) => it.scrollTo(0, 400)")
    bottom = "() => document.getElementById('strip').getBoundingClientRect().bottom"
    wait_until(phone, f"{bottom} <= 0")
    expect(field(phone)).to_be_in_viewport()
