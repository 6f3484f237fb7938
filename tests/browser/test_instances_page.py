"""The tree of instances and the pages of an instance, on a real Flux."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.flux.tree import child_uri, launch, submit
from tests.running import Service, flux, service

from .test_jobs import line, live


@pytest.fixture
def child(flux_uri: str) -> Iterator[str]:
    """Return the ID of a job that is an instance."""
    jobid = launch(flux_uri)
    yield jobid
    flux(flux_uri, "cancel", "--all", "--quiet")
    flux(flux_uri, "queue", "idle", "--quiet")


@pytest.fixture
def below(flux_uri: str) -> Iterator[Service]:
    """Return a service below a prefix."""
    # Instances open only for readers.
    flags = ("--base-path=/flux", "--follow-children=0")
    with service(*flags, FLUX_URI=flux_uri) as running:
        running.wait_until_ready()
        yield running


SHOWN = """tbody => [...tbody.rows].map(row => [...row.cells].map(cell => [
    cell.dataset.label === "Runtime" ? "" : cell.textContent.replace(/\\s+/g, " ").trim(),
    cell.className, cell.dataset.label,
    [...cell.querySelectorAll("a")].map(a => a.pathname + a.search),
    [...cell.querySelectorAll("meter")].map(({max, value, ariaLabel}) => [max, value, ariaLabel])]))
    .map((cells, n) => [tbody.rows[n].dataset.key, tbody.rows[n].dataset.state, cells])"""
"""Returns all that the rows show but the run times, which go on."""


@pytest.mark.timeout(240)
def test_the_way_down_to_an_instance_and_back(
    below: Service, child: str, flux_uri: str, page: Page
) -> None:
    root = below.url.rstrip("/").removesuffix("/flux") + "/flux"
    uri = child_uri(flux_uri, child)
    (inner,) = submit(uri, "-n1", "--job-name=inner", "sleep", "600")
    page.goto(f"{root}/ui/instances")
    row = page.locator(f"[data-key='{child}']")
    expect(row.locator(".instance-state")).to_have_text("not open")
    expect(row.locator("[data-label=Running]")).to_have_text("1")
    live(page)
    expect(page.locator("[data-key=root] .use meter")).not_to_have_count(0)
    # Wide enough for a table, just so.
    page.set_viewport_size({"width": 994, "height": 768})
    assert page.locator(".tree-frame").evaluate("it => it.scrollWidth <= it.clientWidth")
    page.set_viewport_size({"width": 1280, "height": 720})
    # The script draws the rows as the service renders them.
    (drawn, rendered) = page.evaluate(
        f"""async () => {{
            const shown = {SHOWN}, text = await (await fetch(location.href)).text();
            const fresh = new DOMParser().parseFromString(text, "text/html");
            return [shown(document.getElementById("tree")), shown(fresh.getElementById("tree"))];
        }}"""
    )
    assert drawn == rendered
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    (second,) = submit(flux_uri, "--urgency=hold", "true")
    expect(page.locator("[data-key=root] [data-label=Pending]")).to_have_text("1")
    flux(flux_uri, "cancel", second)
    expect(page.locator("[data-key=root] [data-label=Canceled] a")).to_be_visible()
    assert not [url for url in requests if "/ui/" in url], "it asks for no page again"
    page.goto(f"{root}/")
    live(page)
    page.get_by_role("link", name=f"Open the instance {child}").click()
    live(page)
    expect(page).to_have_url(f"{root}/ui/instances/{child}")
    expect(page.locator(".crumbs b")).to_have_text(child)
    line(page, inner).get_by_role("link", name=inner, exact=True).click()
    live(page)
    expect(page).to_have_url(f"{root}/ui/instances/{child}/jobs/{inner}")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").last.click()
    expect(page.locator("#status")).to_have_text("CANCELED")
    page.get_by_role("link", name="Instances").click()
    expect(row.locator(".instance-state")).to_have_text("ready")
    expect(row.locator("[data-label=Canceled]")).to_have_text("1")
    expect(row.locator(".use meter")).not_to_have_count(0)
    row.get_by_role("link", name=child).click()
    live(page)
    flux(flux_uri, "cancel", child)
    flux(flux_uri, "job", "wait-event", "--timeout=60", child, "clean")
    expect(page.locator("#state")).to_have_attribute("data-state", "ended")
    # It is said once, and nothing is offered or told that needs the instance.
    expect(page.locator("#ended")).to_contain_text("has ended; its rows stay as they were.")
    expect(page.locator("#lost")).to_have_count(0)
    expect(page.locator("#held")).to_be_hidden()
    expect(page.get_by_role("button", name="Tell me when they end")).to_be_disabled()
    page.get_by_role("link", name="Root").click()
    expect(page).to_have_url(f"{root}/")
    live(page)


@pytest.mark.timeout(240)
def test_failures_in_an_instance_are_seen_outside_of_it(
    below: Service, child: str, flux_uri: str, page: Page
) -> None:
    root = below.url.rstrip("/").removesuffix("/flux") + "/flux"
    uri = child_uri(flux_uri, child)
    (ill, _) = submit(uri, "--cc=1-2", "--job-name=inner", "false")
    submit(uri, "--job-name=inner", "true")
    flux(uri, "queue", "idle", "--quiet")
    page.goto(f"{root}/")
    live(page)
    row = line(page, child)
    expect(row.locator(".status")).to_have_text("RUN")
    height = row.evaluate("it => it.offsetHeight")
    # The service knows it from the page of the tree, which counts the jobs of closed instances.
    page.goto(f"{root}/ui/instances")
    live(page)
    shown = page.locator(f"[data-key='{child}'] [data-label=Failed]")
    expect(shown).to_have_text("2")
    expect(shown.get_by_role("link")).to_have_attribute("data-status", "FAILED")
    page.goto(f"{root}/")
    live(page)
    note = row.locator("[data-key=note]")
    expect(note).to_have_text("2 of 3 jobs in it failed")
    expect(note).to_have_attribute("data-icon", "warning")
    assert row.evaluate("it => it.offsetHeight") == height
    row.get_by_role("link", name=child, exact=True).click()
    live(page)
    page.locator("#inside").get_by_role("link", name="2 of 3 jobs in it failed").click()
    live(page)
    expect(page.locator("#count")).to_have_text("2 of 3 jobs")
    expect(line(page, ill)).to_be_visible()
    # It stays known when the instance has ended.
    flux(flux_uri, "cancel", child)
    flux(flux_uri, "job", "wait-event", "--timeout=60", child, "clean")
    page.goto(f"{root}/")
    live(page)
    expect(note).to_have_text(re.compile("; 2 of 3 jobs in it failed$"))


def test_an_instance_that_is_open_from_the_history_is_called_ended(
    on_embedded: Service, page: Page
) -> None:
    page.route_web_socket(
        "**/events/ws*",
        lambda socket: socket.connect_to_server().on_message(
            lambda message: socket.send(
                str(message).replace('"state":"ready"', '"state":"ready","t_run":1.0,"t_end":2.0')
            )
        ),
    )
    page.goto(f"{on_embedded.url}/ui/instances")
    live(page)
    state = page.locator("[data-key=root] .instance-state")
    expect(state).to_have_text("ended")
    expect(state).to_have_attribute("data-state", "ended")
