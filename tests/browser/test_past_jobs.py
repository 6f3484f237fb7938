"""The page of past jobs: a job that Flux has purged is found by its words, and opened."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from fluxapi.archive.stored_output import OutputState
from tests.archive.test_service import outputs
from tests.running import Service, flux, flux_instance, needs_flux, service
from tests.waiting import block_until

from .test_accessibility import violations

pytestmark = [pytest.mark.browser, needs_flux]


def read(folder: Path) -> list[str]:
    """Return the jobs whose output the history has read."""
    return [job for job, (state, _) in outputs(folder).items() if state != OutputState.UNREAD]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a service in front of a Flux that has purged three jobs."""
    folder: Path = tmp_path_factory.mktemp("state")
    with flux_instance(1) as uri, service(FLUX_URI=uri, FLUXAPI_STATEDIR=str(folder)) as running:
        flux(uri, "submit", "--quiet", "--job-name=prepare", "true")
        flux(uri, "submit", "--quiet", "--job-name=train", "sh", "-c", "echo epoch 1; exit 3")
        flux(uri, "submit", "--quiet", "--job-name=report", "true")
        flux(uri, "queue", "idle", "--quiet")
        block_until(lambda: len(read(folder)) == 3)
        flux(uri, "job", "purge", "--force", "--num-limit=0")
        block_until(
            lambda: all(
                "purged" in job["history"] for job in running.get("/v1/jobs?instance=all")["jobs"]
            )
        )
        yield running


def test_a_purged_job_is_found_and_opened(past: Service, page: Page) -> None:
    page.goto(past.url)
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="History").click()
    expect(page.locator("#jobs tbody tr")).to_have_count(3)
    field = page.get_by_role("combobox")
    field.fill("train failed")
    field.press("Enter")
    expect(page.locator("#jobs tbody tr")).to_have_count(1)
    expect(page.get_by_role("combobox")).to_have_value("train failed")
    page.locator("#jobs tbody a").click()
    expect(page.locator("#name")).to_have_text("train")
    expect(page.locator("#purged")).to_contain_text("Flux has purged this job.")
    expect(page.locator("#status")).to_have_text("FAILED")
    expect(page.locator("#eventlog")).to_contain_text("finish")
    expect(page.locator("#screen")).to_contain_text("epoch 1")
    # The event channel does not know the job anymore, and the outcome stays.
    expect(page.locator("#state")).to_have_attribute("data-state", "live")
    expect(page.locator("#status")).to_have_text("FAILED")
    expect(page.locator("#job-actions button:visible")).to_have_count(0)


def test_the_field_keeps_the_focus_after_enter(past: Service, page: Page) -> None:
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs?instance=all")
    field = page.get_by_role("combobox")
    field.fill("train")
    field.press("Enter")
    expect(page).to_have_url(re.compile(r"text=train"))
    expect(page.locator("#jobs tbody tr")).to_have_count(1)
    expect(field).to_be_focused()
    expect(page.get_by_role("listbox")).to_have_count(0)
    # The next key goes on with what is there.
    page.keyboard.type(" failed")
    expect(field).to_have_value("train failed")
    # A page that is opened in any other way leaves the focus at its begin.
    page.goto(page.url)
    expect(page.locator("#jobs tbody tr")).to_have_count(1)
    expect(field).not_to_be_focused()


def test_no_column_is_out_of_sight_in_a_narrow_window(past: Service, page: Page) -> None:
    page.set_viewport_size({"width": 1024, "height": 700})
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs?instance=all")
    expect(page.get_by_role("columnheader", name="Runtime")).to_be_visible()
    fits = "(it) => it.scrollWidth <= it.clientWidth"
    assert page.locator(".frame").evaluate(fits)


def test_two_results_stay_chosen(past: Service, page: Page) -> None:
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs?result=FAILED,TIMEOUT")
    expect(page.locator("#jobs tbody tr")).to_have_count(1)
    expect(page.locator(".chip")).to_have_text(["state:failed, timeout"])
    # A chip that is written again is changed first, and leads to a page then.
    page.get_by_title("Change this filter").click()
    field = page.get_by_role("combobox")
    expect(field).to_have_value("state:failed,timeout")
    field.fill("state:completed name:port")
    field.press("Enter")
    expect(page).to_have_url(re.compile(r"\?result=COMPLETED&name=port$"))
    expect(page.locator("#jobs tbody tr")).to_have_count(1)
    page.get_by_label("All instances").check()
    expect(page).to_have_url(re.compile(r"\?result=COMPLETED&name=port&instance=all$"))
    page.get_by_role("button", name="Remove name: port").click()
    expect(page).to_have_url(re.compile(r"\?result=COMPLETED&instance=all$"))
    expect(page.locator("#jobs tbody tr")).to_have_count(2)


def test_the_field_completes_what_past_jobs_have(past: Service, page: Page) -> None:
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs")
    field = page.get_by_role("combobox")
    field.fill("state:")
    options = page.get_by_role("option")
    expect(options).to_have_text(
        ["state:completed", "state:failed", "state:canceled", "state:timeout"]
    )
    field.fill("name:tr")
    expect(options).to_have_text(["name:train"])
    options.click()
    expect(page).to_have_url(re.compile(r"\?name=train$"))
    expect(page.locator("#jobs tbody tr")).to_have_count(1)


def test_the_jobs_that_match_are_exported(past: Service, page: Page) -> None:
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs?name=train&since=2020-01-01")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    heading, *rows = download.value.path().read_text(encoding="utf-8").splitlines()
    assert heading.startswith("id,instance,")
    assert [row.split(",")[3] for row in rows] == ["train"]
    page.locator("#menu > summary").click()
    expect(page.get_by_role("link", name="Webhooks")).to_be_visible()


def test_the_runtimes_of_jobs_of_one_name_are_compared(past: Service, page: Page) -> None:
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs")
    runtimes = page.locator('#jobs td[data-key="runtime"]')
    expect(page.locator("#listed")).to_have_text(
        re.compile(
            r"^3 jobs: 2 completed, 1 failed; runtime [\d.]+s to [\d.]+s, mean [\d.]+s, "
            r"median [\d.]+s$"
        )
    )
    newest = runtimes.all_inner_texts()

    def seconds() -> list[float]:
        return [float(text.rstrip("s")) for text in runtimes.all_inner_texts()]

    heading = page.get_by_role("columnheader", name="Runtime")
    page.get_by_role("link", name="Runtime").click()
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert seconds() == sorted(seconds(), reverse=True)
    page.get_by_role("link", name="Runtime").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert seconds() == sorted(seconds())
    # The order stays when the filters change, and the third press goes back to the newest first.
    field = page.locator("#filters input[name=text]")
    field.fill("name:r")
    field.press("Enter")
    expect(page.get_by_role("button", name="Remove name: r")).to_be_visible()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs?sort=runtime")
    page.get_by_role("link", name="Runtime").click()
    expect(heading).not_to_have_attribute("aria-sort", re.compile(".*"))
    assert runtimes.all_inner_texts() == newest


def test_on_a_phone_the_reason_of_a_failure_can_be_read(past: Service, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs?name=train")
    note = page.locator('#jobs td[data-key="note"]')
    expect(note).to_have_text("Exit code 3")
    assert note.evaluate("it => it.clientWidth > 200 && it.scrollWidth <= it.clientWidth")
    assert note.evaluate(
        "it => { const row = it.closest('tr'), box = it.getBoundingClientRect();"
        "return row.querySelector('[data-key=name]').getBoundingClientRect().bottom <= box.top + 1"
        " && box.bottom <= row.getBoundingClientRect().bottom + 1 }"
    )
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs?name=report")
    expect(note).to_be_hidden()


def test_an_invalid_filter_is_marked(past: Service, page: Page) -> None:
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs?name=train&since=soon")
    expect(page.locator(".chip.wrong")).to_have_text(["since:soon"])
    edit = page.locator(".chip.wrong .edit")
    expect(edit).to_have_attribute("title", re.compile("^since:soon is not a time"))
    expect(edit).to_have_attribute("data-icon", "warning")
    expect(page.locator(".chip:not(.wrong)")).to_have_text(["name:train"])


def test_on_a_phone_the_line_of_the_views_is_below_them(past: Service, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs")
    tabs, head = page.locator(".view-head .tabs"), page.locator(".view-head")
    expect(tabs).to_have_css("border-bottom-width", "1px")
    expect(head).to_have_css("border-bottom-width", "0px")
    assert tabs.evaluate("it => it.offsetWidth === it.parentElement.offsetWidth")


def test_filters_that_match_nothing_say_so(past: Service, page: Page) -> None:
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs?name=nothing&since=soon")
    expect(page.locator("#empty h2")).to_have_text("No jobs match")
    expect(page.get_by_role("alert")).to_contain_text("since:soon is not a time")


def test_the_page_works_without_scripts(past: Service, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs")
    page.get_by_label("Status", exact=True).select_option("FAILED")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#jobs tbody tr")).to_have_count(1)
    context.close()


def test_it_shuts_nobody_out(past: Service, still: Page) -> None:
    still.goto(f"{past.url.rstrip('/')}/ui/history/jobs")
    assert violations(still) == []


@pytest.fixture
def own(flux_uri: str, tmp_path: Path) -> Iterator[Service]:
    """Return a service with a history of its own: others count the jobs of ``past``."""
    with service(FLUX_URI=flux_uri, FLUXAPI_STATEDIR=str(tmp_path)) as running:
        yield running


def test_a_job_that_runs_is_no_past_job(own: Service, page: Page) -> None:
    held = {"command": ["sleep", "600"], "name": "not-past", "urgency": 0}
    jobid = page.request.post(f"{own.url.rstrip('/')}/v1/jobs", data=held).json()["id"]
    page.goto(f"{own.url.rstrip('/')}/ui/history/jobs?name=not-past")
    expect(page.get_by_role("heading", name="No jobs match")).to_be_visible()
    page.request.post(f"{own.url.rstrip('/')}/v1/jobs/{jobid}/cancel", data={})
    block_until(lambda: own.get(f"/v1/jobs/{jobid}")["state"] == "INACTIVE")
    page.reload()
    # Times are those of the reader, as on other pages.
    expect(page.locator("#jobs tbody tr")).to_have_count(1)
    submitted = page.locator("#jobs tbody [data-key=submitted] time")
    expect(submitted).to_have_attribute("datetime", re.compile("Z$"))
    expect(page.locator("#jobs tbody")).not_to_contain_text("UTC")


def test_a_job_of_another_instance_says_which(tmp_path: Path, page: Page) -> None:
    def run(name: str, running: Service, uri: str, count: int) -> None:
        flux(uri, "submit", "--quiet", f"--job-name={name}", "true")
        flux(uri, "queue", "idle", "--quiet")
        block_until(lambda: len(running.get("/v1/jobs?instance=all")["jobs"]) == count)

    for name, count in (("before", 1), ("after", 2)):
        with (
            flux_instance(1) as uri,
            service(FLUX_URI=uri, FLUXAPI_STATEDIR=str(tmp_path)) as running,
        ):
            run(name, running, uri, count)
            if count == 1:
                continue
            page.goto(f"{running.url.rstrip('/')}/ui/history/jobs?instance=all")
            cell = page.locator('#jobs td[data-key="instance"]')
            own, other = page.locator("td.own"), cell.locator("code")
            expect(page.get_by_role("columnheader", name="Instance")).to_be_visible()
            expect(own).to_have_text("This one")
            expect(other).to_have_text(re.compile("^[-.\\w]+ · [0-9a-f]{8}$"))
            expect(cell.locator(".label")).to_be_hidden()
            # On a phone, there is no heading, and the own instance needs no words.
            page.set_viewport_size({"width": 390, "height": 844})
            expect(cell.locator(".label")).to_be_visible()
            expect(other).to_be_visible()
            expect(own).to_be_hidden()
            assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_past_jobs_have_their_ends_and_are_sorted_by_them(past: Service, page: Page) -> None:
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs")
    names = page.locator('#jobs td[data-key="name"]')
    expect(page.locator('#jobs td[data-key="ended"] time')).to_have_count(3)
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page.get_by_role("columnheader", name="Name")).to_have_attribute(
        "aria-sort", "ascending"
    )
    assert names.all_inner_texts() == ["prepare", "report", "train"]
    page.get_by_role("link", name="Ended", exact=True).click()
    heading = page.get_by_role("columnheader", name="Ended")
    expect(heading).to_have_attribute("aria-sort", "descending")
    ends = page.locator('#jobs td[data-key="ended"] time').evaluate_all(
        "all => all.map((it) => Number(it.dataset.at))"
    )
    assert ends == sorted(ends, reverse=True)


def test_a_table_without_a_match_leads_to_the_past_jobs_that_match(
    own: Service, page: Page
) -> None:
    held = {"command": "true", "urgency": 0}
    jobid = page.request.post(f"{own.url.rstrip('/')}/v1/jobs", data=held).json()["id"]
    page.goto(f"{own.url.rstrip('/')}/?state=failed,timeout&name=nosuch*&ended=yesterday")
    link = page.get_by_role("link", name="Look in the history")
    expect(link).to_have_attribute(
        "href", re.compile(r"history/jobs\?result=FAILED%2CTIMEOUT&name=nosuch\*&ended=yesterday$")
    )
    # Jobs that have not ended are not in the history.
    page.goto(f"{own.url.rstrip('/')}/?state=running&name=nosuch*")
    expect(page.get_by_role("heading", name="No jobs match")).to_be_visible()
    expect(link).to_be_hidden()
    page.go_back()
    link.click()
    expect(page.get_by_role("heading", name="No jobs match")).to_be_visible()
    expect(page.locator(".chip").first).to_have_text("state:failed, timeout")
    page.request.post(f"{own.url.rstrip('/')}/v1/jobs/{jobid}/cancel", data={})


def test_a_short_note_of_a_past_job_has_one_line_in_a_window_of_middle_width(
    past: Service, page: Page
) -> None:
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(f"{past.url.rstrip('/')}/ui/history/jobs")
    note = page.locator("#jobs tbody .note-text").first
    expect(note).to_be_attached()
    height = note.evaluate(
        """(it) => {
            it.textContent = "Canceled before it ran";
            const { lineHeight, paddingTop } = getComputedStyle(it);
            return (it.clientHeight - 2 * parseFloat(paddingTop)) / parseFloat(lineHeight);
        }"""
    )
    assert height < 1.5


def test_past_jobs_are_sorted_on_a_phone(past: Service, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{past.url}/ui/history/jobs")
    names = page.locator("#jobs tbody [data-key=name]")
    expect(names).to_have_text(["report", "train", "prepare"])
    by = page.get_by_label("Sort by")
    expect(by).to_have_value("submitted")
    by.select_option("name")
    expect(page).to_have_url(re.compile("sort=name"))
    expect(names).to_have_text(["prepare", "report", "train"])
    expect(by).to_have_value("name")
    page.locator(".sort-by button").click()
    expect(names).to_have_text(["train", "report", "prepare"])
    by.select_option("ended")
    expect(page.locator("#jobs tbody [data-key=ended]").first).to_be_visible()
    expect(page.locator("#jobs tbody [data-key=submitted]").first).to_be_hidden()
    by.select_option("submitted")
    expect(names).to_have_text(["report", "train", "prepare"])
    page.set_viewport_size({"width": 1440, "height": 900})
    expect(by).to_be_hidden()
