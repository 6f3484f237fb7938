"""The page of webhooks: create one, test it, see it fail, remove it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.running import Service, service

from .test_accessibility import violations


@pytest.fixture(scope="module")
def sending() -> Iterator[Service]:
    with service("--instance=embedded", "--webhook-allow=127.0.0.1") as running:
        yield running


def test_a_webhook_is_created_tested_and_removed(sending: Service, page: Page) -> None:
    url = sending.url.rstrip("/")
    page.goto(f"{url}/")
    page.locator("#menu > summary").click()
    page.get_by_role("link", name="Webhooks").click()
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()
    page.get_by_role("button", name="Create a webhook").click()
    page.get_by_label("Address").fill(f"{url}/v1/health?token=hush-hush")
    page.get_by_label("Name (optional)").fill("mine")
    page.get_by_role("button", name="Create the webhook").click()
    secret = page.get_by_label("Secret that verifies signatures").input_value()
    assert secret.startswith("whsec_")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("heading", name="mine")).to_be_visible()
    # Nothing tells yet that it works.
    expect(page.locator("section .state")).to_have_text("No delivery yet")
    assert "hush-hush" not in page.content()
    assert secret not in page.content()
    page.get_by_role("button", name="Send a test").click()
    said = page.get_by_text("The test was not delivered. The target answered 405.")
    expect(said).to_have_class("said wrong")
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Remove the webhook").click()
    expect(page.get_by_role("heading", name="No webhooks yet")).to_be_visible()


def test_a_refusal_says_what_to_do(sending: Service, still: Page) -> None:
    still.goto(f"{sending.url.rstrip('/')}/ui/webhooks")
    still.get_by_role("button", name="Create a webhook").click()
    still.get_by_label("Address").fill("https://10.0.0.1/")
    still.get_by_role("button", name="Create the webhook").click()
    words = "The address resolves to 10.0.0.1, which is not a public address."
    expect(still.get_by_text(words)).to_be_visible()


def test_the_page_shuts_nobody_out(sending: Service, still: Page) -> None:
    url = f"{sending.url.rstrip('/')}/ui/webhooks"
    still.goto(url)
    found = violations(still)
    still.get_by_role("button", name="Create a webhook").click()
    found += violations(still)
    still.get_by_label("Address").fill("https://hooks.example.org/" + "x" * 300)
    still.get_by_role("button", name="Create the webhook").click()
    expect(still.get_by_label("Secret that verifies signatures")).to_be_visible()
    found += violations(still)
    still.get_by_role("button", name="Close").click()
    expect(still.get_by_role("button", name="Send a test")).to_be_visible()
    found += violations(still)
    assert found == []
