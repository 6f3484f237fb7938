"""The reasons of drains in the list of nodes."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.running import Service

from .sites import site
from .test_jobs import submit
from .test_nodes_page import many

__all__ = ["site"]


def test_a_job_and_the_reason_of_a_drain_have_lines_of_their_own_on_a_phone(
    site: Service, page: Page
) -> None:
    node = {"state": "draining", "drained_at": 1e9, "allocated": True}
    many(page, {"name": "busy", "reason": "memory errors", **node}, {"name": "idle"})
    submit(site, command=["sleep", "600"], name="preprocess", constraints={"ranks": ["0"]})
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{site.url}/ui/nodes")
    row = page.locator("#nodes tbody tr:not(.spacer)").first
    name = row.locator(".job-name").first
    expect(name).to_be_visible()
    expect(name).to_have_text("preprocess")
    job, said = name.bounding_box(), row.locator(".said").bounding_box()
    link, whole = row.locator(".on a").first.bounding_box(), row.bounding_box()
    assert job is not None
    assert said is not None
    assert link is not None
    assert whole is not None
    assert said["x"] == link["x"]
    assert job["y"] + job["height"] <= said["y"] + 1
    assert said["y"] + said["height"] <= whole["y"] + whole["height"]


def test_a_reason_of_a_drain_has_two_lines(site: Service, page: Page) -> None:
    name = "compute-rack12-chassis07-slot03-blade2.cluster.science.example"
    reason = "replace the power supply of slot 3"
    gpus = {"total": 4, "allocated": 0}
    many(
        page,
        {"name": "n1", "state": "drained", "reason": reason, "drained_at": 1e9, "gpus": gpus},
        {"name": name},
    )
    for width in (1024, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{site.url}/ui/nodes")
        said = page.get_by_role("button", name=reason).locator(".said")
        expect(said).to_be_visible()
        cut = "(it) => [it.scrollWidth - it.clientWidth, it.scrollHeight - it.clientHeight]"
        assert max(said.evaluate(cut)) <= 0, f"cut at {width}"
