"""Whatever a job says of itself is text: on every page, before and after its script has run."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, Route, WebSocketRoute, expect

from tests.running import Service, flux, service

from .hostile import HOSTILE, HOSTILE_NAME, MARKUP, SEEN, TERMINAL, check, guarded
from .sites import page_only, site
from .test_jobs import live, submit
from .test_phone import height

__all__ = ["site"]

WRITE = 'printf %s "$1"; printf %s "$1" >&2; exit 1'
VIEWS = ["/", "/ui/jobs/{id}", "/ui/submit?from={id}", "/?text={text}", "/ui/nodes?text={text}"]


def post(site: Service, path: str, body: Any) -> int:
    request = urllib.request.Request(  # noqa: S310 - it is ours
        f"{site.url}{path}",
        body if isinstance(body, bytes) else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def hostile_job(site: Service, folder: Path, **fields: Any) -> str:
    """Run a job with the text in each place that a request allows."""
    cwd = folder / HOSTILE.replace("/", "|").replace("\0", "")[:200]
    cwd.mkdir(exist_ok=True)
    given = {
        "command": ["sh", "-c", WRITE, "sh", HOSTILE],
        "name": HOSTILE_NAME,
        "cwd": str(cwd),
        "environment": {"HOSTILE": HOSTILE},
        "attributes": {"user.hostile": HOSTILE, "system.hostile": {HOSTILE.replace(".", ""): 1}},
        **fields,
    }
    jobid = submit(site, **given)
    site.get(f"/v1/jobs/{jobid}/wait")
    return jobid


def address(site: Service, view: str, jobid: str) -> str:
    return site.url + view.format(id=jobid, text=quote(MARKUP[:200]))


@page_only
@pytest.mark.parametrize("scripts", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("view", VIEWS)
def test_hostile_texts_in_a_request(
    browser: Browser, site: Service, tmp_path: Path, view: str, *, scripts: bool
) -> None:
    jobid = hostile_job(site, tmp_path)
    with guarded(browser, site.url, java_script_enabled=scripts) as context:
        page = context.new_page()
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(address(site, view, jobid))
            if scripts:
                live(page)
            if view in {"/", "/ui/jobs/{id}"}:
                assert SEEN in page.locator("main").inner_text()
            check(page)


def test_hostile_output(browser: Browser, site: Service, tmp_path: Path) -> None:
    jobid = hostile_job(site, tmp_path)
    with guarded(browser, site.url) as context:
        page = context.new_page()
        page.goto(f"{site.url}/ui/jobs/{jobid}")
        lines = page.locator("#screen .line")
        for stream in ("stdout", "stderr"):
            line = page.locator(f'#screen .line[data-stream="{stream}"]').first
            expect(line).to_contain_text(SEEN)
            expect(line).to_contain_text("⟨U+202E⟩gnp.exe")
        assert lines.locator("a").count() == 0
        assert "javascript:hit(7)" not in lines.first.inner_text()
        assert "a title" not in page.title()
        page.get_by_label("Find in the output").fill("<script>")
        expect(page.locator("#screen mark").first).to_have_text("<script>")
        for title in ("Jobspec", "Resource set (R)"):
            page.locator("summary", has_text=title).click()
        said = page.locator("#jobspec-text").inner_text()
        assert json.loads(said)["attributes"]["system"]["job"]["name"] == HOSTILE_NAME
        assert not set(said) & set("\u202e\u202c\u2066\u2067\u061c\u200f\u2028\u0085")
        check(page)


@page_only
def test_a_flood_of_escapes_leaves_the_page_at_hand(browser: Browser, site: Service) -> None:
    script = (
        r'i=0; while [ $i -lt 3000 ]; do printf "\033[%dm\033[2J\033]0;x\007a" $i; i=$((i+1)); done'
    )
    jobid = submit(site, command=["sh", "-c", f"{script}; echo; echo the end"])
    with guarded(browser, site.url) as context:
        page = context.new_page()
        page.goto(f"{site.url}/ui/jobs/{jobid}")
        expect(page.locator("#screen .line").last).to_have_text("the end")
        expect(page.locator("#screen .line").first).to_have_text("a" * 3000)
        check(page)


@page_only
@pytest.mark.parametrize("width", [1280, 390])
def test_the_longest_names_and_words(browser: Browser, site: Service, width: int) -> None:
    jobid = submit(site, command=["echo", "w" * 100_000], name="W" * 1_000)
    site.get(f"/v1/jobs/{jobid}/wait")
    size = {"width": width, "height": 800}
    with guarded(browser, site.url, viewport=size) as context:
        page = context.new_page()
        for view in VIEWS[:3]:
            page.goto(address(site, view, jobid))
            live(page)
            check(page)
            if view == "/ui/jobs/{id}":
                assert height(page.locator(".job-head")) < 1600
        assert len(page.title()) < 400


def test_why_a_job_was_canceled(browser: Browser, site: Service) -> None:
    jobid = submit(site, command=["sleep", "600"], urgency=0)
    with guarded(browser, site.url) as context:
        page = context.new_page()
        page.goto(f"{site.url}/ui/jobs/{jobid}")
        live(page)
        assert post(site, f"/v1/jobs/{jobid}/cancel", {"note": HOSTILE[:4000]}) == 202
        expect(page.locator("#exceptions")).to_contain_text(SEEN)
        expect(page.locator("#events")).to_contain_text("onerror=hit(1)")
        check(page)
        page.goto(f"{site.url}/ui/jobs/{jobid}")
        expect(page.locator("#exceptions")).to_contain_text(SEEN)
        check(page)


@page_only
def test_a_job_that_is_not_there(browser: Browser, site: Service) -> None:
    with guarded(browser, site.url) as context:
        page = context.new_page()
        name = quote(MARKUP[:60], safe="")
        page.goto(f"{site.url}/ui/jobs/{name}")
        expect(page.locator("main")).to_contain_text("<img src=x")
        check(page)


@page_only
@pytest.mark.parametrize(
    "field", ["queue", "bank", "dependencies", "cwd", "duration", "constraints"]
)
def test_a_refusal_is_shown_as_text(browser: Browser, site: Service, field: str) -> None:
    value = {"dependencies": f"afterok:{MARKUP}", "constraints": '{"properties": ["<img src=x>"]}'}
    with guarded(browser, site.url) as context:
        page = context.new_page()
        # An instance without queues has no field for one, unless a link names one.
        job = base64.urlsafe_b64encode(b'{"job": {"queue": "a"}}').decode().rstrip("=")
        page.goto(f"{site.url}/ui/submit" + (f"#job={job}" if field == "queue" else ""))
        live(page)
        page.locator("#advanced > summary").click()
        page.locator("#command").fill(MARKUP)
        page.locator("#duration").fill(MARKUP)
        page.locator(f"#{field}").fill(value.get(field, MARKUP))
        page.get_by_role("button", name="Submit", exact=True).click()
        expect(page.locator("#summary")).to_be_visible()
        check(page)


STRANGE = {
    "a nul": b'{"command": "true", "name": "a\\u0000b"}',
    "a nul in the command": b'{"command": ["echo", "a\\u0000b"]}',
    "a nul in the environment": b'{"command": "true", "environment": {"A": "a\\u0000b"}}',
    "half a character": b'{"command": "true", "name": "a\\ud800b"}',
    "no UTF-8": b'{"command": "true", "name": "a\xff"}',
}


@pytest.mark.parametrize("body", STRANGE.values(), ids=STRANGE)
def test_texts_that_no_program_can_get_are_refused(site: Service, body: bytes) -> None:
    assert post(site, "/v1/jobs", body) in {201, 400, 422}
    assert site.get("/v1/jobs?limit=1")["jobs"] is not None


RECORD = {
    "username": HOSTILE,
    "queue": HOSTILE,
    "bank": HOSTILE,
    "project": HOSTILE,
    "nodelist": HOSTILE,
    "uri": f"javascript:{HOSTILE}",
    "urgency": 16,
    "priority": 16,
    "state": "SCHED",
    "status": "SCHED",
    "dependencies": [HOSTILE],
    "annotations": {"sched": {"reason_pending": HOSTILE}, "user": {"note": HOSTILE}},
}
"""Values that no request sets, but a plugin of Flux may."""


def forge(page: Page) -> None:
    """Have the service say of every job what a plugin might."""

    def change(message: str | bytes) -> str:
        told = json.loads(message)
        for record in [told, *told.get("jobs", ())] if told.get("type") != "stats" else []:
            if "userid" in record:
                record.update(RECORD)
        if told.get("type") == "event":
            told["context"] = {"note": HOSTILE, HOSTILE: 1}
        if told.get("type") == "output" and "data" in told:
            told.update(name="log", message=f"{HOSTILE} Memory cgroup out of memory: killed 1 task")
        return json.dumps(told)

    def through(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda message: socket.send(change(message)))

    page.route_web_socket("**/events/ws*", through)


@page_only
@pytest.mark.parametrize("width", [1280, 390])
def test_hostile_texts_of_a_plugin(browser: Browser, site: Service, width: int) -> None:
    jobid = submit(site, command=["echo", "x"], urgency=0, name="forged")
    with guarded(browser, site.url, viewport={"width": width, "height": 800}) as context:
        page = context.new_page()
        forge(page)
        page.goto(f"{site.url}/?name=forged")
        live(page)
        expect(page.locator(f'tr[data-id="{jobid}"]')).to_contain_text("SCHED")
        check(page)
        page.goto(f"{site.url}/ui/jobs/{jobid}")
        assert post(site, f"/v1/jobs/{jobid}/urgency", {"urgency": 16}) in {200, 202}
        expect(page.locator("#memory")).to_contain_text("Memory ran out: <img src=x")
        expect(page.locator("#events")).to_contain_text("clean")
        check(page)


@page_only
@pytest.mark.parametrize("width", [1280, 390])
def test_why_a_node_is_drained(browser: Browser, site: Service, width: int) -> None:
    count = {"total": 4, "allocated": 2}
    node = {"rank": 0, "name": HOSTILE, "state": "drained", "reason": HOSTILE, "drained_at": 1e9}
    answer = {"nodes": [{**node, "allocated": True, "cores": count, "gpus": count}], "totals": {}}

    def respond(route: Route) -> None:
        route.fulfill(json=answer)

    with guarded(browser, site.url, viewport={"width": width, "height": 800}) as context:
        page = context.new_page()
        page.route("**/v1/resources", respond)
        page.goto(f"{site.url}/ui/nodes")
        button = page.locator("#nodes td.why button")
        expect(button).to_contain_text("<img src=x")
        check(page)
        button.click()
        expect(page.get_by_role("dialog")).to_contain_text(SEEN)
        check(page)


def test_a_real_node_and_a_real_memo(browser: Browser, flux_uri: str) -> None:
    said = (MARKUP + TERMINAL).replace("\0", "")
    with service(FLUX_URI=flux_uri) as site:
        site.wait_until_ready()
        jobid = submit(site, command=["sleep", "600"], urgency=0)
        flux(flux_uri, "resource", "drain", "3", said[:1000])
        flux(flux_uri, "job", "memo", jobid, f"note={said[:1000]}")
        try:
            for scripts in (False, True):
                with guarded(browser, site.url, java_script_enabled=scripts) as context:
                    page = context.new_page()
                    page.goto(f"{site.url}/ui/nodes")
                    expect(page.locator("#nodes")).to_contain_text("<img src=x")
                    check(page)
                    page.goto(f"{site.url}/ui/jobs/{jobid}")
                    expect(page.locator("#events")).to_contain_text("onerror=hit(1)")
                    check(page)
        finally:
            flux(flux_uri, "resource", "undrain", "3")
            flux(flux_uri, "cancel", jobid)
