"""The editor of the submit page for batch scripts, and the page of such a job."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.running import Service

from .test_accessibility import AXE, RUN
from .test_jobs import live
from .test_submit_page import jobspec, submitted

SCRIPT = "#!/bin/sh\n#flux: -n2 --job-name=mine --output=kvs\necho from a script\n"


def editor(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_text("A batch script", exact=True).click()


def test_a_script_is_submitted_with_what_is_typed(site: Service, page: Page) -> None:
    editor(site, page)
    expect(page.get_by_label("Command", exact=True)).to_be_hidden()
    page.get_by_label("Script", exact=True).fill(SCRIPT)
    expect(page.locator("#given-num_slots")).to_have_text("Line 2 of the script: 2")
    expect(page.locator("#given-name")).to_have_text("Line 2 of the script: mine")
    expect(page.get_by_label("Name", exact=True)).to_have_attribute("placeholder", "mine")
    page.get_by_label("Slots", exact=True).fill("1")
    expect(page.locator("#line")).to_contain_text("fluxapi batch -n 1 job.sh")
    jobid = submitted(page)
    made = jobspec(site, jobid)
    assert made["resources"][0]["count"] == 1
    assert made["attributes"]["system"]["files"]["script"]["data"] == SCRIPT
    page.goto(f"{site.url}/ui/jobs/{jobid}")
    expect(page.locator("#script-text")).to_have_text(SCRIPT)
    expect(page.locator("#screen")).to_contain_text("from a script", timeout=60_000)
    page.get_by_role("link", name="Resubmit").click()
    expect(page.get_by_label("Script", exact=True)).to_have_value(SCRIPT)
    live(page)
    again = jobspec(site, submitted(page))
    for spec in (made, again):
        spec["attributes"]["user"] = {}
    assert again == made


def test_a_file_is_opened_and_its_wrong_lines_are_named(
    site: Service, page: Page, tmp_path: Path
) -> None:
    path = tmp_path / "study.sh"
    path.write_text("#!/bin/sh\n#flux: --nodse=1\n", encoding="utf-8")
    editor(site, page)
    page.get_by_label("Open a file…").set_input_files(path)
    expect(page.locator("#opened")).to_have_text("study.sh is open.")
    expect(page.locator("#script-notes")).to_contain_text("Line 2: '--nodse' is not an option")
    expect(page.locator("#script_name")).to_have_value("study.sh")
    path.write_bytes(b"\xff\xfe")
    page.get_by_label("Open a file…").set_input_files(path)
    expect(page.locator("#opened")).to_contain_text("It is not UTF-8 text.")


def test_a_refused_line_is_named_once(site: Service, unheard: Page) -> None:
    page = unheard
    editor(site, page)
    script = page.get_by_label("Script", exact=True)
    script.fill("true\n#flux: --nodse=1\n#flux -N2\n")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator("#summary")).to_have_text("Not submitted. Fix 1 field: Script")
    notes = page.locator("#script-notes li")
    expect(notes).to_contain_text(
        [
            "check “Run by /bin/sh” to put #!/bin/sh in front.",
            "Line 2: '--nodse' is not an option of flux batch; did you mean --nodes?",
            "Line 3: Flux ignores this as a comment",
        ]
    )
    expect(page.locator("#wrong-script")).to_be_empty()
    expect(script).to_have_attribute("aria-invalid", "true")


def test_a_dropped_file_is_opened(site: Service, page: Page) -> None:
    editor(site, page)
    data = page.evaluate_handle(
        """(text) => {
          const data = new DataTransfer();
          data.items.add(new File([text], "dropped.sh"));
          return data;
        }""",
        SCRIPT,
    )
    page.dispatch_event("#script", "drop", {"dataTransfer": data})
    expect(page.get_by_label("Script", exact=True)).to_have_value(SCRIPT)


def test_a_script_that_will_not_work_as_it_looks_has_a_warning(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/submit")
    live(page)
    page.get_by_label("Command", exact=True).fill("sort x | head")
    expect(page.locator("#wrong-command")).to_contain_text("the program gets | as text")
    page.get_by_label("Command", exact=True).fill("sh -c 'sort x | head'")
    expect(page.locator("#wrong-command")).to_be_empty()
    page.get_by_label("Tasks", exact=True).fill("100000")
    page.get_by_label("GPUs per task").fill("2")
    expect(page.locator("#wrong-num_tasks")).to_contain_text("a job of 100,000 can never start")
    expect(page.locator("#plan")).to_contain_text("200,000 GPUs")
    expect(page.locator("#findings")).to_contain_text("a job of 200,000 can never start")


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_the_editor_is_accessible(site: Service, unheard: Page, look: str) -> None:
    page = unheard
    page.emulate_media(color_scheme="dark" if look == "dark" else "light")
    page.set_viewport_size({"width": 390 if look == "phone" else 1280, "height": 900})
    editor(site, page)
    page.get_by_label("Script", exact=True).fill(SCRIPT + "#flux: --nodse\n")
    expect(page.locator("#script-notes li").first).to_be_visible()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    violations = page.evaluate(RUN)
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        violations.append("the page is too wide")
    assert violations == []


def test_a_changed_line_of_a_copied_script_counts(site: Service, page: Page) -> None:
    script = "#!/bin/sh\n#flux: -n1 --time-limit=1h --job-name=copied\ntrue\n"
    editor(site, page)
    page.get_by_label("Script", exact=True).fill(script)
    expect(page.locator("#given-duration")).to_have_text("Line 2 of the script: 1h")
    jobid = submitted(page)
    page.goto(f"{site.url}/ui/submit?from={jobid}")
    live(page)
    limit = page.get_by_label("Time limit")
    expect(limit).to_have_value("")
    expect(limit).to_have_attribute("placeholder", "1h")
    page.get_by_label("Script", exact=True).fill(script.replace("1h", "2h"))
    expect(limit).to_have_attribute("placeholder", "2h")
    made = jobspec(site, submitted(page))
    assert made["attributes"]["system"]["duration"] == 7200


def test_a_field_that_wins_over_a_line_says_so_beside_both(site: Service, page: Page) -> None:
    editor(site, page)
    page.get_by_label("Script", exact=True).fill("#!/bin/sh\n#flux: --time-limit=1h\ntrue\n")
    limit = page.get_by_label("Time limit")
    limit.fill("30m")
    field = page.locator("#field-duration")
    expect(field).to_contain_text("Replaces line 2 of the script (1h).")
    notes = page.locator("#script-notes")
    expect(notes).to_contain_text("Line 2: The field “Time limit” replaces this (1h).")
    limit.fill("60m")
    expect(notes).to_be_empty()
    limit.fill("30m")
    field.get_by_role("button", name="Use line 2").click()
    expect(limit).to_have_value("")
    expect(field).to_contain_text("Line 2 of the script: 1h")
    expect(notes).to_be_empty()
