"""The output on the page of a job while the job runs, and the search in it."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import (
    Page,
    expect,
)

from tests.running import Service

from .sites import page_only, site
from .test_job import choose_stream, gates, hide, lines, script, see, written
from .test_jobs import submit

__all__ = ["gates", "site"]


def test_each_stream_is_seen_apart(site: Service, page: Page) -> None:
    jobid = script(site, "echo out; echo err >&2")
    see(site, page, jobid)
    expect(lines(page)).to_have_count(2)
    choose_stream(page, "stderr")
    expect(lines(page)).to_have_text(["err"])
    choose_stream(page, "Both")
    expect(lines(page)).to_have_count(2)


@page_only
def test_it_follows_until_the_reader_looks_back(
    site: Service, page: Page, gates: tuple[Path, Path]
) -> None:
    jobid = script(
        site, 'seq 1000; read _ <"$1"; echo more; read _ <"$2"; echo end', *map(str, gates)
    )
    see(site, page, jobid)
    expect(lines(page)).to_have_count(1000)
    page.locator("#screen").evaluate("(screen) => screen.scrollIntoView({ block: 'center' })")
    expect(lines(page).last).to_be_in_viewport()
    page.locator("#screen").evaluate("(screen) => { screen.scrollTop = 0; }")
    follow = page.get_by_role("button", name="Follow")
    expect(follow).to_be_visible()
    gates[0].write_text("\n")
    expect(follow).to_have_text("Follow (1 new)")
    expect(lines(page)).to_have_count(1000)
    follow.click()
    expect(lines(page).last).to_have_text("more")
    expect(lines(page).last).to_be_in_viewport()
    gates[1].write_text("\n")
    expect(lines(page).last).to_have_text("end")
    expect(page.locator("#output-said")).to_contain_text("End of output")


def test_it_goes_on_where_it_was_after_a_break(
    site: Service, page: Page, gates: tuple[Path, Path]
) -> None:
    jobid = script(
        site, 'echo one; read _ <"$1"; echo two; read _ <"$2"; echo three', *map(str, gates)
    )
    see(site, page, jobid)
    expect(lines(page)).to_have_text(["one"])
    hide(page, hidden=True)
    gates[0].write_text("\n")
    hide(page, hidden=False)
    expect(lines(page)).to_have_text(["one", "two"])
    gates[1].write_text("\n")
    expect(lines(page)).to_have_text(["one", "two", "three"])


@page_only
def test_the_output_can_be_searched(site: Service, page: Page) -> None:
    jobid = script(site, "seq 300; echo Found here and found there; seq 300")
    see(site, page, jobid)
    expect(page.locator("#output-said")).to_contain_text("End of output")
    field = page.get_by_label("Find in the output")
    field.fill("found")
    count = page.locator(".find [role=status]")
    expect(count).to_have_text("2 of 2")
    expect(page.locator("#screen mark.current")).to_have_text("found")
    expect(page.locator("#screen mark.current")).to_be_in_viewport()
    field.press("Enter")
    expect(count).to_have_text("1 of 2")
    expect(page.locator("#screen mark.current")).to_have_text("Found")
    field.press("Shift+Enter")
    expect(count).to_have_text("2 of 2")
    field.fill("(nowhere")
    expect(count).to_have_text("Not found")
    field.press("Escape")
    expect(page.locator("#screen mark")).to_have_count(0)


def test_all_of_a_long_output_is_searched(site: Service, page: Page) -> None:
    jobid = written(site, "echo first needle; seq 20000; printf 'a \\033[31mNeed\\033[0mle'")
    see(site, page, jobid)
    expect(page.locator("#output-said")).to_contain_text("End of output", timeout=60_000)
    field = page.get_by_label("Find in the output", exact=True)
    field.fill("needle")
    expect(page.locator(".find [role=status]")).to_have_text("1 of 1 in the lines shown")
    whole = page.locator(".whole-search")
    expect(whole.get_by_role("status")).to_have_text(
        "Found in 2 lines; the whole output, 20,002 lines, was searched."
    )
    found = whole.get_by_role("listitem")
    expect(found).to_have_text(["first needle", "a Needle"], use_inner_text=True)
    values = found.evaluate_all("(items) => items.map((it) => it.value)")
    assert values == [1, 20002]
    found.first.get_by_role("link").click()
    expect(page.locator("#screen .line.selected")).to_have_text("first needle")
    expect(page.locator("#screen .line.selected")).to_be_in_viewport()
    assert page.url.endswith("#L1")
    field.fill("nowhere")
    expect(page.locator(".find [role=status]")).to_have_text("Not in the lines shown")
    expect(whole.get_by_role("status")).to_contain_text("Not found; the whole output")
    field.press("Escape")
    expect(whole).to_be_hidden()


@page_only
def test_a_search_in_all_of_an_output_can_be_stopped(site: Service, page: Page) -> None:
    jobid = written(site, "seq 30000")
    see(site, page, jobid)
    expect(page.locator("#output-said")).to_contain_text("End of output", timeout=60_000)
    # An answer that never comes.
    page.route("**/output/search?*", lambda _route: None)
    page.get_by_label("Find in the output", exact=True).fill("17")
    whole = page.locator(".whole-search")
    expect(whole.get_by_role("status")).to_have_text("Searching the whole output.")
    whole.get_by_role("button", name="Stop the search").click()
    expect(whole.get_by_role("status")).to_contain_text("Stopped.")
    expect(whole.get_by_role("button")).to_be_hidden()
    page.unroute_all(behavior="ignoreErrors")


def test_of_very_much_output_the_end_is_shown(site: Service, page: Page) -> None:
    jobid = submit(site, command=["seq", "20000"])
    see(site, page, jobid)
    expect(lines(page).last).to_have_text("20000", timeout=60_000)
    expect(page.locator("#screen .cut").first).to_be_visible()
    assert lines(page).count() <= 5000
    with page.expect_download() as caught:
        page.get_by_role("link", name="Whole output").click()
    text = caught.value.path().read_text(encoding="utf-8")
    assert text == "".join(f"{n}\n" for n in range(1, 20001))
