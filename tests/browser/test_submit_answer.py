"""The answer to a submission, when the form has changed meanwhile."""

from __future__ import annotations

import json

from playwright.sync_api import Page, Route, expect

from tests.running import Service

from .test_jobs import live

REFUSAL = json.dumps({"status": 422, "detail": "Flux refused: too long."})


def test_an_answer_does_not_tell_of_the_form_as_it_was_before(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command", exact=True).fill("true")
    limit = page.get_by_label("Time limit", exact=True)
    limit.fill("2s")
    expect(page.locator("#plan")).to_contain_text("2s limit")
    page.route("**/v1/jobs/check", lambda _: None)
    limit.fill("9m")
    page.get_by_role("button", name="Submit", exact=True).click()
    done = page.locator("#done")
    expect(done).to_contain_text("1 job submitted")
    expect(done).not_to_contain_text("2s limit")
    page.unroute_all(behavior="ignoreErrors")


def test_a_refusal_is_gone_once_something_else_is_asked_for(site: Service, unheard: Page) -> None:
    page = unheard

    def refuse(route: Route) -> None:
        route.fulfill(status=422, content_type="application/problem+json", body=REFUSAL)

    page.route("**/v1/jobs", refuse)
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command", exact=True).fill("true")
    page.get_by_role("button", name="Submit", exact=True).click()
    summary = page.locator("#summary")
    expect(summary).to_contain_text("Flux refused: too long.")
    page.get_by_label("Time limit", exact=True).fill("1h")
    expect(summary).to_be_hidden()
    expect(page.locator("#answer")).not_to_have_class("bad")
