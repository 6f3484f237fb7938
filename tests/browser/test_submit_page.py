from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.running import Service, service

from .sites import page_only, site
from .test_jobs import live, submit

__all__ = ["site"]


def jobspec(site: Service, jobid: str) -> Any:
    with urllib.request.urlopen(f"{site.url}/v1/jobs/{jobid}/jobspec", timeout=30) as answer:  # noqa: S310 - it is ours
        return json.load(answer)


def advanced(page: Page) -> None:
    page.locator("#advanced > summary").click()


def submitted(page: Page) -> str:
    page.get_by_role("button", name="Submit", exact=True).click()
    link = page.locator("#done a").first
    return (link.get_attribute("href") or "").rpartition("/ui/jobs/")[2]


def test_a_job_is_submitted_as_the_form_says(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command", exact=True).fill("echo 'two words' $HOME")
    page.get_by_label("Tasks", exact=True).fill("2")
    page.get_by_label("Name", exact=True).fill("form")
    made = jobspec(site, submitted(page))
    assert made["tasks"][0]["command"] == ["echo", "two words", "$HOME"]
    assert made["resources"][0]["count"] == 2
    assert made["attributes"]["system"]["job"] == {"name": "form"}


@page_only
def test_a_refusal_is_shown_beside_the_field(site: Service, unheard: Page) -> None:
    unheard.goto(f"{site.url}/ui/submit")
    live(unheard)
    unheard.get_by_label("Command", exact=True).fill("true")
    unheard.get_by_label("Tasks", exact=True).fill("2")
    unheard.get_by_label("Nodes", exact=True).fill("3")
    unheard.get_by_role("button", name="Submit", exact=True).click()
    nodes = unheard.get_by_label("Nodes", exact=True)
    expect(nodes).to_be_focused()
    expect(nodes).to_have_attribute("aria-invalid", "true")
    expect(nodes).to_have_accessible_description(re.compile("must not be above Tasks"))
    unheard.reload()
    expect(nodes).to_have_value("3")


def test_an_array_is_submitted_at_once(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command", exact=True).fill("echo {cc}")
    page.get_by_text("One for each number", exact=True).click()
    page.get_by_label("Numbers", exact=True).fill("3-5")
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


EVERYTHING: dict[str, Any] = {
    "command": ["sh", "-c", 'echo "it\'s"\n', "sh", ""],
    "num_tasks": 2,
    "cores_per_task": 1,
    "num_nodes": 1,
    "exclusive": True,
    "duration": "90s",
    "name": "every option",
    "cwd": "/tmp",  # noqa: S108 - every machine has it
    "bank": "physics",
    "urgency": 0,
    "waitable": True,
    "stdin": "a\nb\n",
    "output": "/dev/null",
    "error": "/dev/null",
    "label_io": True,
    "rlimits": {"core": 0},
    "env_expand": {"HERE": "{{tmpdir}}"},
    "shell_options": {"verbose": 1, "cpu-affinity": "off"},
    "attributes": {"user.k": {"a": [1]}, "system.x": "y"},
}


def test_copied_limits_of_a_process_leave_the_rest_of_the_options_closed(
    site: Service, page: Page
) -> None:
    first = submit(site, name="limited", rlimits={"core": 0})
    page.goto(f"{site.url}/ui/submit?from={first}")
    live(page)
    expect(page.locator("#origin")).to_have_text(
        f"Copied from limited ({first}). Its environment variables are not copied."
    )
    expect(page.locator("#advanced-given")).to_have_text("1 set")
    expect(page.locator("#advanced")).not_to_have_attribute("open", "")
    assert jobspec(site, submitted(page))["attributes"]["system"]["shell"]["options"] == {
        "rlimit": {"core": 0}
    }


def test_a_copied_job_of_many_keeps_its_number(site: Service, page: Page) -> None:
    fields = {"command": ["sh", "-c", "echo $FLUX_JOB_CC"], "group": "many"}
    first = submit(site, **fields, environment={"FLUX_JOB_CC": "4"})
    page.goto(f"{site.url}/ui/submit?from={first}")
    live(page)
    expect(page.locator("#origin")).to_contain_text("only its number FLUX_JOB_CC is copied.")
    second = submitted(page)
    site.get(f"/v1/jobs/{second}/wait?timeout=30")
    assert site.get(f"/v1/jobs/{second}/output")["Output"] == ["4\n"]


def test_a_job_with_every_option_is_submitted_again(site: Service, page: Page) -> None:
    first = submit(site, **EVERYTHING)
    page.goto(f"{site.url}/ui/submit?from={first}")
    live(page)
    expect(page.get_by_label("Urgency")).to_have_value("0")
    expect(page.locator("#origin")).to_contain_text("Its environment variables are not copied.")
    second = submitted(page)
    given, made = jobspec(site, first), jobspec(site, second)
    made["attributes"]["user"].pop("fluxapi")
    assert made == given
    begun = [site.get(f"/v1/jobs/{jobid}/eventlog")[0]["context"] for jobid in (first, second)]
    assert begun[0] == begun[1]


def test_options_without_a_field_are_listed(site: Service, page: Page) -> None:
    first = submit(site, urgency=0)
    whole = jobspec(site, first)
    whole["tasks"][0]["count"] = {"per_slot": 2}
    body = json.dumps({"jobspec": whole, "urgency": 0}).encode()
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{site.url}/v1/jobs", body, kind)  # noqa: S310 - it is ours
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        second = json.load(answer)["id"]
    page.goto(f"{site.url}/ui/submit?from={second}")
    live(page)
    expect(page.locator("#origin")).to_contain_text("whole jobspec is under Advanced")
    expect(page.locator("#jobspec")).to_be_visible()


@page_only
def test_a_launcher_is_one_that_the_service_knows(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command", exact=True).fill("/bin/sleep 1")
    advanced(page)
    page.get_by_label("Launcher").check()
    expect(page.locator("#wrong-is_launcher")).to_contain_text("sleep is not a launcher")
    page.get_by_label("Command", exact=True).fill("/opt/bin/nextflow run x")
    expect(page.locator("#wrong-is_launcher")).to_be_empty()


def test_typed_text_outlives_the_service(browser: Browser, tmp_path: Path) -> None:
    flags = ("--instance", "embedded", "--statedir", str(tmp_path))
    context = browser.new_context()
    context.set_default_timeout(20_000)
    page = context.new_page()
    button = page.get_by_role("button", name="Submit", exact=True)
    with service(*flags) as first:
        page.goto(f"{first.url}/ui/submit")
        live(page)
        page.get_by_label("Command", exact=True).fill("echo still here")
        first.end()
        expect(page.locator("#state")).to_have_attribute("data-state", "cut off")
        page.get_by_label("Name", exact=True).fill("outlives")
        button.click()
        expect(page.locator("#summary")).to_contain_text("Not submitted")
        expect(page.get_by_label("Command", exact=True)).to_have_value("echo still here")
    with service(*flags, "--port", first.url.rsplit(":", 1)[1].strip("/")) as second:
        live(page)
        page.reload()
        live(page)
        expect(page.get_by_label("Command", exact=True)).to_have_value("echo still here")
        expect(page.get_by_label("Name", exact=True)).to_have_value("outlives")
        assert jobspec(second, submitted(page))["attributes"]["system"]["job"]["name"] == "outlives"
    context.close()


def test_the_answer_to_a_keyboard_comes_into_sight_and_one_form_is_one_job(
    site: Service, page: Page
) -> None:
    page.set_viewport_size({"width": 1000, "height": 500})
    page.goto(f"{site.url}/ui/submit")
    live(page)
    command = page.get_by_label("Command", exact=True)
    command.fill("true")
    command.press("Control+Enter")
    done = page.locator("#done")
    expect(done).to_contain_text("1 job submitted")
    expect(done).to_be_in_viewport(ratio=1)
    first = done.get_by_role("link").text_content()
    # The answer is there instead of the form, and no key and no single click submits it again.
    expect(command).to_be_hidden()
    page.keyboard.press("Control+Enter")
    page.locator("#form").evaluate("form => form.requestSubmit()")
    expect(done.get_by_role("link")).to_have_text(str(first))
    another = page.get_by_role("button", name="Submit another")
    expect(another).not_to_have_class("primary")
    another.click()
    expect(done).to_be_empty()
    expect(command).to_have_value("true")
    expect(command).to_be_focused()
    command.press("Control+Enter")
    expect(done).to_contain_text("1 job submitted")
    second = done.get_by_role("link").text_content()
    another.click()
    command.fill("true ")
    page.get_by_role("button", name="Submit", exact=True).dblclick()
    expect(done.get_by_role("link")).not_to_have_text(str(second))
    third = done.get_by_role("link").text_content()
    found = site.get("/v1/jobs?limit=3")["jobs"]
    assert {job["id"] for job in found} == {first, second, third}


@page_only
def test_a_field_that_is_mended_is_not_to_be_mended(site: Service, unheard: Page) -> None:
    unheard.goto(f"{site.url}/ui/submit")
    live(unheard)
    unheard.get_by_label("Command", exact=True).fill("true")
    unheard.get_by_label("Nodes", exact=True).fill("x")
    advanced(unheard)
    unheard.get_by_label("Urgency").fill("99")
    unheard.get_by_role("button", name="Submit", exact=True).click()
    summary = unheard.locator("#summary")
    expect(summary).to_have_text("Not submitted. Fix 2 fields: Nodes, Urgency")
    unheard.get_by_label("Nodes", exact=True).fill("1")
    expect(summary).to_have_text("Not submitted. Fix 1 field: Urgency")
    unheard.get_by_label("Urgency").fill("16")
    expect(summary).to_be_hidden()
