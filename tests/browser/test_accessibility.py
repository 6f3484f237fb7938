"""Every page, light and dark, wide and narrow, as axe-core judges it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.running import Service, service

from .test_jobs import submit

AXE = Path(__file__).parents[2] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"

PAGES = ["/", "/ui/nodes", "/ui/queues", "/ui/submit", "/ui/instances"]
DOCS = ["/docs", "/docs/tutorial", "/docs/security", "/docs/reference", "/docs/errors"]

RUN = """async () => {
  const found = await axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"],
    resultTypes: ["violations"],
  });
  return found.violations.map((it) => `${it.id}: ${it.nodes.map((node) => node.html).join(" ")}`);
}"""

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


WIDTHS = (1280, 390)

FITS = """() => new Promise((done) => {
  let frames = 60;
  const look = () => {
    const fits = document.documentElement.scrollWidth <= window.innerWidth;
    if (fits || (frames -= 1) === 0) done(fits);
    else requestAnimationFrame(look);
  };
  look();
})"""
"""True if the page fits into the window; charts get their new width some frames later."""

SHORTEN = """() => {
  for (const it of document.querySelectorAll("article ~ article ~ article")) it.remove();
}"""
"""Leaves two of the articles that one template has made: axe takes seconds for hundreds."""


def violations(page: Page, *, is_long: bool = False) -> list[str]:
    """Return what axe finds on a page, and that it is too wide, in each scheme and width.

    Of a page that is long, all is judged in one scheme and width only.
    """
    found = []
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        if not page.evaluate(FITS):
            found.append(f"{page.url} {width} is too wide")
    for scheme, width in product(SCHEMES, WIDTHS):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 800})
        found += [f"{page.url} {scheme} {width} {it}" for it in page.evaluate(RUN)]
        if is_long:
            page.evaluate(SHORTEN)
    return found


@pytest.mark.parametrize("path", PAGES)
def test_no_page_shuts_anybody_out(site: Service, still: Page, path: str) -> None:
    for command in ("true", "false"):
        submit(site, command=command)
    submit(site, command=["sleep", "600"], urgency=0)
    still.goto(site.url + path)
    expect(still.locator("#state")).to_have_attribute("data-state", "live")
    assert violations(still) == []


@pytest.fixture(scope="module")
def library() -> Iterator[Service]:
    """Return a service whose documents are read; its instance does not matter."""
    with service("--instance=embedded") as running:
        yield running


@pytest.mark.parametrize("path", DOCS)
def test_no_document_shuts_anybody_out(library: Service, still: Page, path: str) -> None:
    still.goto(library.url.rstrip("/") + path)
    assert violations(still, is_long=True) == []


@pytest.fixture(scope="module")
def guarded() -> Iterator[Service]:
    """Return a service that requires a login."""
    flags = ("--instance=embedded", "--require-auth")
    with service(*flags, FLUX_USER="ada", FLUX_TOKEN="not-so-secret") as running:
        yield running


def test_no_page_of_logins_shuts_anybody_out(guarded: Service, still: Page) -> None:
    page = still
    found: list[str] = []

    def judge(name: str) -> None:
        found.extend(f"{name}: {it}" for it in violations(page))

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
    name = "laptop"
    page.get_by_role("button", name="Create a token").click()
    page.get_by_label("Name").fill(name)
    judge("the dialog of a new token")
    page.get_by_role("button", name="Create the token").click()
    expect(page.get_by_label(re.compile("^Token .*once"))).to_be_visible()
    judge("the dialog with the token")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name=f"Revoke {name}")).to_be_visible()
    judge("the page of tokens")
    page.goto(f"{guarded.url.rstrip('/')}/ui/logout")
    judge("the logout page")
    assert found == []
