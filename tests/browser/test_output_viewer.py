"""The output of a job as a reader uses it: lines with numbers, links, tasks, times."""

from __future__ import annotations

import os
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.running import Service

from .sites import page_only, site
from .test_job import choose_stream, gates, lines, script, see, status, written
from .test_jobs import live, submit
from .waits import wait_until

__all__ = ["gates", "site"]


def numbers(page: Page) -> list[str]:
    found: list[str] = lines(page).evaluate_all("(all) => all.map((it) => it.dataset.no)")
    return found


def ended(site: Service, page: Page, jobid: str, hash: str = "") -> None:
    site.get(f"/v1/jobs/{jobid}/wait")
    page.goto(f"{site.url}/ui/jobs/{jobid}{hash}")
    live(page)
    if hash:
        expect(page.locator("#screen .line.selected").first).to_be_visible(timeout=60_000)
    else:
        expect(page.locator("#output-said")).to_have_text("End of output", timeout=60_000)


@page_only
def test_a_link_to_a_line_of_a_short_output_shows_all_of_it(site: Service, page: Page) -> None:
    jobid = script(site, "seq 9")
    ended(site, page, jobid, "#L7")
    expect(page.locator("#screen .line.selected")).to_have_text("7")
    expect(lines(page)).to_have_count(9)
    expect(page.locator("#output")).to_have_class(re.compile("short"))
    expect(page.get_by_role("button", name="Go to the end")).to_have_count(0)


@page_only
def test_the_text_of_chosen_lines_is_copied(site: Service, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    ended(
        site,
        page,
        script(site, "seq 7; head -c 9000 /dev/zero | tr '\\0' x; echo; seq 30000"),
        "#L7",
    )
    bar = page.locator(".line-link")
    expect(bar).to_contain_text("Shift-click another number for a range.")
    page.evaluate("location.hash = 'L6-L9'")
    expect(page.locator("#screen .line.selected").last).to_have_text("1")
    bar.get_by_role("button", name="Copy text").click()
    expect(bar.get_by_role("status")).to_have_text("4 lines copied.")
    expect(bar.locator(".hint")).to_be_hidden()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == "\n".join(["6", "7", "x" * 9000, "1"])
    page.evaluate("location.hash = 'L6-L29000'")
    expect(bar.get_by_role("status")).to_contain_text("Lines 6 to")
    bar.get_by_role("button", name="Copy text").click()
    said = "lines of 28,995 copied: the others are not loaded."
    expect(bar.get_by_role("status")).to_contain_text(said)


@page_only
def test_the_end_is_told_beside_the_end_only(site: Service, page: Page) -> None:
    ended(site, page, script(site, "seq 30000"))
    said = page.locator("#output-said")
    page.evaluate("location.hash = 'L9000'")
    expect(page.locator("#screen .line.selected")).to_have_text("9000")
    expect(said).to_have_text("")
    page.evaluate("location.hash = 'L29990'")
    expect(page.locator("#screen .line.selected")).to_have_text("29990")
    expect(said).to_have_text("End of output")
    page.evaluate("location.hash = 'L9000'")
    expect(said).to_have_text("")
    page.get_by_role("button", name="Go to the end").click()
    expect(said).to_have_text("End of output")


@page_only
def test_the_link_to_the_output_names_its_part(site: Service, page: Page) -> None:
    jobid = script(site, "echo out; echo err >&2", num_tasks=2)
    ended(site, page, jobid)
    link = page.locator("#whole")
    expect(link).to_have_attribute("download", f"{jobid}.txt")
    choose_stream(page, "stderr")
    expect(link).to_have_text("Output on stderr as text")
    expect(link).to_have_attribute("download", f"{jobid}.stderr.txt")
    page.get_by_label("Task", exact=True).select_option("1")
    expect(link).to_have_text("Output of task 1 on stderr as text")
    expect(link).to_have_attribute("download", f"{jobid}.task1.stderr.txt")
    choose_stream(page, "Both")
    expect(link).to_have_text("Output of task 1 as text")
    page.get_by_label("Task", exact=True).select_option("")
    expect(link).to_have_text("Whole output as text")
    expect(link).to_have_attribute("download", f"{jobid}.txt")


def test_a_message_of_the_shell_is_of_no_task(site: Service, page: Page) -> None:
    """A job of one task has no labels of tasks, even below what its shell says."""
    jobid = submit(site, command=["sh", "-c", "echo alone"], shell_options={"verbose": 1})
    ended(site, page, jobid)
    expect(lines(page).get_by_text("alone")).to_have_count(1)
    expect(page.locator("#screen .rank")).to_have_count(0)


@page_only
def test_the_numbers_of_lines_have_the_room_that_they_need(site: Service, page: Page) -> None:
    short, long = script(site, "echo short"), script(site, "seq 100000")
    widths = []
    for jobid in (short, long):
        ended(site, page, jobid)
        line = lines(page).last
        expect(line).to_have_attribute("data-no", "1" if jobid == short else "100000")
        widths.append(float(line.evaluate("(it) => parseFloat(getComputedStyle(it).paddingLeft)")))
    assert widths[0] < 50 < widths[1]


@page_only
def test_lines_have_numbers_also_at_the_end_of_a_long_output(site: Service, page: Page) -> None:
    jobid = written(site, "seq 30000")
    ended(site, page, jobid)
    expect(lines(page).last).to_have_attribute("data-no", "30000")
    texts = [text.strip() for text in lines(page).all_inner_texts()]
    assert texts == numbers(page)
    assert len(texts) > 1000


@page_only
def test_a_range_of_lines_is_chosen_by_its_numbers(site: Service, page: Page) -> None:
    jobid = script(site, "seq 30")
    ended(site, page, jobid)
    expect(lines(page).nth(4)).to_have_attribute("data-no", "5")
    lines(page).nth(4).click(position={"x": 20, "y": 5})
    assert page.url.endswith("#L5")
    lines(page).nth(8).click(position={"x": 20, "y": 5}, modifiers=["Shift"])
    assert page.url.endswith("#L5-L9")
    expect(page.locator(".line-link")).to_contain_text("Lines 5 to 9")
    expect(page.locator("#screen .line.selected")).to_have_count(5)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#screen .line.selected")).to_have_count(0)
    assert "#" not in page.url
    # With the keyboard, the number is typed.
    page.get_by_label("Go to a line").fill("17")
    page.get_by_label("Go to a line").press("Enter")
    expect(page.locator("#screen .line.selected")).to_have_text("17")


def test_a_link_to_a_range_far_from_the_end_opens_there_and_reads_on(
    site: Service, page: Page
) -> None:
    jobid = written(site, "seq 30000")
    ended(site, page, jobid, "#L12000-L12002")
    expect(page.locator("#screen .line.selected")).to_have_text(["12000", "12001", "12002"])
    screen = page.locator("#screen")
    first = int(numbers(page)[0])
    screen.evaluate("(screen) => { screen.scrollTop = 0; }")
    expect(lines(page).first).to_have_text(str(first - 1000))
    screen.evaluate("(screen) => { screen.scrollTop = screen.scrollHeight; }")
    expect(page.locator("#screen .line", has_text=re.compile(r"^13900\s*$"))).to_have_count(1)
    assert lines(page).count() <= 4000
    texts = [int(text) for text in lines(page).all_inner_texts()]
    assert texts == list(range(texts[0], texts[0] + len(texts)))


@page_only
def test_output_before_the_end_is_read_on_demand(site: Service, page: Page) -> None:
    jobid = written(site, "seq 30000")
    ended(site, page, jobid)
    expect(lines(page).last).to_have_attribute("data-no", "30000")
    first = int(lines(page).first.inner_text())
    page.get_by_role("button", name="Show earlier lines").click()
    expect(lines(page).first).to_have_text(str(first - 1000))
    # The line that was on top stays in sight.
    expect(page.locator("#screen .line", has_text=re.compile(rf"^{first}\s*$"))).to_be_in_viewport()


def test_one_stream_keeps_the_numbers_of_the_whole(site: Service, page: Page) -> None:
    jobid = script(site, "seq 3; sleep 0.5; echo oops >&2; seq 3; sleep 0.5; echo again >&2")
    ended(site, page, jobid)
    choose_stream(page, "stderr")
    expect(lines(page)).to_have_text(["oops", "again"])
    expect(lines(page).last).to_have_attribute("data-no", "8")


def test_the_output_of_one_task_is_shown(site: Service, page: Page) -> None:
    jobid = script(site, "echo task $FLUX_TASK_RANK", num_tasks=2)
    ended(site, page, jobid)
    expect(lines(page)).to_have_count(2)
    page.get_by_label("Task", exact=True).select_option("Task 1")
    expect(lines(page)).to_have_text(["task 1"])
    with page.expect_download() as caught:
        page.get_by_role("link", name="Output of task 1 as text").click()
    assert caught.value.path().read_text(encoding="utf-8") == "task 1\n"


def test_lines_tell_when_they_were_written(site: Service, page: Page) -> None:
    jobid = script(site, "echo one")
    ended(site, page, jobid)
    assert lines(page).first.get_attribute("data-time") is None
    page.get_by_role("button", name="Timestamps", exact=True).click()
    # As all other times of the page.
    told = lines(page).first
    expect(told).to_have_attribute("data-time", re.compile(r"^\d\d:\d\d:\d\d\.\d{3} [AP]M$"))


@page_only
def test_the_output_fills_the_window_until_escape(site: Service, page: Page) -> None:
    jobid = script(site, "echo one")
    ended(site, page, jobid)
    page.get_by_role("button", name="Full screen").click()
    box = page.locator("#output").bounding_box()
    size = page.viewport_size
    assert box is not None
    assert size is not None
    assert (box["width"], box["height"]) == (size["width"], size["height"])
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Full screen")).to_have_attribute(
        "aria-pressed", "false"
    )


def test_a_job_that_has_not_started_says_so(
    site: Service, page: Page, gates: tuple[Path, Path]
) -> None:
    jobid = script(site, 'read _ <"$1"; echo begun', str(gates[0]), urgency=0)
    see(site, page, jobid)
    expect(page.locator("#screen .empty")).to_have_text(
        "The output appears here when the job has started."
    )
    page.get_by_role("button", name="Release").click()
    expect(page.locator("#limit")).to_contain_text("on ")
    expect(page.locator("#screen .empty")).to_have_text("The job has written nothing yet.")
    gates[0].write_text("\n")
    expect(lines(page)).to_have_text(["begun"])
    status(page, "COMPLETED")


def test_a_job_that_runs_without_output_says_so_and_has_nothing_to_pause(
    site: Service, page: Page, gates: tuple[Path, Path]
) -> None:
    jobid = script(site, 'read _ <"$1"; echo begun; read _ <"$2"', *map(str, gates))
    see(site, page, jobid)
    status(page, "RUN")
    said = page.locator("#screen .empty")
    expect(said).to_have_text("The job has written nothing yet.", timeout=4_500)
    follow = page.locator("#output-foot button")
    expect(follow).to_be_hidden()
    # It can write at any moment: what is below the window does not move before it does.
    expect(page.locator("#output")).not_to_have_class(re.compile("short|waiting"))
    gates[0].write_text("\n")
    expect(lines(page)).to_have_text(["begun"])
    expect(follow).to_have_text("Pause")
    expect(page.get_by_role("searchbox")).to_be_visible()
    gates[1].write_text("\n")
    status(page, "COMPLETED")
    expect(follow).to_be_hidden()


def test_dependencies_lead_to_the_jobs_and_follow_their_states(
    site: Service, page: Page, gates: tuple[Path, Path]
) -> None:
    first = script(site, 'read _ <"$1"', str(gates[0]), name="first")
    second = submit(site, command=["true"], name="second", dependencies=[f"afterok:{first}"])
    see(site, page, first)
    links = page.locator("#links li")
    expect(links).to_have_count(2)
    expect(links.nth(1)).to_contain_text("second DEPEND after first succeeds")
    links.nth(1).get_by_role("link").click()
    expect(page.locator("#id")).to_have_text(second)
    gates[0].write_text("\n")
    status(page, "COMPLETED")
    expect(links.nth(0).locator(".status")).to_have_text("COMPLETED", timeout=15_000)


@page_only
def test_the_next_job_is_that_of_the_list_from_which_the_reader_came(
    site: Service, page: Page
) -> None:
    walk = f"walk-{os.urandom(4).hex()}"
    jobs = [submit(site, command=["true"], name=f"{walk}-{at}", urgency=0) for at in range(3)]
    submit(site, command=["true"], name="other", urgency=0)
    page.goto(f"{site.url}/?name={walk}*&sort=name")
    live(page)
    expect(page.locator("#jobs tbody tr[data-id]")).to_have_count(3)
    page.get_by_role("link", name=jobs[0]).first.click()
    expect(page.locator("#steps")).to_contain_text("1 of 3")
    page.get_by_role("link", name="Next job of the list").click()
    expect(page.locator("#id")).to_have_text(jobs[1])
    page.get_by_role("link", name="Next job of the list").click()
    expect(page.locator("#id")).to_have_text(jobs[2])
    page.get_by_role("link", name="Previous job of the list").click()
    expect(page.locator("#id")).to_have_text(jobs[1])
    page.locator("#list").click()
    expect(page).to_have_url(re.compile(rf"name={walk}\*"))


@page_only
def test_jobs_of_an_open_group_are_counted_once(site: Service, page: Page) -> None:
    walk = f"walk-{os.urandom(4).hex()}"
    for _ in range(3):
        submit(site, command=["true"], name=walk, group=walk, urgency=0)
    alone = submit(site, command=["true"], name=walk, urgency=0)
    page.goto(f"{site.url}/?name={walk}")
    live(page)
    rows = page.locator("#jobs tbody tr[data-id]")
    expect(rows).to_have_count(2)
    page.locator("tbody tr.head .toggle").click()
    expect(rows).to_have_count(5)
    page.get_by_role("link", name=alone).first.click()
    expect(page.locator("#steps")).to_contain_text("1 of 4")


@page_only
def test_the_jobs_of_a_group_are_a_list_too(site: Service, page: Page) -> None:
    jobs = [submit(site, command=["echo", str(at)], group="walked") for at in range(2)]
    for jobid in jobs:
        site.get(f"/v1/jobs/{jobid}/wait")
    page.goto(f"{site.url}/ui/groups/{site.get(f'/v1/jobs/{jobs[0]}')['group']}")
    live(page)
    page.locator("main").get_by_role("link", name=jobs[0]).first.click()
    expect(page.locator("#steps")).to_contain_text("1 of 2")
    # The way back is named for where it leads, and is there once.
    expect(page.locator(".job-place > a")).to_have_text(["Group walked"])
    page.locator("#list").click()
    expect(page).to_have_url(re.compile("/ui/groups/"))


@page_only
def test_a_link_to_a_line_is_copied_and_the_page_stays_where_it_is(
    site: Service, page: Page
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    jobid = submit(site, command=["seq", "3"])
    ended(site, page, jobid, "#L2")
    expect(page.locator("#screen .line.selected")).to_have_text("2")
    before = page.locator("#output").bounding_box()
    # The lines have a button of this name, too.
    page.locator("#copy-link").click()
    expect(page.locator("#said")).to_have_text("Copied.")
    assert page.locator("#output").bounding_box() == before
    assert page.evaluate("navigator.clipboard.readText()") == f"{site.url}/ui/jobs/{jobid}#L2"


@page_only
def test_paper_holds_the_whole_output_and_nothing_to_press(site: Service, page: Page) -> None:
    jobid = script(site, "seq 300")
    see(site, page, jobid)
    expect(lines(page)).to_have_count(300)
    page.emulate_media(media="print")
    expect(lines(page)).to_have_count(300)
    heights = page.locator("#screen").evaluate("(it) => [it.scrollHeight, it.clientHeight]")
    assert heights[0] == heights[1]
    expect(page.locator("button:visible, a.button:visible, input:visible")).to_have_count(0)


@page_only
def test_the_end_is_followed_also_when_lines_begin_to_wrap(
    site: Service, page: Page, gates: tuple[Path, Path]
) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    long = f"row %.0f {'and words ' * 3}"
    see(site, page, script(site, f"seq -f '{long}' 300; read _ <\"$1\"; echo end", str(gates[0])))
    expect(lines(page)).to_have_count(300)
    screen = "document.querySelector('#screen')"
    at_end = f"() => {screen}.scrollHeight - {screen}.scrollTop - {screen}.clientHeight < 24"
    for name in ("Timestamps", "Wrap lines", "Wrap lines"):
        page.get_by_role("button", name=name, exact=True).click()
        wait_until(page, at_end)
        expect(page.locator("#output-foot button")).to_have_text("Pause")
    gates[0].write_text("\n")
    expect(lines(page).last).to_have_text("end")
    wait_until(page, at_end)


@page_only
def test_a_long_line_shows_that_it_goes_on(site: Service, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    jobid = script(site, "head -c 20000 /dev/zero | tr '\\0' x; echo; echo last")
    ended(site, page, jobid)
    signs = page.locator("#screen").get_by_role("img", name="The line continues below.")
    expect(signs).to_have_count(4)
    expect(lines(page)).to_have_count(6)
    expect(lines(page).nth(4).get_by_role("img")).to_have_count(0)
    # The sign is no text: it is not copied.
    assert lines(page).first.inner_text() == "x" * 4096 + "\n"
    # Of the first line of a page, the service returns 16 KiB.
    longer = script(site, "seq 9; head -c 20000 /dev/zero | tr '\\0' x; echo; seq 9000")
    ended(site, page, longer, "#L10")
    words = "The line continues for 4 kB. The whole output contains all of it."
    expect(page.locator("#screen .selected").get_by_role("img", name=words)).to_be_visible()
