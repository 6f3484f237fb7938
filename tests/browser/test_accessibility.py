"""Every page, light and dark, wide and narrow, as axe-core judges it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.running import Service, service

from .test_jobs import submit

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"

PAGES = ["/", "/ui/nodes", "/ui/submit"]
DOCS = ["/docs", "/docs/tutorial", "/docs/security", "/docs/reference", "/docs/errors"]

RUN = """async () => {
  const found = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] });
  return found.violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html).join(" ")}`);
}"""


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_no_page_shuts_anybody_out(
    browser: Browser, site: Service, path: str, scheme: Literal["light", "dark"], width: int
) -> None:
    for command in ("true", "false"):
        submit(site, command=command)
    submit(site, command=["sleep", "600"], urgency=0)
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 800}, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(site.url + path)
    expect(page.locator("#state")).to_have_attribute("data-state", "live")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    violations = page.evaluate(RUN)
    context.close()
    assert violations == []


@pytest.fixture(scope="module")
def library() -> Iterator[Service]:
    """Return a service whose documents are read; its instance does not matter."""
    with service("--instance=embedded") as running:
        yield running


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_document_shuts_anybody_out(
    browser: Browser, library: Service, scheme: Literal["light", "dark"], width: int
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    page = context.new_page()
    violations: list[str] = []
    for path in DOCS:
        page.goto(library.url.rstrip("/") + path)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        violations += [f"{path} {found}" for found in page.evaluate(RUN)]
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            violations.append(f"{path} is too wide")
    context.close()
    assert violations == []


@pytest.fixture(scope="module")
def guarded() -> Iterator[Service]:
    """Return a service that requires a login."""
    flags = ("--instance=embedded", "--require-auth")
    with service(*flags, FLUX_USER="ada", FLUX_TOKEN="not-so-secret") as running:
        yield running


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_logins_shuts_anybody_out(
    browser: Browser, guarded: Service, scheme: Literal["light", "dark"], width: int
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    page = context.new_page()
    violations: list[str] = []

    def judge(name: str) -> None:
        page.evaluate(AXE.read_text(encoding="utf-8"))
        violations.extend(f"{name} {found}" for found in page.evaluate(RUN))
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            violations.append(f"{name} is too wide")

    page.goto(f"{guarded.url.rstrip('/')}/ui/tokens")
    judge("the login page")
    page.get_by_label("User").fill("ada")
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    judge("a failed login")
    page.get_by_label("User").fill("ada")
    page.get_by_label("Token").fill("not-so-secret")
    page.get_by_role("button", name="Log in").click()
    name = f"laptop {scheme} {width}"
    page.get_by_role("button", name="Create a token").click()
    page.get_by_label("Name").fill(name)
    judge("the dialog of a new token")
    page.get_by_role("button", name="Create the token").click()
    expect(page.get_by_label("Token, which is shown this once")).to_be_visible()
    judge("the dialog with the token")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name=f"Revoke {name}")).to_be_visible()
    judge("the page of tokens")
    page.goto(f"{guarded.url.rstrip('/')}/ui/logout")
    judge("the logout page")
    context.close()
    assert violations == []
