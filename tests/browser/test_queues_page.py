"""The page of queues, in front of a Flux that has several."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route, expect

from tests.running import Service, flux, flux_instance, needs_flux, service

from .test_jobs import live, submit

pytestmark = needs_flux

CONFIG = """
[queues.batch]
[queues.batch.policy.limits]
duration = "2h"
job-size.max.nnodes = 1
[queues.debug]
[policy.jobspec.defaults.system]
queue = "batch"
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with flux_instance(1, CONFIG, tmp_path_factory.mktemp("queues")) as uri:
        yield uri


@pytest.fixture(scope="module")
def site(cluster: str) -> Iterator[Service]:
    with service(FLUX_URI=cluster) as running:
        yield running


def test_a_reader_sees_what_holds_up_a_job(cluster: str, site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/queues")
    live(page)
    batch = page.get_by_role("row").filter(has_text="Up to 2h")
    expect(batch).to_contain_text("Open")
    expect(batch).to_contain_text("Up to 1 node")
    flux(cluster, "queue", "stop", "-q", "batch", "-m", "disks are full <b>")
    expect(batch).to_contain_text("Stopped")
    expect(batch).to_contain_text("disks are full <b>")
    jobid = submit(site, command="true", queue="batch", duration=60)
    notice = page.get_by_text("1 pending job of yours cannot start: the queue batch is stopped.")
    expect(notice).to_be_visible()
    notice.get_by_role("link", name="Show jobs").click()
    expect(page.locator("#jobs")).to_contain_text(jobid)
    page.go_back()
    flux(cluster, "queue", "start", "-q", "batch")
    expect(batch).to_contain_text("Open")
    expect(notice).to_have_count(0)


def test_a_disabled_queue_says_that_it_takes_no_jobs(
    cluster: str, site: Service, page: Page
) -> None:
    flux(cluster, "queue", "disable", "-q", "debug", "-m", "moved away")
    page.goto(f"{site.url}/ui/queues")
    debug = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="debug"))
    expect(debug).to_contain_text("Disabled")
    expect(debug).to_contain_text("moved away")
    expect(debug).to_contain_text("New jobs are refused, but pending ones still start.")
    flux(cluster, "queue", "enable", "-q", "debug")


def test_the_list_of_jobs_tells_of_a_disabled_queue_where_jobs_of_the_reader_wait(
    cluster: str, site: Service, page: Page
) -> None:
    jobid = submit(site, command="true", queue="debug", urgency=0)
    flux(cluster, "queue", "disable", "-q", "debug", "-m", "moved <b>away</b>")
    page.goto(site.url)
    live(page)
    expect(
        page.get_by_text(
            "Queue debug takes no new jobs: moved <b>away</b>. 1 of your jobs waits there,"
        )
    ).to_be_visible()
    flux(cluster, "queue", "enable", "-q", "debug")
    expect(page.get_by_text("Queue debug takes no new jobs")).to_have_count(0)
    flux(cluster, "cancel", jobid)


def test_nodes_of_a_queue_are_a_link_away(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/queues")
    page.get_by_role("link", name="0 of 1").first.click()
    expect(page.get_by_label("Queue")).to_have_value("batch")
    expect(page.locator("#count")).to_have_text("1 node")


def test_known_queues_stay_when_flux_does_not_answer(
    site: Service, page: Page, cluster: str
) -> None:
    page.goto(f"{site.url}/ui/queues")
    live(page)
    lost = '<div id="queues"><p data-lost>The broker does not answer.</p></div>'

    def respond(route: Route) -> None:
        route.fulfill(body=lost, content_type="text/html")

    page.route("**/ui/queues?part=list", respond)
    flux(cluster, "queue", "stop", "-q", "debug")
    expect(page.get_by_text("The broker does not answer.")).to_be_visible()
    expect(page.get_by_role("rowheader", name="batch")).to_be_visible()
    page.unroute("**/ui/queues?part=list")
    flux(cluster, "queue", "start", "-q", "debug")
    expect(page.get_by_text("The broker does not answer.")).to_be_hidden()


def test_the_form_offers_the_queues_in_their_field_alone(site: Service, page: Page) -> None:
    page.goto(f"{site.url}/ui/submit")
    live(page)
    offered = page.locator("datalist:has([value=debug])")
    expect(offered).to_have_count(1)
    expect(offered).not_to_be_visible()
    queue = page.get_by_label("Queue", exact=True)
    assert queue.get_attribute("list") == offered.get_attribute("id")


def test_the_words_of_a_median_have_room_in_a_window_of_middle_width(
    site: Service, page: Page
) -> None:
    page.set_viewport_size({"width": 1024, "height": 768})
    page.goto(f"{site.url}/ui/queues")
    cell = page.locator('td[data-label="Median wait"]').first
    expect(cell).to_be_visible()
    lines = cell.evaluate(
        """(it) => {
            it.textContent = "5m 32s";
            const now = "of those that wait now";
            return [now, "0.025s of those that started in the last day"].reduce((sum, text) => {
                const words = document.createElement("span");
                Object.assign(words, { className: "more", textContent: text });
                it.append(words);
                return sum + words.offsetHeight / parseFloat(getComputedStyle(words).lineHeight);
            }, 0);
        }"""
    )
    assert lines <= 3


def test_the_page_of_a_drained_node_leads_to_the_jobs_that_it_holds_up(
    cluster: str, site: Service, page: Page
) -> None:
    page.goto(f"{site.url}/ui/nodes/{site.get('/v1/nodes')['nodes'][0]}")
    live(page)
    link = page.get_by_role("link", name="Jobs that wait for drained nodes")
    expect(link).to_have_count(0)
    flux(cluster, "resource", "drain", "0", "new disks")
    page.reload()
    job = {"command": "true", "queue": "batch", "duration": 60}
    waiting = submit(site, **job, name="waits-for-node")
    held = submit(site, **job, name="held-by-hand", urgency=0)
    link.click()
    expect(page.locator("#jobs")).to_contain_text(waiting)
    expect(page.locator("#jobs")).not_to_contain_text(held)
    flux(cluster, "resource", "undrain", "0")
    flux(cluster, "cancel", held)
