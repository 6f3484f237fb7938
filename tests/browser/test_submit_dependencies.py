"""A job that is to wait for another one: chosen by its name, and refused when it is none."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.running import Service

from .sites import site
from .test_jobs import submit
from .test_submit_page import jobspec, submitted
from .test_submit_tasks import opened

__all__ = ["site"]


def test_a_batch_script_on_two_nodes_waits_for_a_job_that_is_chosen_by_its_name(
    site: Service, page: Page
) -> None:
    meshes = [submit(site, command=["sleep", "600"], name=f"mesh-{it}") for it in range(2)]
    ended = submit(site, command="true", name="mesh-over", urgency=0)
    page.request.post(f"{site.url}/v1/jobs/{ended}/cancel", data={})
    opened(site, page)
    page.get_by_text("A batch script", exact=True).click()
    page.get_by_label("Script", exact=True).fill("#!/bin/sh\nflux run -N2 hostname\n")
    page.get_by_label("Nodes", exact=True).fill("2")
    page.get_by_label("Time limit").fill("2h30m")
    page.locator("#advanced > summary").click()
    page.get_by_text("Add a job", exact=True).click()
    jobs = page.locator("#wait-for-list button")
    page.get_by_placeholder("Name or ID").fill("mesh-")
    expect(jobs).to_have_count(2)
    expect(jobs.first).to_contain_text("mesh-1")
    page.get_by_placeholder("Name or ID").fill("mesh-0")
    # Enter takes the job of these words at once, and does not submit the form.
    page.keyboard.press("Enter")
    chosen = page.get_by_label("Dependencies")
    expect(chosen).to_have_value(f"afterok:{meshes[0]}")
    expect(chosen).to_be_focused()
    page.get_by_text("Add a job", exact=True).click()
    page.get_by_placeholder("Name or ID").fill(meshes[1])
    expect(jobs).to_have_count(1)
    expect(jobs).to_contain_text("mesh-1")
    jobs.click()
    expect(chosen).to_have_value(f"afterok:{meshes[0]}\nafterok:{meshes[1]}")
    made = jobspec(site, submitted(page))["attributes"]["system"]
    assert made["duration"] == 9000
    assert made["dependencies"] == [{"scheme": "afterok", "value": it} for it in meshes]


def test_a_name_alone_is_no_dependency(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    page.locator("#advanced > summary").click()
    page.get_by_label("Dependencies").fill("mesh")
    expect(page.locator("#wrong-dependencies")).to_contain_text("such as afterok:")
    expect(page.locator("#plan")).to_have_text("This would be refused as it is:")


def test_what_is_refused_is_told_with_the_labels_of_the_fields(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    page.get_by_label("Nodes", exact=True).fill("2")
    expect(page.locator("#wrong-num_nodes")).to_have_text("must not be above Tasks, which is 1.")
    page.locator("#more > summary").click()
    page.get_by_label("Show API names").check()
    page.get_by_label("Nodes", exact=True).fill("3")
    expect(page.locator("#wrong-num_nodes")).to_have_text(re.compile("num_tasks"))
