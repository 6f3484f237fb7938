"""Logins in a browser: by the page, by links, their end in the middle, and what a viewer sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.running import Service, service

from .test_jobs import field, live

USER, TOKEN = "ada", "not-so-secret-token"
FLAGS = ("--instance", "embedded", "--require-auth")


@pytest.fixture
def guarded() -> Iterator[Service]:
    with service(*FLAGS, FLUX_USER=USER, FLUX_TOKEN=TOKEN) as running:
        yield running


def visit(browser: Browser, wrong: list[str], **options: object) -> BrowserContext:
    """Return a new browser context that may be refused, since these tests are about 401."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(20_000)
    context.on("weberror", lambda error: wrong.append(str(error.error)))

    def hear(said: ConsoleMessage) -> None:
        expected = "ERR_CONNECTION" in said.text or "401" in said.text
        if said.type == "error" and not expected:
            wrong.append(said.text)

    context.on("console", hear)
    return context


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    wrong: list[str] = []
    context = visit(browser, wrong)
    yield context
    context.close()
    assert wrong == []


@pytest.fixture
def colleague(browser: Browser) -> Iterator[BrowserContext]:
    """Return the browser context of another person."""
    wrong: list[str] = []
    context = visit(browser, wrong)
    yield context
    context.close()
    assert wrong == []


def fill(page: Page, token: str = TOKEN) -> None:
    page.get_by_label("User").fill(USER)
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Log in").click()


def enter(page: Page, site: Service, path: str = "/") -> None:
    """Open a page by way of the login page."""
    page.goto(site.url.rstrip("/") + path)
    fill(page)


def test_the_login_page_leads_to_the_page_that_was_asked_for_and_out_again(
    guarded: Service, visitor: BrowserContext
) -> None:
    page = visitor.new_page()
    page.goto(f"{guarded.url.rstrip('/')}/ui/nodes?text=node")
    fill(page, "wrong")
    expect(page.get_by_role("alert")).to_have_text("The user name or the token is wrong.")
    fill(page)
    expect(page).to_have_url(re.compile(r"/ui/nodes\?text=node$"))
    page.goto(guarded.url)
    live(page)
    page.locator("#menu > summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert visitor.cookies() == []
    page.goto(guarded.url)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_the_login_page_works_without_scripts(guarded: Service, browser: Browser) -> None:
    wrong: list[str] = []
    context = visit(browser, wrong, java_script_enabled=False)
    page = context.new_page()
    enter(page, guarded)
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()
    page.goto(f"{guarded.url.rstrip('/')}/ui/logout")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    context.close()
    assert wrong == []


def test_without_auth_nobody_is_logged_out(site: Service, page: Page) -> None:
    page.goto(site.url)
    live(page)
    page.locator("#menu > summary").click()
    expect(page.get_by_role("button", name="Stop the service")).to_be_visible()
    expect(page.get_by_text("Log out")).to_have_count(0)
    expect(page.get_by_role("button", name="Share")).to_have_count(0)


def test_a_login_that_ends_is_asked_for_again_and_nothing_typed_is_lost(
    visitor: BrowserContext,
) -> None:
    page = visitor.new_page()
    with service(*FLAGS, FLUX_USER=USER, FLUX_TOKEN=TOKEN) as first:
        enter(page, first)
        live(page)
        field(page).fill("typed before")
        first.end()
        expect(page.locator("#state")).to_have_attribute("data-state", "cut off")
    port = first.url.rstrip("/").rsplit(":", 1)[1]
    with service(*FLAGS, "--port", port, FLUX_USER=USER, FLUX_TOKEN="another-token"):
        expect(page.locator("#state")).to_have_attribute("data-state", "logged out")
        page.get_by_role("button", name="Log in").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_label("User")).to_have_value(USER)
        dialog.get_by_label("Token").fill("wrong")
        dialog.get_by_role("button", name="Log in").click()
        expect(dialog).to_contain_text("The user name or the token is wrong.")
        dialog.get_by_label("Token").fill("another-token")
        dialog.get_by_role("button", name="Log in").click()
        expect(dialog).to_have_count(0)
        live(page)
        expect(field(page)).to_have_value("typed before")
        page.reload()
        live(page)


def test_events_come_over_plain_http_with_a_login_too(
    guarded: Service, visitor: BrowserContext
) -> None:
    block_sockets(visitor)
    page = visitor.new_page()
    enter(page, guarded)
    live(page)


def block_sockets(context: BrowserContext) -> None:
    context.add_init_script(
        "window.WebSocket = class {"
        " constructor() { setTimeout(() => this.onclose(), 0); }"
        " close() {} }"
    )


def submit(page: Page, command: str) -> str:
    """Submit a job as the page does; its ID."""
    jobid: str = page.evaluate(
        """async (command) => {
            const answer = await fetch("/v1/jobs", {
                method: "POST",
                headers: { "Content-Type": "application/json" },
                body: JSON.stringify({ command }),
            });
            return (await answer.json()).id;
        }""",
        command,
    )
    return jobid


def open_own_job(page: Page, guarded: Service) -> str:
    """Log in, submit a job that runs for long, open its page and return its ID."""
    enter(page, guarded)
    live(page)
    jobid = submit(page, "sleep 600")
    page.goto(f"{guarded.url.rstrip('/')}/ui/jobs/{jobid}")
    live(page)
    return jobid


def shared_link(page: Page) -> str:
    """Share what the page shows, and return the link."""
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("dialog")).to_contain_text("which others cannot open")
    page.get_by_role("button", name="Create the link").click()
    expect(page.get_by_role("dialog")).to_contain_text(re.compile(r"It is valid until .+\."))
    return page.get_by_role("textbox", name="Link").input_value()


def test_a_shared_link_shows_a_job_live_and_lets_nobody_change_it(
    guarded: Service, visitor: BrowserContext, colleague: BrowserContext
) -> None:
    owner = visitor.new_page()
    jobid = open_own_job(owner, guarded)
    link = shared_link(owner)
    owner.get_by_role("button", name="Close").click()

    sent: list[Request] = []
    colleague.on("request", lambda request: sent.append(request))  # noqa: PLW0108 - marked by it
    guest = colleague.new_page()
    guest.goto(link)
    expect(guest).to_have_url(re.compile(rf"/ui/jobs/{jobid}$"))
    live(guest)
    expect(guest.locator("#status")).to_have_text("RUN")
    secret = urlsplit(link).fragment.partition("token=")[2].partition("&")[0]
    assert secret.startswith("fluxapi_")
    for request in sent:
        assert secret not in request.url.partition("#")[0]
        assert secret not in request.headers.get("referer", "")
    assert guest.evaluate("history.length") <= 3
    for name in ("Cancel", "Signal", "Urgency", "Share"):
        expect(guest.get_by_role("button", name=name)).to_have_count(0)
    expect(guest.get_by_role("link", name="Resubmit")).to_have_count(0)
    expect(guest.get_by_role("link", name="Submit job")).to_have_count(0)

    owner.get_by_role("button", name="Cancel").click()
    owner.get_by_role("button", name="Cancel the job").click()
    expect(guest.locator("#status")).to_have_text("CANCELED")

    guest.goto(guarded.url)
    live(guest)
    for width in (1280, 390):
        guest.set_viewport_size({"width": width, "height": 800})
        expect(guest.locator("#jobs").get_by_role("checkbox")).to_have_count(0)
    guest.locator("#menu > summary").click()
    expect(guest.get_by_role("button", name="Log out")).to_be_visible()
    # The reader of a link is not the user who made it.
    expect(guest.locator("#menu .who")).to_have_text(
        re.compile(rf"^share {jobid} .+ token of {USER}, view$")
    )
    expect(guest.get_by_role("button", name="Stop the service")).to_have_count(0)

    owner.goto(f"{guarded.url.rstrip('/')}/ui/tokens")
    owner.get_by_role("button", name="Revoke share").click()
    owner.get_by_role("button", name="Revoke the token").click()
    expect(owner.get_by_role("heading", name="No tokens yet")).to_be_visible()
    expect(guest.locator("#state")).to_have_attribute("data-state", "logged out")


def test_a_page_that_needs_another_right_has_the_command_to_copy(
    guarded: Service, visitor: BrowserContext, browser: Browser
) -> None:
    owner = visitor.new_page()
    jobid = open_own_job(owner, guarded)
    link = shared_link(owner)
    # The browser itself reports the status of the page.
    guest = browser.new_page()
    guest.context.grant_permissions(["clipboard-read", "clipboard-write"])
    guest.goto(link)
    expect(guest).to_have_url(re.compile(rf"/ui/jobs/{jobid}$"))
    guest.goto(f"{guarded.url.rstrip('/')}/ui/submit")
    guest.get_by_role("button", name="Copy the command").click()
    expect(guest.get_by_role("button", name="Copied")).to_be_visible()
    command = "fluxapi token create --name NAME --scope submit"
    assert guest.evaluate("navigator.clipboard.readText()") == command
    guest.close()


def test_a_shared_link_takes_no_rights_from_who_is_logged_in(
    guarded: Service, visitor: BrowserContext
) -> None:
    page = visitor.new_page()
    enter(page, guarded)
    live(page)
    link = shared_link(page)
    page.goto("about:blank")
    page.goto(link)
    live(page)
    expect(page.get_by_role("button", name="Share")).to_be_visible()


def test_a_token_is_created_shown_once_and_revoked(
    guarded: Service, visitor: BrowserContext
) -> None:
    page = visitor.new_page()
    enter(page, guarded, "/ui/tokens")
    page.get_by_role("button", name="Create a token").click()
    page.get_by_label("Name").fill("laptop")
    page.get_by_label("Scope").select_option("operate")
    page.get_by_label("Expires after").select_option("Never")
    page.get_by_role("button", name="Create the token").click()
    secret = page.get_by_label("Token (shown only once)").input_value()
    assert secret.startswith("fluxapi_")
    page.get_by_role("button", name="Close").click()
    row = page.get_by_role("row", name="laptop")
    expect(row).to_contain_text("operate")
    expect(row).to_contain_text("never")
    assert secret not in page.content()
    row.get_by_role("button", name="Revoke laptop").click()
    page.get_by_role("button", name="Revoke the token").click()
    expect(page.get_by_role("heading", name="No tokens yet")).to_be_visible()
