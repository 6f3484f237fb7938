"""A job that is to wait for another one: chosen by its name, and refused when it is none."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.running import Service

from .sites import page_only, site
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


@page_only
def test_a_name_alone_is_no_dependency(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    page.locator("#advanced > summary").click()
    page.get_by_label("Dependencies").fill("mesh")
    expect(page.locator("#wrong-dependencies")).to_contain_text("such as afterok:")
    expect(page.locator("#plan")).to_have_text("This would be refused as it is:")


def test_a_dependency_that_would_be_refused_is_told_before_it_is_sent(
    site: Service, page: Page
) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    page.locator("#advanced > summary").click()
    dependencies = page.get_by_label("Dependencies")
    dependencies.fill("afterok:zq!\nafterok:f2QK3Zz")
    said = page.locator("#field-dependencies .gone-jobs")
    expect(said).to_contain_text("Not a job ID: zq!. Enter one such as f2QK3Zz or 1234.")
    expect(said).to_contain_text("The instance has no job f2QK3Zz")
    expect(page.locator("#plan")).to_have_text("This would be refused as it is:")
    # The bar leads there, and does not say it once more.
    expect(page.locator("#findings")).to_have_text("Dependencies")
    # It is said once beside the field.
    expect(page.locator("#wrong-dependencies")).to_be_empty()
    said.get_by_role("button", name="Remove them").click()
    expect(dependencies).to_have_value("")
    expect(page.locator("#plan")).to_contain_text("Submits 1 job")


@page_only
def test_an_open_quote_is_told_before_it_is_sent(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("sh -c 'echo")
    expect(page.locator("#wrong-command")).to_have_text("The quote ' is not closed.")
    expect(page.locator("#plan")).to_have_text("This would be refused as it is:")
    expect(page.locator("#findings")).to_have_text("Command")
    page.get_by_label("Command", exact=True).fill("sh -c 'echo'")
    expect(page.locator("#wrong-command")).to_be_empty()
    expect(page.locator("#plan")).to_contain_text("Submits 1 job")


@page_only
def test_refused_fields_are_named_by_their_labels(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    page.get_by_label("Tasks", exact=True).fill("1")
    page.get_by_label("Nodes", exact=True).fill("2")
    expect(page.locator("#wrong-num_nodes")).to_have_text("must not be above Tasks, which is 1.")
    page.locator("#more > summary").click()
    page.get_by_label("Show API names").check()
    page.get_by_label("Nodes", exact=True).fill("3")
    expect(page.locator("#wrong-num_nodes")).to_have_text(re.compile("num_tasks"))


def test_a_template_that_names_a_job_that_is_gone_says_so(site: Service, page: Page) -> None:
    known = submit(site, command=["sleep", "600"], name="known", urgency=0)
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    page.locator("#advanced > summary").click()
    page.get_by_label("Dependencies").fill(f"afterok:f2QK3Zz\nafterany:{known}")
    page.locator("#more > summary").click()
    page.get_by_text("Save as template").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("daily")
    dialog.get_by_label(f"Save the dependencies afterok:f2QK3Zz, afterany:{known} with it").check()
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#origin")).to_contain_text("The template daily is saved")
    page.evaluate("sessionStorage.clear()")
    page.goto("about:blank")
    opened(site, page)
    page.locator("#templates > summary").click()
    page.locator("#templates-list").get_by_role("button", name="daily").first.click()
    said = page.locator("#field-dependencies .gone-jobs")
    expect(said).to_contain_text("The instance has no job f2QK3Zz")
    said.get_by_role("button", name="Remove it").click()
    chosen = page.get_by_label("Dependencies")
    expect(chosen).to_have_value(f"afterany:{known}")
    expect(chosen).to_be_focused()
    expect(said).to_be_empty()
    page.request.post(f"{site.url}/v1/jobs/{known}/cancel", data={})


@page_only
def test_a_template_keeps_no_dependency_on_a_job_unless_that_is_meant(
    site: Service, page: Page
) -> None:
    known = submit(site, command=["sleep", "600"], name="known", urgency=0)
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    page.locator("#advanced > summary").click()
    page.get_by_label("Dependencies").fill(f"afterok:{known}\nbegin-time:1000000000")
    page.locator("#more > summary").click()
    page.get_by_text("Save as template").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("nightly")
    keep = dialog.get_by_label(f"Save the dependency afterok:{known} with it")
    expect(keep).not_to_be_checked()
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#origin")).to_contain_text("The template nightly is saved")
    page.get_by_label("Dependencies").fill("")
    page.locator("#templates > summary").click()
    page.locator("#templates-list").get_by_role("button", name="nightly").first.click()
    expect(page.get_by_label("Dependencies")).to_have_value("begin-time:1000000000")
    page.request.post(f"{site.url}/v1/jobs/{known}/cancel", data={})


def test_a_refusal_that_names_the_dependency_marks_its_field(site: Service, unheard: Page) -> None:
    page = unheard
    failed = submit(site, command=["false"])
    site.get(f"/v1/jobs/{failed}/wait")
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    page.locator("#advanced > summary").click()
    dependencies = page.get_by_label("Dependencies")
    dependencies.fill(f"afterok:{failed}")
    expect(page.locator("#plan")).to_contain_text("Submits 1 job")
    page.locator("#advanced > summary").click()
    expect(dependencies).to_be_hidden()
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator("#wrong-dependencies")).to_contain_text("failed or was canceled")
    expect(dependencies).to_be_visible()
    expect(dependencies).to_be_focused()
    expect(dependencies).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#summary")).to_have_text("Not submitted. Fix 1 field: Dependencies")
    # So does a refusal of each of many jobs.
    dependencies.press("End")
    page.keyboard.type(" ")
    expect(dependencies).not_to_have_attribute("aria-invalid", "true")
    page.get_by_text("Copies", exact=True).click()
    page.get_by_label("Number of copies").fill("2")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator("#done")).to_contain_text("2 jobs refused.")
    expect(dependencies).to_have_attribute("aria-invalid", "true")
