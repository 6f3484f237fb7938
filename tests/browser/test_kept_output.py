"""The output of a purged job of which the history has kept the start and the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fluxapi.archive.stored_output import OutputState
from tests.archive.test_service import outputs
from tests.running import Service, flux, flux_instance, needs_flux, service
from tests.waiting import block_until

from .test_jobs import live

pytestmark = [pytest.mark.browser, needs_flux]

LINES = 3000


@dataclass(frozen=True)
class Kept:
    """A service that keeps 50 kB of each output, and a job that has ended."""

    uri: str
    running: Service
    job: str

    @property
    def page(self) -> str:
        return f"{self.running.url.rstrip('/')}/ui/jobs/{self.job}"

    def purge(self) -> None:
        """Have Flux purge the job."""
        flux(self.uri, "job", "purge", "--force", "--num-limit=0")
        block_until(lambda: "purged" in self.running.get(f"/v1/jobs/{self.job}").get("history", {}))


@contextmanager
def keeping(folder: Path) -> Iterator[Kept]:
    """Run a service and a job whose output is cut in the history."""
    with (
        flux_instance(1) as uri,
        service(
            FLUX_URI=uri, FLUXAPI_STATEDIR=str(folder), FLUXAPI_HISTORY_MAX_JOB_OUTPUT="50000"
        ) as running,
    ):
        job = flux(uri, "submit", "seq", "-f", "line %g of many", str(LINES)).strip()
        job = job.replace("\N{LATIN SMALL LETTER F WITH HOOK}", "f")
        flux(uri, "queue", "idle", "--quiet")
        block_until(lambda: [state for state, _ in outputs(folder).values()] == [OutputState.CUT])
        yield Kept(uri, running, job)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of the page of the job."""
    with keeping(tmp_path_factory.mktemp("state")) as found:
        found.purge()
        yield found.page


def test_an_open_page_says_so_when_the_job_is_purged(tmp_path: Path, page: Page) -> None:
    with keeping(tmp_path / "state") as found:
        page.goto(found.page)
        live(page)
        expect(page.locator("#omitted")).to_be_hidden()
        found.purge()
        expect(page.locator("#omitted")).to_contain_text("The history has not kept all of this")
        expect(page.get_by_role("link", name="Kept output as text")).to_be_visible()
        expect(page.locator("#purged")).to_be_visible()
        # The page of another service would ask for what is gone.
        page.goto("about:blank")


def test_the_page_says_that_lines_are_left_out(kept: str, page: Page) -> None:
    page.goto(kept)
    expect(page.locator("#omitted")).to_contain_text("The history has not kept all of this output")
    expect(page.get_by_role("link", name="Kept output as text")).to_be_visible()
    expect(page.locator("#screen")).to_contain_text(f"line {LINES} of many")
    page.get_by_label("Find in the output").fill("line 1500 of")
    expect(page.locator(".whole-search").get_by_role("status")).to_contain_text(
        "Not found; what the history has kept"
    )


@pytest.mark.parametrize("number", [2, LINES - 20])
def test_a_link_to_a_line_leads_there(kept: str, page: Page, number: int) -> None:
    page.goto(f"{kept}#L{number}")
    expect(page.locator("#screen .line.selected")).to_have_text(f"line {number} of many")


def test_a_link_to_a_line_that_is_left_out_says_so(kept: str, page: Page) -> None:
    page.goto(f"{kept}#L1500")
    expect(page.locator("#output-said")).to_have_text("Line 1,500 is not kept.")
