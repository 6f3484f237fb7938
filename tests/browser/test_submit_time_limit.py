"""The time limit in the form, in front of a Flux whose queues have default limits."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.running import Service, flux_instance, needs_flux, service

from .test_jobs import live

pytestmark = needs_flux

QUEUES = """
[queues.batch]
[queues.debug]
[queues.debug.policy.jobspec.defaults.system]
duration = "90s"
[queues.endless]
[queues.endless.policy.jobspec.defaults.system]
duration = "0s"
[policy.jobspec.defaults.system]
duration = "10m"
queue = "batch"
"""
ANONYMOUS = """
[policy.jobspec.defaults.system]
duration = "10m"
"""


@pytest.fixture(scope="module")
def queues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with (
        flux_instance(1, QUEUES, tmp_path_factory.mktemp("limits")) as uri,
        service(FLUX_URI=uri) as running,
    ):
        yield running


def test_an_empty_time_limit_is_the_default_of_the_queue(queues: Service, page: Page) -> None:
    page.goto(f"{queues.url}/ui/submit")
    live(page)
    limit, given = page.get_by_label("Time limit"), page.locator("#given-duration")
    expect(limit).to_have_attribute("placeholder", "10m by default")
    expect(given).to_have_text("The default of queue batch")
    page.get_by_label("Command", exact=True).fill("true")
    expect(page.locator("#plan")).to_contain_text("10m limit")
    queue = page.get_by_label("Queue", exact=True)
    queue.fill("debug")
    expect(limit).to_have_attribute("placeholder", "1m 30s by default")
    expect(given).to_have_text("The default of queue debug")
    expect(page.locator("#plan")).to_contain_text("1m 30s limit")
    # Flux takes 0 for a limit that was not given.
    limit.fill("0")
    expect(given).to_have_text("1m 30s, the default of queue debug")
    limit.fill("5m")
    expect(given).to_have_text("")
    limit.fill("")
    queue.fill("endless")
    expect(limit).to_have_attribute("placeholder", "No limit")
    expect(given).to_have_text("")
    expect(page.locator("#plan")).to_contain_text("no time limit")
    queue.fill("nope")
    expect(limit).to_have_attribute("placeholder", "")


def test_a_script_chooses_the_queue_of_the_default(queues: Service, page: Page) -> None:
    page.goto(f"{queues.url}/ui/submit")
    live(page)
    page.get_by_text("A batch script", exact=True).click()
    script = page.get_by_label("Script", exact=True)
    limit, given = page.get_by_label("Time limit"), page.locator("#given-duration")
    script.fill("#!/bin/sh\n#flux: -q debug\ntrue\n")
    expect(limit).to_have_attribute("placeholder", "1m 30s by default")
    expect(given).to_have_text("The default of queue debug")
    script.fill("#!/bin/sh\n#flux: -t 0\ntrue\n")
    expect(given).to_have_text("Line 2 of the script: 10m, the default of queue batch")
    script.fill("#!/bin/sh\n#flux: -t 5m\ntrue\n")
    expect(limit).to_have_attribute("placeholder", "5m")
    script.fill("#!/bin/sh\ntrue\n")
    expect(limit).to_have_attribute("placeholder", "10m by default")


def test_a_default_without_queues(tmp_path_factory: pytest.TempPathFactory, page: Page) -> None:
    folder = tmp_path_factory.mktemp("limit")
    with flux_instance(1, ANONYMOUS, folder) as uri, service(FLUX_URI=uri) as running:
        page.goto(f"{running.url}/ui/submit")
        live(page)
        expect(page.get_by_label("Time limit")).to_have_attribute("placeholder", "10m by default")
        expect(page.locator("#given-duration")).to_have_text("")
        page.get_by_label("Time limit").fill("0")
        expect(page.locator("#given-duration")).to_have_text("10m by default")
