"""Everything works below a path: pages, live updates, submission, output, downloads, the client."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import aiohttp
import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, expect
from yarl import URL

from fluxapi.client import AsyncClient
from tests.browser.waits import wait_until
from tests.tabs import Tabs

from .programs import Door

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def context(tabs: Tabs, door: Door) -> Iterator[BrowserContext]:
    """Return a browser that never leaves the prefix, and that no response refuses."""
    context = tabs.context
    if door.login:
        assert context.request.get(door.login).ok
    wrong: list[str] = []

    def look(request: Request) -> None:
        if not request.url.startswith((f"{door.url}/", "blob:", "data:")):
            wrong.append(request.url)

    def judge(response: Response) -> None:
        if response.status >= 400:
            wrong.append(f"{response.status} {response.url}")

    def hear(said: ConsoleMessage) -> None:
        if said.type == "error":
            wrong.append(said.text)

    context.on("request", look)
    context.on("response", judge)
    context.on("console", hear)
    yield context
    wrong += tabs.close()
    context.remove_listener("request", look)
    context.remove_listener("response", judge)
    context.remove_listener("console", hear)
    assert wrong == []


Open = Callable[[str], Page]


@pytest.fixture
def opened(context: BrowserContext, tabs: Tabs, door: Door) -> Open:  # noqa: ARG001 - it listens
    """Return a function that opens a path of the door in a new tab."""

    def open_path(path: str) -> Page:
        page = tabs.open()
        page.set_default_timeout(60_000)
        page.goto(door.url + path)
        return page

    return open_path


@pytest.fixture
def page(opened: Open) -> Page:
    return opened("/")


def live(page: Page) -> None:
    expect(page.locator("#state")).to_have_attribute("data-state", "live")


def test_a_job_from_the_form_to_its_downloaded_output(page: Page, door: Door) -> None:
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    live(page)
    page.get_by_role("link", name="Submit job").first.click()
    live(page)
    page.get_by_label("Command", exact=True).fill("echo through the door")
    page.get_by_label("Name", exact=True).fill("door")
    page.get_by_role("button", name="Submit", exact=True).click()
    page.locator("#done a").first.click()
    expect(page.locator("#status")).to_have_text("COMPLETED")
    expect(page.locator("#screen")).to_contain_text("through the door")
    with page.expect_download() as caught:
        page.get_by_role("link", name="Whole output").click()
    assert caught.value.path().read_text(encoding="utf-8") == "through the door\n"
    page.get_by_role("link", name="Jobs").first.click()
    live(page)
    row = page.locator("tr[data-id]", has_text="door").first
    expect(row.locator(".status")).to_have_text("COMPLETED")
    row.get_by_role("link").click()
    page.get_by_role("link", name="Resubmit").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("door")
    assert sockets
    prefix = door.url.replace("http:", "ws:")
    assert all(url.startswith(f"{prefix}/v1/events/ws") for url in sockets)


def test_a_job_of_another_client_appears_without_a_reload(page: Page, opened: Open) -> None:
    live(page)
    other = opened("/ui/submit")
    live(other)
    other.get_by_label("Command", exact=True).fill("sleep 300")
    other.get_by_label("Name", exact=True).fill("appears")
    other.get_by_role("button", name="Submit", exact=True).click()
    row = page.locator("tr[data-id]", has_text="appears").first
    expect(row.locator(".status")).to_have_text("RUN")
    row.locator("input[type=checkbox]").check()
    page.locator("#actions").get_by_role("button", name=re.compile("Cancel")).click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("Cancel 1")).click()
    expect(row.locator(".status")).to_have_text("CANCELED")


def test_every_other_page_is_whole(page: Page) -> None:
    page.get_by_role("link", name="Nodes").click()
    live(page)
    expect(page.locator("#nodes tbody tr[data-state]").first).to_be_visible()
    page.get_by_role("link", name="Docs").click()
    for name in ("Tutorial", "Run it behind nginx", "REST and events", "Errors"):
        page.locator("#shelf").get_by_role("link", name=name).first.click()
        expect(page.locator("h1")).to_be_visible()
        broken = "[...document.images].filter((it) => it.complete && !it.naturalWidth).length"
        assert page.evaluate(broken) == 0
        wait_until(page, "() => document.styleSheets.length > 0")
    page.locator("header").get_by_role("link", name="Jobs").click()
    live(page)


def test_redirects_stay_behind_the_proxy(context: BrowserContext, door: Door) -> None:
    page = {"Accept": "text/html"}
    for path in ("/jobs", "/ui/", "/ui/jobs"):
        answer = context.request.get(f"{door.url}{path}", headers=page)
        assert (answer.status, answer.url) == (200, f"{door.url}/")
    answer = context.request.get(f"{door.url}/submit", headers=page)
    assert (answer.status, answer.url) == (200, f"{door.url}/ui/submit")


def test_charts_are_loaded_from_there(page: Page) -> None:
    live(page)
    page.locator(".figure-card").first.click()
    expect(page.locator("canvas").first).to_be_visible()


async def test_the_client_works_through_it(door: Door) -> None:
    async with AsyncClient(door.url, access_token=door.token or None) as client:
        jobid = await client.submit("echo client")
        assert (await client.wait(jobid)).result == "COMPLETED"
        assert (await client.output(jobid)).stdout == "client\n"
        async for change in client.watch():
            assert change is not None
            break


async def test_paths_in_answers_have_the_prefix_that_is_known(door: Door) -> None:

    headers = {"Authorization": f"Bearer {door.token}"} if door.token else {}
    prefix = door.prefix if door.tells_prefix else ""
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{door.url}/v1/") as answer:
            assert (await answer.json())["links"]["jobs"] == f"{prefix}/v1/jobs"
        async with session.get(f"{door.url}/openapi.json") as answer:
            assert (await answer.json())["servers"][0]["url"] == f"{prefix}/v1"
        async with session.get(f"{door.url}/v1/jobs/none") as answer:
            assert (await answer.json())["type"].startswith(f"{prefix}/docs/errors#")
        async with session.post(f"{door.url}/v1/jobs", json={"command": "true"}) as answer:
            assert answer.status == 201
            place = answer.url.join(URL(answer.headers["Location"]))
        assert str(place).startswith(f"{door.url}/v1/jobs/")
        async with session.get(place) as answer:
            assert answer.status == 200
