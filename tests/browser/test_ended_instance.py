"""The pages of an instance that ends while they are open, on a real Flux."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.flux.tree import child_uri, launch, submit
from tests.running import Service, flux

from .test_jobs import live


@pytest.mark.flux
@pytest.mark.timeout(240)
def test_an_instance_that_has_ended_takes_no_job_and_is_not_called_lost(
    on_flux: Service, flux_uri: str, ending: Page
) -> None:
    page = ending
    child = launch(flux_uri)
    (inner,) = submit(child_uri(flux_uri, child), "-n1", "sleep", "600")
    place = f"{on_flux.url}/ui/instances/{child}"
    page.goto(f"{place}/submit")
    live(page)
    page.get_by_label("Command", exact=True).fill("true")
    expect(page.locator("#plan")).to_contain_text("Submits 1 job")
    job = page.context.new_page()
    job.goto(f"{place}/jobs/{inner}")
    live(job)
    flux(flux_uri, "cancel", child)
    for one in (page, job):
        expect(one.locator("#state")).to_have_attribute("data-state", "ended", timeout=60_000)
        expect(one.get_by_text("connects again")).to_have_count(0)
        submit_job = one.get_by_role("link", name="Submit job")
        expect(submit_job).not_to_be_visible()
    expect(page.locator("#plan")).to_have_text("The instance has ended and takes no more jobs.")
    expect(page.get_by_role("button", name="Submit", exact=True)).to_be_disabled()
    expect(job.get_by_role("link", name="Resubmit")).not_to_be_visible()
    # The same for a reader who comes later.
    page.reload()
    expect(page.locator("#plan")).to_have_text("The instance has ended and takes no more jobs.")
    expect(page.get_by_role("button", name="Submit", exact=True)).to_be_disabled()
    banner = page.locator("#ended")
    expect(banner).to_be_visible()
    expect(banner).to_contain_text(f"Job {child} has ended, and its instance with it.")
    expect(page.locator("#lost")).to_have_count(0)
    job.reload()
    expect(job.locator("#screen")).to_contain_text("The instance has ended, so its output is gone.")
