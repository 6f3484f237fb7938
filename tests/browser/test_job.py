from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Locator,
    Page,
    Route,
    WebSocketRoute,
    expect,
)

from tests.running import Service

from .sites import page_only, site
from .test_accessibility import AXE, RUN
from .test_jobs import live, submit

__all__ = ["site"]


@pytest.fixture
def gates(tmp_path: Path) -> tuple[Path, Path]:
    """Make pipes that a job reads from: it waits until something is written to one."""
    first, second = tmp_path / "first", tmp_path / "second"
    os.mkfifo(first)
    os.mkfifo(second)
    return first, second


def see(site: Service, page: Page, jobid: str) -> None:
    page.goto(f"{site.url}/ui/jobs/{jobid}")
    live(page)


def script(site: Service, text: str, *words: str, **fields: Any) -> str:
    return submit(site, command=["sh", "-c", text, "sh", *words], **fields)


_WRITTEN: dict[tuple[str, str], str] = {}


def written(site: Service, text: str) -> str:
    """Return a job that has ended, with the output of the shell script *text*.

    All tests of a worker that only read a long output share one job that writes it.
    """
    key = site.url, text
    if key not in _WRITTEN:
        _WRITTEN[key] = script(site, text)
    site.get(f"/v1/jobs/{_WRITTEN[key]}/wait")
    return _WRITTEN[key]


def lines(page: Page) -> Locator:
    return page.locator("#screen .line")


def choose_stream(page: Page, name: str) -> None:
    page.locator(".streams label", has_text=name).click()


def status(page: Page, word: str) -> None:
    expect(page.locator("#status")).to_have_text(word)


def hide(page: Page, *, hidden: bool) -> None:
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_held_job_is_released_and_seen_to_its_end(site: Service, page: Page) -> None:
    jobid = submit(site, urgency=0)
    see(site, page, jobid)
    expect(page.locator("#outcome")).to_contain_text("Held")
    page.get_by_role("button", name="Urgency").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Default (16)").click()
    dialog.get_by_role("button", name="Set the urgency").click()
    status(page, "COMPLETED")
    expect(page.locator("#outcome")).to_have_text("Completed")
    expect(page.locator('#timeline li[data-status="INACTIVE"]')).to_be_visible()
    expect(page.locator("#events")).to_contain_text("clean")
    names = page.locator("#events tr td:nth-child(3)").all_inner_texts()
    assert [names.count(name) for name in ("submit", "urgency", "start", "clean")] == [1] * 4
    expect(page.locator("#R-text")).to_contain_text("R_lite")


@page_only
def test_a_link_to_the_job_is_copied(site: Service, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    jobid = submit(site, command="true")
    see(site, page, jobid)
    section = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Jobs")
    expect(section).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="Copy link", exact=True).click()
    expect(page.locator("#said")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == f"{site.url}/ui/jobs/{jobid}"


def test_a_job_is_canceled_with_a_reason(site: Service, page: Page) -> None:
    jobid = submit(site, command=["sleep", "600"], urgency=0, name="unwanted")
    see(site, page, jobid)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_label("Reason").fill("<b>not needed</b>")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text(f"Cancel unwanted ({jobid})?")
    end = dialog.get_by_role("button", name="Cancel the job")
    expect(end).to_have_class("primary danger")
    end.click()
    status(page, "CANCELED")
    expect(page.locator("#said")).to_be_empty()
    expect(page.locator("#outcome")).to_have_text("Canceled before it ran")
    expect(page.locator("#screen")).to_contain_text("The job never started, so there is no output")
    expect(page.locator("#exceptions")).to_contain_text("<b>not needed</b>")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


@page_only
def test_choices_of_a_reader_outlive_a_change(site: Service, page: Page) -> None:
    jobid = submit(site, command=["sleep", "600"], urgency=0, name="read")
    see(site, page, jobid)
    page.locator("#jobspec summary").click()
    page.locator("#R summary").click()
    page.evaluate(
        """() => {
          window.seen = ["#facts dd", "#events tr", "#timeline li", "#R-text"]
            .map((it) => document.querySelector(it));
          getSelection().selectAllChildren(window.seen[0]);
          document.querySelector("#eventlog .scroll").focus({ preventScroll: true });
          scrollTo(0, 50);
        }"""
    )
    before = page.evaluate("[String(getSelection()), scrollY]")
    page.evaluate(
        """(path) => fetch(path, {
          method: "POST", body: '{"note":"odd"}', headers: { "Content-Type": "application/json" },
        })""",
        f"/v1/jobs/{jobid}/cancel",
    )
    status(page, "CANCELED")
    expect(page.locator("#exceptions")).to_contain_text("cancel: odd")
    expect(page.locator("#events")).to_contain_text("clean")
    assert page.evaluate("[String(getSelection()), scrollY]")[0] == before[0] != ""
    assert page.evaluate("window.seen.every((it) => it.isConnected)")
    assert page.evaluate("document.activeElement.matches('#eventlog .scroll')")
    assert page.locator("details[open]").count() == 2


@page_only
def test_an_eventlog_that_is_late_or_missing_is_asked_for_again(site: Service, page: Page) -> None:
    jobid = submit(site, command=["sleep", "600"], urgency=0)
    see(site, page, jobid)
    stale = page.context.request.get(f"{site.url}/ui/jobs/{jobid}?part=events").text()
    asked: list[str] = []

    def respond(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) <= 3:
            missing = re.sub(' data-next="[0-9]+"', "", stale)
            answer = missing if len(asked) == 3 else stale
            route.fulfill(body=answer, content_type="text/html")
        else:
            route.fallback()

    page.route("**/ui/jobs/*part=events", respond)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    status(page, "CANCELED")
    expect(page.locator("#events")).to_contain_text("clean")
    assert len(asked) > 3


@page_only
def test_a_job_that_flux_has_purged_keeps_its_page(site: Service, page: Page) -> None:
    sockets: list[WebSocketRoute] = []

    def through(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        sockets.append(socket)

    page.route_web_socket("**/events/ws*", through)
    jobid = script(site, "exit 3")
    site.get(f"/v1/jobs/{jobid}/wait")
    see(site, page, jobid)
    expect(page.locator("#purged")).to_be_hidden()
    sockets[-1].send(json.dumps({"type": "gone", "sub": "job", "id": jobid}))
    expect(page.locator("#purged")).to_have_text("Flux has purged this job.")
    status(page, "PURGED")
    expect(page.locator("#outcome")).to_have_text("Exit code 3")


def test_the_last_line_on_stderr_says_why_a_job_failed(site: Service, page: Page) -> None:
    trace = "echo 'Traceback (most recent call last):' >&2; echo 'ValueError: <b>bad</b> input' >&2"
    jobid = script(site, f"{trace}; echo >&2; echo out; exit 1")
    see(site, page, jobid)
    expect(page.locator("#error")).to_have_text("Last line on stderr ValueError: <b>bad</b> input")
    see(site, page, script(site, "echo warning >&2; echo out"))
    expect(page.locator("#output-said")).to_contain_text("End of output")
    status(page, "COMPLETED")
    expect(page.locator("#error")).to_be_hidden()


def test_a_signal_reaches_the_job(site: Service, page: Page) -> None:
    jobid = script(site, "trap 'echo caught; exit 7' USR1; echo ready; while :; do sleep 0.1; done")
    see(site, page, jobid)
    expect(lines(page)).to_have_text(["ready"])
    page.get_by_role("button", name="Signal").click()
    page.get_by_role("combobox").select_option("SIGUSR1")
    page.get_by_role("button", name="Send the signal").click()
    expect(lines(page).last).to_have_text("caught")
    expect(page.locator("#outcome")).to_have_text("Exit code 7")


@page_only
def test_colors_are_shown_and_all_else_is_only_text(site: Service, page: Page) -> None:
    said = r"\033[31mred\033[0m \033]0;title\007\033[2J<img src=x onerror=alert(1)>\n"
    jobid = script(site, f"printf '{said}'")
    see(site, page, jobid)
    expect(lines(page)).to_have_text(["red <img src=x onerror=alert(1)>"])
    expect(lines(page).locator("span.t-1")).to_have_text("red")


@page_only
def test_without_sockets_the_page_is_live_too(
    site: Service, context: BrowserContext, gates: tuple[Path, Path]
) -> None:
    context.add_init_script(
        "window.WebSocket = class {"
        " constructor() { setTimeout(() => this.onclose(), 0); }"
        " close() {} }"
    )
    page = context.new_page()
    jobid = script(site, 'echo out; echo err >&2; read _ <"$1"', str(gates[0]))
    see(site, page, jobid)
    expect(lines(page)).to_have_count(2)
    choose_stream(page, "stderr")
    expect(lines(page)).to_have_text(["err"])
    gates[0].write_text("\n")
    status(page, "COMPLETED")


@page_only
def test_it_is_useful_without_scripts(site: Service, browser: Browser) -> None:
    jobid = script(site, "exit 3", name="plain")
    site.get(f"/v1/jobs/{jobid}/wait")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site.url}/ui/jobs/{jobid}")
    said = page.locator("main").inner_text()
    context.close()
    for words in ("plain", "Exit code 3", "INACTIVE", "finish", "Whole output as text"):
        assert words in said


@page_only
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_shuts_nobody_out(
    unheard: Page, site: Service, scheme: Literal["light", "dark"], width: int
) -> None:
    colors = "".join(rf"\033[{n}mx\033[0m" for n in (*range(30, 38), *range(40, 48), 2, 7))
    jobid = script(site, rf"printf '{colors}\033[38;2;0;0;90mx\n'; echo x >&2; exit 1")
    page = unheard
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 800})
    see(site, page, jobid)
    expect(lines(page)).to_have_count(2)
    page.locator("summary", has_text=re.compile("Jobspec|R,")).first.click()
    page.evaluate(AXE.read_text(encoding="utf-8"))
    violations = page.evaluate(RUN)
    assert violations == []


@page_only
def test_in_a_window_of_medium_width_the_resources_stand_below_the_timeline(
    site: Service, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1024, "height": 900})
    jobid = submit(site, command="true --epochs=3")
    page.goto(f"{site.url}/ui/jobs/{jobid}")
    expect(page.locator("#status")).to_have_text("COMPLETED")
    expect(page.locator("#command .option")).to_have_text("--epochs=3")
    expect(page.locator("#granted")).to_be_visible()
    boxes = [
        page.locator(selector).bounding_box()
        for selector in (
            "section:has(> #timeline-title)",
            "#granted",
            "section:has(> #facts-title)",
        )
    ]
    timeline, granted, facts = (box for box in boxes if box is not None)
    assert granted["x"] == timeline["x"] < facts["x"]
    assert granted["y"] - timeline["y"] - timeline["height"] < 20
    assert facts["y"] == timeline["y"]
    page.close()
