"""The page of the history: charts from minutes to months, failures, and a table of the same."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from fluxapi.archive.samples import FIGURES, Sample
from fluxapi.model.jobid import encode_f58
from tests.archive.past_jobs import Past, store
from tests.running import Service, service

from .test_accessibility import violations
from .waits import Held

HOUR = 3600.0


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a service in front of a history with a gap of some hours in its samples."""
    folder = tmp_path_factory.mktemp("state")
    now = time.time()
    known = {"pending": 1, "running": 3, "cores": 8.0, "cores_allocated": 4.0}
    figures = tuple(known.get(name) for name in FIGURES)
    ages = (age * HOUR for age in range(1, 20) if not 5 <= age < 10)
    store(
        folder,
        *(Sample(now - age, HOUR, figures) for age in ages),
        *(
            Past(
                number << 24,
                now - number * 1200,
                wait=60.0 if number < 60 else 600.0,
                name="<b>train" if number % 3 else "prep",
                result="COMPLETED" if number % 2 else "FAILED",
                nodelist=f"node{number % 2}",
            )
            for number in range(1, 61)
        ),
        now=now,
    )
    with service("--instance=archive", f"--statedir={folder}") as running:
        yield running


def open_page(page: Page, past: Service, query: str = "") -> None:
    page.goto(f"{past.url.rstrip('/')}/ui/history{query}")
    expect(page.locator("#total")).to_contain_text("ended")
    expect(page.locator(".plot canvas")).to_have_count(6)


def test_the_core_hours_of_each_user_queue_and_node(past: Service, still: Page) -> None:
    page = still
    user = past.get("/v1/jobs?limit=1")["jobs"][0]["username"]
    open_page(page, past, "?range=week")
    used = page.get_by_role("region", name="Core hours", exact=True)
    bars = used.get_by_role("listitem")
    expect(bars).to_have_text([f"{user}0.2 core hours, 100%, 60 jobs"])
    meter = bars.first.get_by_role("meter", name=f"Core hours of {user}")
    assert meter.evaluate("(it) => it.value === it.max")
    link = bars.first.get_by_role("link", name=user)
    expect(link).to_have_attribute("href", re.compile(rf"/ui/history/jobs\?user={user}&ended=7d$"))
    used.get_by_role("combobox", name="for each").select_option("name")
    expect(bars).to_have_text(
        ["<b>train0.1 core hours, 67%, 40 jobs", "prep0.06 core hours, 33%, 20 jobs"]
    )
    # The choice is in the address, as that of the failures.
    page.reload()
    expect(bars).to_have_count(2)
    expect(page.get_by_role("combobox", name="By")).to_have_value("name")


def test_yesterday_is_a_day_of_the_reader(past: Service, page: Page) -> None:
    asked: list[tuple[float, float]] = []

    def note(route: Route) -> None:
        since, until = (
            float(parse_qs(urlsplit(route.request.url).query)[name][0])
            for name in ("since", "until")
        )
        asked.append((since, until))
        route.continue_()

    page.route("**/v1/history/figures*", note)
    open_page(page, past, "?range=yesterday")
    begin, end = page.evaluate(
        """() => {
            const now = new Date();
            const [year, month, day] = [now.getFullYear(), now.getMonth(), now.getDate()];
            return [new Date(year, month, day - 1) / 1000, new Date(year, month, day) / 1000];
        }"""
    )
    assert set(asked) == {(begin, end)}
    expect(page.get_by_role("radio", name="Yesterday")).to_be_checked()
    expect(page.locator("#custom")).to_be_hidden()
    link = page.locator("#used-bars").get_by_role("link")
    if link.count():
        expect(link.first).to_have_attribute("href", re.compile("ended=yesterday$"))


def test_failures_are_in_the_order_of_the_core_hours_that_they_lost(
    tmp_path: Path, page: Page
) -> None:
    now = time.time()
    often = (Past(at << 24, now - at, name="often", result="FAILED") for at in range(1, 6))
    at_once = Past(8 << 24, now - 8, wait=None, name="at once", result="FAILED")
    long = Past(9 << 24, now - 9, run=3600.0, ncores=4, name="long", result="TIMEOUT")
    store(tmp_path, *often, at_once, long, now=now)
    with service("--instance=archive", f"--statedir={tmp_path}") as running:
        page.goto(f"{running.url.rstrip('/')}/ui/history?range=day&by=name")
        expect(page.locator("#bars li")).to_have_text(
            ["long1 of 1, 4 core hours lost", "often5 of 5, 0.01 core hours lost", "at once1 of 1"]
        )


def test_bars_of_failures_are_equally_long(past: Service, page: Page) -> None:
    open_page(page, past, "?range=week")
    meters = page.locator("#bars meter")
    expect(meters).to_have_count(2)
    widths = meters.evaluate_all("(all) => all.map((it) => it.offsetWidth)")
    assert len(set(widths)) == 1


def test_charts_and_failures_of_a_day(past: Service, still: Page) -> None:
    page = still
    page.goto(past.url)
    # Nothing of a history is live.
    expect(page.locator("#state [role=status]")).to_have_text("History")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="History").click()
    page.get_by_role("link", name="Figures").click()
    expect(page.locator("#total")).to_have_text(
        "60 jobs ended, 30 failures, 0 canceled; 0.2 core hours; "
        "median wait until start 1m, median runtime 10s, of the jobs that ended in this time."
    )
    chart = page.get_by_role("img", name="In use: Cores at most 50% (means of 30m).")
    expect(chart).to_be_visible()
    # No chart names what the instance does not have.
    expect(page.locator(".key", has_text="GPUs")).to_be_hidden()
    bars = page.locator("#bars li")
    expect(bars).to_have_text(
        ["<b>train20 of 40, 0.06 core hours lost", "prep10 of 20, 0.03 core hours lost"]
    )
    link = bars.first.get_by_role("link").get_attribute("href")
    assert link is not None
    assert link.endswith("/ui/history/jobs?result=FAILED%2CTIMEOUT&name=%3Cb%3Etrain&ended=1d")
    # A bar has the part of the jobs that failed, as the numbers beside it.
    meter = bars.first.get_by_role("meter")
    assert meter.evaluate("(it) => [it.value, it.max]") == [20, 40]
    page.get_by_role("combobox", name="By").select_option("node")
    expect(bars).to_have_text(["node030 of 30, 0.08 core hours lost"])
    assert "by=node" in page.url
    assert violations(page) == []


def test_more_names_with_failures_are_offered(past: Service, still: Page) -> None:
    def more(route: Route) -> None:
        answer = route.fetch()
        found = answer.json()
        group = found["groups"][0]
        found["groups"] = [{**group, "value": f"name{at}"} for at in range(14)]
        route.fulfill(response=answer, json=found)

    still.route("**/v1/history/figures*", more)
    open_page(still, past)
    links = still.locator("#bars").get_by_role("link")
    expect(links).to_have_count(10)
    expect(still.locator("#bars")).to_contain_text("The 10 of 14 with the most core hours lost")
    assert violations(still) == []
    still.get_by_role("button", name="Show all 14").click()
    expect(links).to_have_count(14)
    expect(links.nth(10)).to_be_focused()
    expect(still.get_by_role("button", name="Show all 14")).to_have_count(0)
    still.unroute_all(behavior="ignoreErrors")


def test_the_failures_of_a_custom_time_lead_to_its_jobs(past: Service, still: Page) -> None:
    now = time.time()
    since, until = (
        time.strftime("%Y-%m-%dT%H:%M", time.localtime(now - age * HOUR)) for age in (10, 2)
    )
    open_page(still, past, f"?range=custom&since={since}&until={until}")
    still.locator("#bars").get_by_role("link", name="prep").click()
    still.wait_for_url(re.compile(r"/ui/history/jobs\?.*ended=\d{4}-.*Z&until=\d{4}-.*Z"))
    expect(still.get_by_role("row").filter(has_text="prep").first).to_be_visible()
    # No filter is refused.
    expect(still.get_by_text("The filter is ignored.")).to_have_count(0)


def test_a_pointer_reads_values_and_their_time(past: Service, still: Page) -> None:
    open_page(still, past)
    figure = still.locator("figure").nth(2)
    expect(figure.locator("figcaption")).to_contain_text("All at most")
    figure.locator(".u-over").hover()
    expect(figure.locator("figcaption")).to_contain_text("–")
    expect(figure.locator(".key", has_text="All").locator(".value")).to_have_text(
        re.compile("[12]")
    )


def test_the_table_has_gaps_where_nothing_was_sampled(past: Service, still: Page) -> None:
    open_page(still, past)
    still.locator("#steps summary").click()
    cells = still.locator("#steps tbody tr").locator("td:nth-last-child(3)")
    texts = cells.all_inner_texts()
    assert "–" in texts
    assert "50%" in texts
    assert violations(still) == []


def test_the_address_keeps_the_choice(past: Service, still: Page) -> None:
    open_page(still, past)
    with still.expect_response(lambda answer: "/v1/history/figures" in answer.url) as answer:
        still.get_by_text("Hour", exact=True).click()
    assert answer.value.json()["step"] == 60
    expect(still.locator("#total")).to_contain_text("2 jobs ended")
    still.reload()
    expect(still.get_by_role("radio", name="Hour")).to_be_checked()
    expect(still.locator("#total")).to_contain_text("2 jobs ended")


def test_a_late_answer_does_not_hide_what_is_wrong(past: Service, still: Page) -> None:
    open_page(still, past)
    late = Held(still, "**/v1/history/figures*")
    with still.expect_request("**/v1/history/figures*"):
        still.get_by_text("Custom", exact=True).click()
    still.get_by_label("From").fill("2100-01-01T00:00")
    expect(still.get_by_role("alert")).to_contain_text("begins before it ends")
    with still.expect_response("**/v1/history/figures*") as answered:
        late.release()
    answered.value.finished()
    # A turn of the page, in which the answer is taken.
    still.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    expect(still.get_by_role("alert")).to_contain_text("begins before it ends")
    still.unroute_all(behavior="ignoreErrors")


def test_a_custom_time_needs_a_begin_before_its_end(past: Service, still: Page) -> None:
    open_page(still, past)
    still.get_by_text("Custom", exact=True).click()
    # It begins with the last day.
    expect(still.get_by_label("From")).to_have_value(re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d$"))
    expect(still.get_by_role("alert")).to_be_hidden()
    still.get_by_label("From").fill("2100-01-01T00:00")
    expect(still.get_by_role("alert")).to_contain_text("begins before it ends")
    still.get_by_label("From").fill("2023-11-14T00:00")
    still.get_by_label("To", exact=True).fill("2023-11-16T00:00")
    expect(still.get_by_role("alert")).to_be_hidden()
    expect(still.locator("#total")).to_have_text("No job has ended in this time.")


def test_a_service_without_history_says_so_on_the_page(site: Service, still: Page) -> None:
    still.goto(f"{site.url.rstrip('/')}/ui/history")
    expect(still.get_by_text("keeps no history")).to_be_visible()
    assert violations(still) == []


def test_a_job_page_says_what_is_unusual(past: Service, still: Page) -> None:
    still.goto(f"{past.url.rstrip('/')}/ui/jobs/{encode_f58(60 << 24)}")
    expect(still.locator("#comparison")).to_have_text(
        "Waited 10 times as long as the median of the last 59 jobs in queue batch (1m)."
    )
    assert violations(still) == []
    still.goto(f"{past.url.rstrip('/')}/ui/jobs/{encode_f58(59 << 24)}")
    expect(still.locator("#state")).to_have_attribute("data-state", "live")
    expect(still.locator("#comparison")).to_be_hidden()
