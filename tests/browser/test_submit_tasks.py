"""Tasks of people at the form: fill it, save it, share it, repeat it, see what will not work."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.running import Service, service

from .test_accessibility import AXE, RUN
from .test_jobs import live, submit
from .test_submit_page import advanced, jobspec, submitted


@pytest.fixture(scope="module")
def keeps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a service that keeps templates."""
    folder = tmp_path_factory.mktemp("state")
    with service("--instance=embedded", f"--statedir={folder}") as running:
        yield running


SAVE = """() => fetch("../v1/templates/axe", {
  method: "PUT",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ description: "one", job: { command: "true" } }),
})"""


def opened(site: Service, page: Page, query: str = "") -> Page:
    page.goto(f"{site.url}/ui/submit{query}")
    live(page)
    return page


def tool(page: Page, name: str) -> None:
    page.locator("#more > summary").click()
    page.get_by_role("button", name=name).click()


def test_a_time_limit_is_taken_as_people_write_it(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    page.get_by_label("Time limit").fill("2h30m")
    expect(page.locator("#given-duration")).to_have_text("Understood as 2h 30m.")
    expect(page.locator("#plan")).to_have_text(re.compile("Submits 1 job · 1 core · 2h 30m limit"))
    made = jobspec(site, submitted(page))
    assert made["attributes"]["system"]["duration"] == 9000


def test_a_time_limit_that_cannot_be_read_is_told_with_examples(
    site: Service, browser: Browser
) -> None:
    # Chromium reports the refusal as an error of the page, so this is a context of its own.
    page = browser.new_page()
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    page.get_by_label("Time limit").fill("soon")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator("#wrong-duration")).to_contain_text("write 2h30m, 90m or 2:30:00")
    page.close()


def test_conflicts_of_a_job_are_told_before_it_is_submitted(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    advanced(page)
    page.get_by_label("Tasks", exact=True).fill("5000")
    page.get_by_label("Working directory").fill("/no/such/place")
    findings = page.locator("#findings")
    expect(findings).to_contain_text("Tasks: ")
    expect(page.locator("#wrong-num_tasks")).to_contain_text("a job of 5,000 can never start")
    expect(page.locator("#wrong-cwd")).to_contain_text("There is no directory /no/such/place")
    page.get_by_label("Urgency").fill("40")
    expect(page.locator("#plan")).to_have_text("This would be refused as it is:")
    findings.get_by_role("button", name="Urgency").click()
    expect(page.get_by_label("Urgency")).to_be_focused()
    page.get_by_label("Urgency").fill("")
    page.get_by_label("Tasks", exact=True).fill("")
    page.get_by_label("Working directory").fill("")
    expect(page.locator("#plan")).to_contain_text("Submits 1 job")
    expect(findings).to_be_empty()
    assert site.get("/v1/jobs?name=never")["jobs"] == []


def test_the_size_of_many_jobs_is_told(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    page.get_by_label("Cores per task").fill("1")
    page.get_by_text("Copies", exact=True).click()
    page.get_by_label("Number of copies").fill("12")
    expect(page.locator("#plan")).to_have_text("Submits 12 jobs · 12 cores · no time limit")


def test_names_of_the_api_are_shown_when_they_are_asked_for_and_that_is_kept(
    site: Service, page: Page
) -> None:
    opened(site, page)
    name = page.locator("#help-num_tasks")
    expect(name).to_be_hidden()
    page.locator("#more > summary").click()
    page.get_by_label("Show API names").check()
    expect(name).to_contain_text("num_tasks")
    page.reload()
    live(page)
    expect(name).to_be_visible()


def test_a_job_is_saved_as_a_template_opened_by_its_link_and_deleted(
    keeps: Service, page: Page
) -> None:
    opened(keeps, page)
    page.get_by_label("Command", exact=True).fill("echo 'two words' $HOME")
    page.get_by_label("Environment", exact=True).fill("MODE=fast")
    page.get_by_label("Time limit").fill("1:30:00")
    tool(page, "Save as template…")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("nightly run")
    dialog.get_by_label("Description").fill("each night")
    dialog.get_by_label("Keep it").select_option("service")
    dialog.get_by_role("button", name="Save").click()
    link = dialog.get_by_label("Link to the form filled with it").input_value()
    assert link.endswith("/ui/submit?template=nightly%20run")
    dialog.get_by_role("button", name="Close").click()
    saved = keeps.get("/v1/templates/nightly%20run")
    assert saved["job"]["environment"] == {"MODE": "fast"}
    assert saved["job"]["duration"] == "90m"
    page.goto(link)
    live(page)
    expect(page.get_by_label("Command", exact=True)).to_have_value("echo 'two words' $HOME")
    expect(page.get_by_label("Environment", exact=True)).to_have_value("MODE=fast")
    expect(page.locator("#origin")).to_contain_text("the template nightly run")
    page.locator("#templates > summary").click()
    page.get_by_role("button", name="Delete the template nightly run").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    names = [template["name"] for template in keeps.get("/v1/templates")["templates"]]
    assert "nightly run" not in names


def test_a_template_is_replaced_only_when_that_is_meant(keeps: Service, page: Page) -> None:
    opened(keeps, page)
    for command, expected in (("one", "one"), ("two", "one"), ("two", "two")):
        page.get_by_label("Command", exact=True).fill(command)
        tool(page, "Save as template…")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Name").fill("mine")
        dialog.get_by_label("Keep it").select_option("service")
        dialog.get_by_role("button", name="Save").click()
        if command == "two":
            expect(dialog.get_by_role("status")).to_contain_text("There is a template mine")
            if expected == "two":
                dialog.get_by_role("button", name="Save").click()
                expect(dialog.get_by_label("Link to the form")).to_be_visible()
        dialog.get_by_role("button", name="Close").click()
        assert keeps.get("/v1/templates/mine")["job"]["command"] == expected


def test_a_template_stays_in_the_browser_where_the_service_keeps_none(
    site: Service, page: Page
) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("hostname")
    tool(page, "Save as template…")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("This service has no state directory")
    dialog.get_by_label("Name").fill("here")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#origin")).to_contain_text("saved in this browser")
    page.get_by_label("Command", exact=True).fill("something else")
    page.locator("#templates > summary").click()
    page.locator("#templates-list").get_by_role("button", name="here", exact=False).first.click()
    expect(page.get_by_label("Command", exact=True)).to_have_value("hostname")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Command", exact=True)).to_have_value("something else")


def test_a_link_fills_the_form_and_holds_no_secret(
    site: Service, page: Page, context: BrowserContext
) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("echo shared")
    page.get_by_label("Environment", exact=True).fill("TOKEN=secret")
    page.get_by_label("Tasks", exact=True).fill("3")
    tool(page, "Link to this form…")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The values of TOKEN are not in it.")
    dialog.get_by_role("button", name="Show the link").click()
    link = dialog.get_by_label("Link", exact=True).input_value()
    other = context.new_page()
    other.goto(link)
    live(other)
    expect(other.get_by_label("Command", exact=True)).to_have_value("echo shared")
    expect(other.get_by_label("Tasks", exact=True)).to_have_value("3")
    expect(other.get_by_label("Environment", exact=True)).to_have_value("")
    expect(other.locator("#origin")).to_contain_text("Read it before you submit it.")
    assert "#" not in other.url
    assert site.get("/v1/jobs?text=shared")["jobs"] == []


def test_a_recent_submission_fills_the_form_again_without_its_secrets(
    site: Service, page: Page
) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("echo again")
    page.get_by_label("Name", exact=True).fill("repeat me")
    page.get_by_label("Environment", exact=True).fill("TOKEN=secret")
    jobid = submitted(page)
    kept = page.evaluate("JSON.stringify({...localStorage})")
    assert "repeat me" in kept
    assert "secret" not in kept
    page.locator("#more > summary").click()
    page.get_by_role("button", name="Start over").click()
    expect(page.get_by_label("Command", exact=True)).to_have_value("")
    page.locator("#recent > summary").click()
    row = page.locator("#recent-list .menu-row").first
    expect(row).to_contain_text(jobid)
    row.get_by_role("button").first.click()
    expect(page.get_by_label("Command", exact=True)).to_have_value("echo again")
    expect(page.locator("#origin")).to_contain_text("give TOKEN again")


def test_open_recent_submissions_show_the_one_that_is_answered(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    page.locator("#recent > summary").click()
    expect(page.locator("#recent-list")).to_contain_text("Nothing submitted")
    page.locator("main form").first.evaluate("form => form.requestSubmit()")
    expect(page.locator("#recent-list .menu-row")).to_have_count(1)


def test_a_job_that_ran_out_of_time_gets_more(site: Service, page: Page) -> None:
    jobid = submit(site, command=["sleep", "600"], duration=1)
    site.get(f"/v1/jobs/{jobid}/wait?timeout=30")
    opened(site, page, f"?from={jobid}")
    expect(page.locator("#origin")).to_contain_text("It reached its time limit of 1s.")
    page.get_by_role("button", name="Allow 2s").click()
    expect(page.get_by_label("Time limit")).to_have_value("2s")
    expect(page.get_by_label("Time limit")).to_be_focused()
    made = jobspec(site, submitted(page))
    assert made["attributes"]["system"]["duration"] == 2


def test_files_go_along_with_the_job(site: Service, page: Page, tmp_path: Path) -> None:
    text, data = tmp_path / "a.txt", tmp_path / "b.bin"
    text.write_text("content\n", encoding="utf-8")
    data.write_bytes(b"\0\xff")
    reserved = tmp_path / "script"
    reserved.write_text("x", encoding="utf-8")
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("cat {{tmpdir}}/a.txt")
    page.get_by_label("Attach files").set_input_files([text, data, reserved])
    expect(page.locator("#attached li")).to_have_count(2)
    expect(page.locator("#wrong-files")).to_contain_text("script is a name that Flux uses itself")
    expect(page.locator("#line")).to_contain_text("--add-file=a.txt --add-file=b.bin")
    jobid = submitted(page)
    files: dict[str, Any] = jobspec(site, jobid)["attributes"]["system"]["files"]
    assert files["a.txt"]["data"] == "content\n"
    assert files["b.bin"]["encoding"] == "base64"
    page.get_by_role("button", name="Submit another").click()
    page.get_by_role("button", name="Remove b.bin").click()
    expect(page.locator("#attached li")).to_have_count(1)
    page.goto(f"{site.url}/ui/jobs/{jobid}")
    expect(page.locator("#screen")).to_contain_text("content")


def test_the_editor_numbers_lines_indents_them_and_lets_the_keyboard_leave(
    site: Service, page: Page
) -> None:
    opened(site, page)
    page.get_by_text("A batch script", exact=True).click()
    script = page.get_by_label("Script", exact=True)
    script.fill("#!/bin/sh\n#flux: --nodse=1\nfor i in 1 2; do\necho $i\ndone")
    expect(page.locator("#script-numbers span")).to_have_text(["1", "2", "3", "4", "5"])
    expect(page.locator("#script-colors .directive")).to_have_text("#flux: --nodse=1")
    expect(page.locator("#script-numbers .wrong-line")).to_have_text("2")
    page.locator("#script-notes").get_by_role("button", name="Line 2").click()
    selected = "(it) => it.value.slice(it.selectionStart, it.selectionEnd)"
    assert script.evaluate(selected) == "#flux: --nodse=1"
    script.evaluate("(it) => it.setSelectionRange(it.value.length - 6, it.value.length - 6)")
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    expect(script).to_have_value(re.compile("\n    echo"))
    page.keyboard.press("Shift+Tab")
    expect(script).to_have_value(re.compile("\necho"))
    page.keyboard.press("Control+z")
    expect(script).to_have_value(re.compile("\n    echo"))
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.type("x")
    expect(script).to_have_value(re.compile("\n    x\ndone"))
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    expect(script).not_to_be_focused()


def test_a_long_script_is_drawn_in_sight_only(site: Service, page: Page) -> None:
    opened(site, page)
    page.get_by_text("A batch script", exact=True).click()
    script = page.get_by_label("Script", exact=True)
    script.evaluate(
        "(it) => { it.value = '#!/bin/sh\\n' + 'echo line\\n'.repeat(60000);"
        " it.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    numbers = page.locator("#script-numbers span")
    expect(numbers.first).to_have_text("1")
    assert numbers.count() < 100
    script.evaluate("(it) => { it.scrollTop = it.scrollHeight; }")
    expect(numbers.last).to_have_text("60002")


def test_a_service_that_does_not_answer_is_told_and_nothing_is_lost(
    page: Page, tmp_path: Path
) -> None:
    with service("--instance", "embedded", "--statedir", str(tmp_path)) as running:
        opened(running, page)
        page.get_by_label("Command", exact=True).fill("echo kept")
        expect(page.locator("#plan")).to_contain_text("Submits 1 job")
        running.end()
        page.get_by_label("Name", exact=True).fill("kept")
        expect(page.locator("#plan")).to_have_text("Not checked: The service cannot be reached.")
        page.locator("#templates > summary").click()
        expect(page.locator("#templates-list")).to_contain_text("cannot be reached")
        expect(page.get_by_label("Command", exact=True)).to_have_value("echo kept")


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_the_button_and_the_answer_are_always_in_sight(
    site: Service, page: Page, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    opened(site, page)
    page.get_by_label("Command", exact=True).fill("true")
    for position in ("0", "document.body.scrollHeight"):
        page.evaluate(f"scrollTo(0, {position})")
        expect(page.locator("#go")).to_be_in_viewport(ratio=1)
        expect(page.locator("#plan")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_each_state_of_the_form_is_accessible(keeps: Service, unheard: Page, look: str) -> None:
    unheard.emulate_media(color_scheme="dark" if look == "dark" else "light")
    unheard.set_viewport_size({"width": 390 if look == "phone" else 1280, "height": 900})
    page = opened(keeps, unheard)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    page.evaluate(SAVE)
    page.get_by_label("Command", exact=True).fill("sort | head")
    page.get_by_label("Tasks", exact=True).fill("5000")
    page.get_by_label("Environment", exact=True).fill("A=1")
    advanced(page)
    expect(page.locator("#findings")).not_to_be_empty()
    found = {"findings": page.evaluate(RUN)}
    page.locator("#templates > summary").click()
    expect(page.get_by_role("button", name="Delete the template axe")).to_be_visible()
    found["templates"] = page.evaluate(RUN)
    page.keyboard.press("Escape")
    tool(page, "Save as template…")
    found["dialog"] = page.evaluate(RUN)
    page.get_by_role("dialog").get_by_role("button").last.click()
    page.get_by_label("Tasks", exact=True).fill("1")
    submitted(page)
    found["done"] = page.evaluate(RUN)
    assert found == {state: [] for state in found}


def test_a_link_of_a_stranger_is_text(site: Service, page: Page) -> None:
    markup = "<img src=x onerror=alert(1)>"
    job = {"command": markup, "name": "\u202eevil", "other": 1}
    coded = page.evaluate(
        "(text) => btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')",
        json.dumps({"job": job}),
    )
    opened(site, page, f"#job={coded}")
    expect(page.get_by_label("Command", exact=True)).to_have_value(markup)
    expect(page.locator("#origin")).to_contain_text("⟨U+202E⟩evil")
    expect(page.locator("#origin")).to_contain_text("The form has no field for other.")
    expect(page.locator("main img")).to_have_count(0)
    opened(site, page, "#job=AAAA")
