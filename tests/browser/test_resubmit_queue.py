"""A job is resubmitted to another queue, whose nodes have other properties."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.running import flux_instance, needs_flux, service

from .test_jobs import submit

pytestmark = [pytest.mark.browser, needs_flux]

CONFIG = """
[queues.batch]
requires = ["batch"]
[queues.debug]
requires = ["debug"]
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-1]"
cores = "0"
[[resource.config]]
hosts = "node0"
properties = ["batch"]
[[resource.config]]
hosts = "node1"
properties = ["debug"]
"""


def test_a_job_does_not_take_the_properties_of_its_queue_to_another(
    tmp_path: Path, page: Page
) -> None:
    with (
        flux_instance(2, CONFIG, tmp_path, hosts="node[0-1]") as uri,
        service(FLUX_URI=uri) as site,
    ):
        jobid = submit(site, queue="batch")
        added = site.get(f"/v1/jobs/{jobid}/jobspec")["attributes"]["system"]["constraints"]
        assert added == {"properties": ["batch"]}
        page.goto(f"{site.url}/ui/submit?from={jobid}")
        expect(page.locator("#queue")).to_have_value("batch")
        expect(page.locator("#constraints")).to_have_value("")
        page.locator("#queue").fill("debug")
        page.locator("#go").click()
        expect(page.locator("#done")).to_contain_text("1 job submitted")
        again = page.locator("#done a").first.inner_text()
        assert site.get(f"/v1/jobs/{again}/wait")["result"] == "COMPLETED"
