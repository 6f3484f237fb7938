"""Jobs of other users among those that are resubmitted: their commands would run as the owner."""

from __future__ import annotations

from playwright.sync_api import Page, Route, expect

from tests.running import Service

from .sites import site
from .test_jobs import submit
from .test_notify import name

__all__ = ["name", "site"]


def belongs_to_eve(page: Page, path: str, jobid: str) -> None:
    """Say of a job that it is one of another user."""

    def serve(route: Route) -> None:
        response = route.fetch()
        found = response.json()
        for job in found.get("jobs", [found]):
            if job["id"] == jobid:
                job["username"] = "eve"
        route.fulfill(response=response, json=found)

    page.route(path, serve)


def test_the_form_names_the_user_of_a_job_first(site: Service, page: Page) -> None:
    jobid = submit(site, command=["true"])
    page.goto(f"{site.url}/ui/submit?from={jobid}")
    expect(page.locator("#origin")).to_contain_text("Copied from")
    expect(page.locator("#origin")).not_to_contain_text("your rights")
    belongs_to_eve(page, f"**/v1/jobs/{jobid}", jobid)
    page.goto(f"{site.url}/ui/submit?from={jobid}")
    said = page.locator("#origin")
    expect(said).to_have_class("notice bad")
    expect(said).to_contain_text("This is a job of eve: what that user wrote would run with")


def test_a_job_of_another_user_is_not_resubmitted_with_others(
    site: Service, page: Page, name: str
) -> None:
    jobs = [submit(site, command=["false"], name=name, group=name) for _ in range(2)]
    site.get(f"/v1/groups/{name}/wait?timeout=60")
    belongs_to_eve(page, "**/v1/jobs?*result=FAILED*", jobs[0])
    page.goto(f"{site.url}/ui/groups/{name}")
    page.get_by_role("button", name="Resubmit").click()
    dialog = page.get_by_role("dialog")
    cannot = dialog.get_by_role("list", name="Jobs that cannot be resubmitted")
    expect(cannot).to_contain_text("It is a job of eve, whose command would run with your rights.")
    dialog.get_by_role("button", name="Resubmit 1 job").click()
    expect(dialog).to_have_accessible_name("1 of 1 job resubmitted")
    assert site.get(f"/v1/groups/{name}")["total"] == 3
