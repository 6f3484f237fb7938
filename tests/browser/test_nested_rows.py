"""The rows that open below a job: those that it waits for, and those of its instance."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.flux.tree import child_uri, launch
from tests.flux.tree import submit as submit_inside
from tests.running import Service, flux

from .test_jobs import line, live, submit
from .test_notify import cancel


def test_a_row_opens_to_the_jobs_that_it_waits_for(site: Service, page: Page) -> None:
    first = submit(site, command=["sleep", "600"], name="goes-first", urgency=0)
    dependencies = [{"scheme": "afterok", "value": first}]
    waits = submit(site, name="goes-second", dependencies=dependencies)
    page.goto(f"{site.url}/?name=goes-second")
    live(page)
    row = line(page, waits)
    opener = row.get_by_role("button", name=f"Jobs that {waits} waits for")
    expect(opener).to_have_attribute("aria-expanded", "false")
    opener.click()
    expect(opener).to_have_attribute("aria-expanded", "true")
    nested = page.locator("tbody tr.nested")
    expect(nested).to_have_count(1)
    expect(nested).to_contain_text("goes-first")
    expect(nested.locator(".status")).to_have_text("SCHED")
    expect(nested.get_by_role("checkbox")).to_have_count(0)
    expect(nested.get_by_role("link", name=first)).to_have_attribute(
        "href", re.compile(f"/ui/jobs/{first}$")
    )
    # It is as fresh as any other row, and counts for nothing.
    page.request.post(f"{site.url}/v1/jobs/{first}/urgency", data={"urgency": 16})
    expect(nested.locator(".status")).to_have_text("RUN")
    expect(page.locator("#count")).to_have_text(re.compile("^1 of "))
    page.get_by_label("Select all rows of this view").check()
    expect(page.get_by_role("group", name="With the selected jobs")).to_contain_text("1 job sel")
    page.request.post(f"{site.url}/v1/jobs/{first}/cancel", data={})


def test_rows_open_and_close_by_the_arrow_keys(site: Service, page: Page) -> None:
    first = submit(site, command=["sleep", "600"], urgency=0)
    dependencies = [{"scheme": "after", "value": first}]
    waits = submit(site, name="by-arrows", dependencies=dependencies)
    page.goto(f"{site.url}/?name=by-arrows")
    live(page)
    line(page, waits).get_by_role("link", name=waits).focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("tbody tr.nested")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(page.locator("tbody tr.nested").get_by_role("link")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("tbody tr.nested")).to_have_count(0)
    page.request.post(f"{site.url}/v1/jobs/{first}/cancel", data={})


def test_a_job_that_is_waited_for_is_a_link_where_it_is_named(site: Service, page: Page) -> None:
    first = submit(site, command=["sleep", "600"], name="named", urgency=0)
    dependencies = [{"scheme": "afterok", "value": first}]
    waits = submit(site, name="names-one", dependencies=dependencies)
    page.goto(f"{site.url}/?name=names-one")
    live(page)
    note = line(page, waits).locator('td[data-key="note"]')
    expect(note).to_have_text(f"Waits for {first} to succeed")
    page.request.post(f"{site.url}/v1/jobs/{waits}/cancel", data={})
    # A row that waits for nothing anymore names nothing.
    expect(note.get_by_role("link")).to_have_count(0)
    again = submit(site, name="names-one", dependencies=dependencies)
    line(page, again).get_by_role("link", name=first).click()
    expect(page).to_have_url(re.compile(f"/ui/jobs/{first}$"))
    for jobid in (again, first):
        page.request.post(f"{site.url}/v1/jobs/{jobid}/cancel", data={})


def test_a_job_that_fits_names_the_first_in_line(site: Service, page: Page) -> None:
    cores = site.get("/v1/resources")["totals"]["cores"]["total"]
    running = submit(site, command=["sleep", "60"], name="runs")
    first = submit(site, num_tasks=cores, command=["true"], name="large")
    behind = submit(site, command=["true"], name="small")
    page.goto(site.url)
    live(page)
    note = line(page, behind).locator(".note-text")
    expect(note).to_have_text(
        f"Waits behind {first}, the first in line; needs 1 core, {cores - 1} free"
    )
    expect(line(page, first).locator(".note-text")).to_have_text(
        f"Waits for {cores} cores; {cores - 1} free"
    )
    note.get_by_role("link", name=first).click()
    expect(page.locator("#id")).to_have_text(first)
    for jobid in (behind, first, running):
        cancel(site, jobid)


@pytest.fixture
def child(flux_uri: str) -> Iterator[str]:
    """Return the ID of a job that is an instance."""
    jobid = launch(flux_uri)
    yield jobid
    flux(flux_uri, "cancel", "--all", "--quiet")
    flux(flux_uri, "queue", "idle", "--quiet")


@pytest.mark.timeout(240)
def test_a_row_opens_to_the_jobs_of_its_instance(
    on_flux: Service, child: str, flux_uri: str, page: Page
) -> None:
    (inner,) = submit_inside(child_uri(flux_uri, child), "-n1", "--job-name=inner", "sleep", "600")
    page.goto(on_flux.url)
    live(page)
    opener = line(page, child).get_by_role("button", name=f"Jobs of the instance {child}")
    opener.click()
    nested = page.locator("tbody tr.nested").filter(has_text="inner")
    expect(nested.locator(".status")).to_have_text("RUN", timeout=60_000)
    nested.get_by_role("link", name=inner).click()
    expect(page).to_have_url(re.compile(f"/ui/instances/{child}/jobs/{inner}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("inner")


@pytest.mark.timeout(240)
def test_a_job_in_an_instance_waits_for_the_cores_of_this_instance(
    on_flux: Service, child: str, flux_uri: str, page: Page
) -> None:
    uri = child_uri(flux_uri, child)
    cores = flux(uri, "resource", "list", "-n", "-s", "all", "-o", "{ncores}").strip()
    submit_inside(uri, f"-n{cores}", "sleep", "600")
    submit_inside(uri, "-n1", "--job-name=inner-waits", "true")
    page.goto(on_flux.url)
    live(page)
    # The instance around it has cores that are free.
    assert on_flux.get("/v1/resources")["totals"]["cores"]["free"] > 0
    line(page, child).get_by_role("button", name=f"Jobs of the instance {child}").click()
    nested = page.locator("tbody tr.nested").filter(has_text="inner-waits")
    expect(nested.locator(".note-text")).to_have_text(
        re.compile("^Waits for 1 core; 0 free"), timeout=60_000
    )


def test_a_sentence_below_a_row_is_not_cut(site: Service, browser: Browser) -> None:
    # The browser itself reports the answer that the sentence tells of.
    page = browser.new_page()
    jobid = submit(site, command=["sleep", "600"], name="nothing-inside")

    def change(message: str) -> str:
        return message.replace('"state":"RUN"', '"state":"RUN","uri":"ssh://elsewhere/run"')

    page.route_web_socket(
        "**/events/ws*",
        lambda socket: socket.connect_to_server().on_message(
            lambda message: socket.send(change(str(message)))
        ),
    )
    why = "The instance cannot be opened: " + "its node does not answer, " * 5
    problem = {"status": 503, "title": "Unavailable", "detail": why}
    page.route(
        f"**/v1/instances/{jobid}/**",
        lambda route: route.fulfill(status=503, json=problem),
    )
    page.goto(f"{site.url}/?name=nothing-inside")
    live(page)
    row = page.locator(f"tbody tr[data-id={jobid}]")
    expect(row.locator(".status")).to_have_text("RUN")
    row.locator(".opener").click()
    note = page.locator("tbody tr.words td[data-key=note]")
    expect(note).to_contain_text(why.strip())
    # In the column of IDs, the row says where the link leads.
    link = page.locator("tbody tr.words td[data-key=id]").get_by_role("link", name="Instance")
    expect(link).to_have_attribute("href", re.compile(f"/ui/instances/{jobid}$"))
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 800})
        assert note.evaluate("it => it.scrollWidth <= it.clientWidth")
        # On a phone, the lines stay within the row.
        assert note.evaluate("it => it.offsetHeight <= it.parentElement.clientHeight")
    # The row is used again for a job.
    row.locator(".opener").click()
    expect(page.locator("tbody tr.words")).to_have_count(0)
    page.close()


def stop_queue(page: Page) -> None:
    """Add the stopped queue to what the service tells a page."""
    page.route_web_socket(
        "**/events/ws*",
        lambda socket: socket.connect_to_server().on_message(
            lambda message: socket.send(str(message).replace('"queues":[', f'"queues":[{QUEUE},'))
        ),
    )


def test_a_stopped_queue_that_holds_up_own_jobs_is_told(site: Service, page: Page) -> None:
    queue = {"name": "batch", "enabled": True, "started": False, "default": True}
    jobs = {"pending": 3, "running": 0, "waiting": 3, "mine": 2}
    told = {"queues": [{**queue, "stop_reason": "<b>repair</b>", "jobs": jobs}]}
    page.route("**/v1/queues/held", lambda route: route.fulfill(json=told))
    stop_queue(page)
    page.goto(site.url)
    live(page)
    banner = page.locator("#held")
    expect(banner).to_contain_text("Queue batch is stopped: <b>repair</b>.")
    link = banner.get_by_role("link", name="2 of your jobs wait")
    expect(link).to_have_attribute("href", re.compile(r"/\?state=pending&queue=batch$"))


def test_the_number_of_held_up_jobs_follows_the_jobs_that_wait(site: Service, page: Page) -> None:
    queue = {"name": "batch", "enabled": True, "started": False, "default": True}
    held = [2]

    def tell(route: Route) -> None:
        jobs = {"pending": 3, "running": 0, "waiting": 3, "mine": held[0]}
        route.fulfill(json={"queues": [{**queue, "jobs": jobs}]})

    page.route("**/v1/queues/held", tell)
    stop_queue(page)
    page.goto(site.url)
    live(page)
    banner = page.locator("#held")
    expect(banner).to_contain_text("2 of your jobs wait")
    # The queue stays as it is, and one job more waits.
    held[0] = 3
    jobid = submit(site, command="true", urgency=0)
    expect(banner).to_contain_text("3 of your jobs wait")
    cancel(site, jobid)


def test_the_banner_of_a_stopped_queue_stays_while_the_service_does_not_answer(
    site: Service, unheard: Page
) -> None:
    page = unheard
    queue = {"name": "batch", "enabled": True, "started": False, "default": True}
    jobs = {"pending": 3, "running": 0, "waiting": 3, "mine": 2}
    refused: list[str] = []

    def refuse(route: Route) -> None:
        refused.append(route.request.url)
        route.abort()

    page.route(
        "**/v1/queues/held", lambda route: route.fulfill(json={"queues": [{**queue, "jobs": jobs}]})
    )
    stop_queue(page)
    page.goto(site.url)
    live(page)
    banner = page.locator("#held")
    expect(banner).to_contain_text("2 of your jobs wait")
    page.route("**/v1/queues/held", refuse)
    jobid = submit(site, command="true", urgency=0)
    while not refused:
        page.evaluate("0")  # Events come with the answers to calls.
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )
    assert "2 of your jobs wait" in banner.inner_text()
    # It asks again by itself, although no job comes or goes.
    page.unroute("**/v1/queues/held", refuse)
    page.route(
        "**/v1/queues/held",
        lambda route: route.fulfill(json={"queues": [{**queue, "jobs": {**jobs, "mine": 3}}]}),
    )
    expect(banner).to_contain_text("3 of your jobs wait")
    cancel(site, jobid)


QUEUE = '{"name":"batch","enabled":true,"started":false,"default":true}'
