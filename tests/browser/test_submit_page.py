from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import Service

from .test_jobs import live, submit


@pytest.fixture
def refused(browser: Browser) -> Iterator[Page]:
    """A page on which a refusal of the service, which the browser logs, is no error."""
    context = browser.new_context()
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


def jobspec(site: Service, jobid: str) -> Any:
    with urllib.request.urlopen(f"{site.url}/v1/jobs/{jobid}/jobspec", timeout=30) as answer:  # noqa: S310 - it is ours
        return json.load(answer)


def submitted(page: Page) -> str:
    page.get_by_role("button", name="Submit", exact=True).click()
    link = page.locator("#done a").first
    return (link.get_attribute("href") or "").removeprefix("/ui/jobs/")


def test_a_job_is_submitted_as_the_form_says(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command").fill("echo 'two words' $HOME")
    page.get_by_label("Tasks").fill("2")
    page.get_by_label("Name", exact=True).fill("form")
    made = jobspec(site, submitted(page))
    assert made["tasks"][0]["command"] == ["echo", "two words", "$HOME"]
    assert made["resources"][0]["count"] == 2
    assert made["attributes"]["system"]["job"] == {"name": "form"}


def test_what_the_service_refuses_is_said_beside_the_field(site: Service, refused: Page) -> None:
    refused.goto(f"{site.url}/ui/submit")
    live(refused)
    refused.get_by_label("Command").fill("true")
    refused.get_by_label("Nodes", exact=True).fill("3")
    refused.get_by_role("button", name="Submit", exact=True).click()
    nodes = refused.get_by_label("Nodes", exact=True)
    expect(nodes).to_be_focused()
    expect(nodes).to_have_attribute("aria-invalid", "true")
    expect(nodes).to_have_accessible_description(re.compile("must not be above num_tasks"))
    refused.reload()
    expect(nodes).to_have_value("3")


def test_an_array_is_submitted_at_once(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command").fill("echo {cc}")
    page.get_by_label("One for each id").check()
    page.get_by_label("Ids").fill("3-5")
    made = jobspec(site, submitted(page))
    expect(page.locator("#done")).to_contain_text("3 jobs submitted")
    assert made["tasks"][0]["command"] == ["echo", "3"]


def test_a_job_is_submitted_again(site: Service, page: Page) -> None:
    fields = {"command": ["cat", "-"], "stdin": "a\nb", "num_tasks": 2, "attributes": {"user.k": 1}}
    first = submit(site, **fields)
    page.goto(f"{site.url}/ui/submit?from={first}")
    live(page)
    expect(page.get_by_label("Standard input")).to_have_value("a\nb")
    second = submitted(page)
    given, made = jobspec(site, first), jobspec(site, second)
    # The request of the form has a key of its own, which rides in its job.
    made["attributes"]["user"].pop("fluxapi")
    assert second != first
    assert made == given
