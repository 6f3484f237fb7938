"""The form to submit from holds still, and says each thing once and in one place."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import Service

from .test_accessibility import violations
from .test_jobs import live
from .waits import Held, wait_until

SHIFTS = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize("width", [412, 1350])
def test_the_form_does_not_move_while_its_script_starts(
    site: Service, browser: Browser, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 823})
    page = context.new_page()
    page.add_init_script(SHIFTS)
    page.goto(f"{site.url}/ui/submit")
    live(page)
    expect(page.locator("#plan")).to_have_text("Type a command to submit it.")
    expect(page.locator("#curl")).to_contain_text("/v1/jobs")
    assert page.evaluate("window.shifted") < 0.02
    context.close()


def test_a_refusal_is_told_once(site: Service, browser: Browser) -> None:
    # Chromium reports the refusal as an error of the page, so this is a context of its own.
    page = browser.new_page()
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command", exact=True).fill("true")
    page.get_by_label("Tasks", exact=True).fill("0")
    expect(page.locator("#findings")).to_contain_text("Tasks")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator("#summary")).to_have_text("Not submitted. Fix 1 field: Tasks")
    expect(page.locator("#findings")).not_to_be_visible()
    expect(page.locator("#plan")).not_to_be_visible()
    page.get_by_label("Tasks", exact=True).fill("2")
    expect(page.locator("#summary")).not_to_be_visible()
    expect(page.locator("#plan")).to_contain_text("Submits 1 job")
    page.close()


def test_while_a_job_is_sent_the_bar_says_that_alone(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command", exact=True).fill("true")
    expect(page.locator("#plan")).to_contain_text("Submits 1 job")
    sent = Held(page, "**/v1/jobs")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator("#done")).to_have_text("Submitting…")
    expect(page.locator("#plan")).not_to_be_visible()
    expect(page.get_by_role("button", name="Submit", exact=True)).to_be_disabled()
    sent.release()
    expect(page.locator("#done")).to_contain_text("1 job submitted")


def test_a_refusal_leaves_what_the_check_has_found(site: Service, browser: Browser) -> None:
    # Chromium reports the refusal as an error of the page, so this is a context of its own.
    page = browser.new_page()
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command", exact=True).fill("true")
    page.get_by_label("Nodes", exact=True).fill("9999")
    page.get_by_label("Tasks", exact=True).fill("9999")
    found = page.locator("#wrong-num_nodes")
    expect(found).to_contain_text("can never start")
    # No later check tells it again.
    page.route("**/v1/jobs/check", lambda _: None)
    refusal = '{"status": 422, "detail": "Flux refused: no."}'
    page.route(
        "**/v1/jobs",
        lambda route: route.fulfill(
            status=422, content_type="application/problem+json", body=refusal
        ),
    )
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator("#summary")).to_contain_text("Flux refused: no.")
    expect(found).to_contain_text("can never start")
    page.close()


def test_the_field_that_is_filled_in_stays_above_the_answer(
    site: Service, browser: Browser
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 700})
    page = context.new_page()
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command", exact=True).fill("true")
    page.get_by_label("Tasks", exact=True).fill("many")
    page.get_by_label("Time limit", exact=True).fill("soon")
    nodes = page.get_by_label("Nodes", exact=True)
    # At the edge of the answer, which is about to grow.
    page.evaluate(
        """() => {
          const field = document.querySelector("#num_nodes").getBoundingClientRect();
          scrollBy(0, field.bottom - document.querySelector("#answer").getBoundingClientRect().top);
        }"""
    )
    nodes.evaluate("field => field.focus({ preventScroll: true })")
    page.keyboard.type("x")
    expect(page.locator("#findings")).to_contain_text("Nodes")
    wait_until(
        page,
        """() => document.querySelector("#num_nodes").getBoundingClientRect().bottom
          <= document.querySelector("#answer").getBoundingClientRect().top""",
    )
    context.close()


def test_a_job_submitted_before_its_check_says_its_size_afterward(
    site: Service, page: Page
) -> None:
    page.goto(f"{site.url}/ui/submit")
    live(page)
    check = Held(page, "**/v1/jobs/check")
    page.get_by_label("Command", exact=True).fill("true")
    page.get_by_role("button", name="Submit", exact=True).click()
    done = page.locator("#done")
    expect(done).to_contain_text("1 job submitted")
    expect(done).not_to_contain_text("no time limit")
    check.release()
    expect(done).to_contain_text("1 core · no time limit")


@pytest.mark.parametrize("width", [1440, 390])
def test_the_answer_offers_to_tell_when_the_job_ends(site: Service, page: Page, width: int) -> None:
    page.emulate_media(color_scheme="light" if width == 390 else "dark", reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command", exact=True).fill("true")
    page.locator("#advanced > summary").click()
    page.get_by_label("Urgency").fill("hold")
    expect(page.locator("#plan")).to_contain_text("Submits 1 job")
    expect(page.locator("#plan")).to_contain_text("1 core · no time limit")
    tell = page.get_by_role("button", name="Tell me when it ends")
    expect(tell).to_be_hidden()
    page.get_by_role("button", name="Submit", exact=True).click()
    done = page.locator("#done")
    # It says again what the job asks for.
    expect(done).to_contain_text("1 core · no time limit")
    jobid = done.get_by_role("link").text_content()
    tell.click()
    told = page.get_by_role("button", name="You will be told when it ends")
    expect(told).to_have_attribute("aria-pressed", "true")
    assert violations(page) == []
    assert page.evaluate("JSON.stringify(localStorage)").count(f"job {jobid}")
    # The buttons stand below the words, not at the other edge of the window.
    another = page.get_by_role("button", name="Submit another")
    words, button = done.bounding_box(), another.bounding_box()
    assert words is not None
    assert button is not None
    assert button["y"] >= words["y"] + words["height"]
    assert button["x"] < 390
    another.click()
    expect(told).to_be_hidden()
