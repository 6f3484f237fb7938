"""All errors of the form are told at once, each at its field, in plain words."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from tests.running import Service

from .test_submit_page import advanced, jobspec, submitted
from .test_submit_tasks import opened
from .waits import wait_until


def test_all_wrong_fields_are_told_at_once(site: Service, browser: Browser) -> None:
    # Chromium reports the refusal as an error of the page, so this is a context of its own.
    page = browser.new_page()
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("echo 'a")
    page.get_by_label("Time limit").fill("soon")
    page.get_by_label("Tasks", exact=True).fill("2")
    page.get_by_label("Nodes", exact=True).fill("3")
    advanced(page)
    page.locator("#constraints").fill("fast &")
    page.locator("#environment").fill("no value")
    page.locator("#go").click()
    expect(page.locator("#summary")).to_contain_text("Fix 5 fields")
    for name, said in (
        ("command", "not closed"),
        ("duration", "write 2h30m, 90m or 2:30:00"),
        ("num_nodes", "must not be above"),
        ("constraints", "a property or host is missing before the end"),
        ("environment", "="),
    ):
        expect(page.locator(f"#wrong-{name}")).to_contain_text(said)
    page.close()


def test_advice_stays_when_another_field_is_refused(site: Service, unheard: Page) -> None:
    page = unheard
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("sort a | uniq")
    advice = page.locator("#wrong-command")
    expect(advice).to_contain_text("the program gets | as text")
    page.get_by_label("Time limit").fill("2h30")
    page.locator("#go").click()
    expect(page.locator("#summary")).to_contain_text("Fix 1 field")
    expect(advice).to_contain_text("the program gets | as text")
    # The same if only the service knows that the field is wrong.
    page.get_by_label("Time limit").fill("")
    page.get_by_label("Tasks", exact=True).fill("2")
    page.get_by_label("Nodes", exact=True).fill("3")
    page.locator("#go").click()
    expect(page.locator("#wrong-num_nodes")).to_contain_text("must not be above")
    expect(advice).to_contain_text("the program gets | as text")


def test_the_sentence_of_a_field_is_not_behind_the_bar(site: Service, page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 600})
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("echo 'a")
    findings = page.locator("#findings")
    expect(findings).to_have_text("Command")
    limit = page.get_by_label("Time limit")
    limit.focus()
    # The field stands above the bar, which names one more field and grows by nothing.
    height = """() => {
        const bar = document.querySelector("#answer").getBoundingClientRect();
        const field = document.querySelector("#duration").getBoundingClientRect();
        scrollBy({ top: field.bottom + 18 - bar.top, behavior: "instant" });
        return bar.height;
    }"""
    before = page.evaluate(height)
    limit.press_sequentially("2h30")
    expect(findings).to_have_text(re.compile("Time limit, *Command"))
    expect(page.locator("#wrong-duration")).to_contain_text("write 2h30m")
    wait_until(
        page,
        """() => {
            const [sentence, bar] = ["#wrong-duration", "#answer"].map((it) =>
                document.querySelector(it).getBoundingClientRect());
            return sentence.bottom <= bar.top;
        }""",
    )
    assert page.locator("#answer").evaluate("(it) => it.offsetHeight") == before


def test_a_constraint_is_taken_as_people_write_it(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    advanced(page)
    page.locator("#constraints").fill("rank:0-3 | -fast")
    made = jobspec(site, submitted(page))
    wanted = {"or": [{"ranks": ["0-3"]}, {"not": [{"properties": ["fast"]}]}]}
    assert made["attributes"]["system"]["constraints"] == wanted
