"""The search of the output viewer: what the reader types, and errors."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.running import Service

from .sites import page_only, site
from .test_job import choose_stream, gates, lines, script, see, written
from .test_output_viewer import ended, numbers

__all__ = ["gates", "site"]


@page_only
def test_a_reader_finds_the_first_error_and_links_to_it(site: Service, page: Page) -> None:
    jobid = script(site, "seq 9000; echo 'ValueError: no'; seq 20000; echo fatal; exit 1")
    ended(site, page, jobid)
    page.get_by_role("button", name="First error").click()
    selected = page.locator("#screen .line.selected")
    expect(selected).to_have_text("ValueError: no")
    expect(selected).to_be_in_viewport()
    expect(page.locator("#output-said")).to_have_text("The first error is in line 9,001.")
    assert page.url.endswith("#L9001")
    # Another reader opens the link.
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.locator("#screen .line.selected")).to_have_text("ValueError: no")
    expect(other.locator("#screen .line.selected")).to_be_in_viewport()
    other.close()
    page.get_by_role("button", name="Go to the end").click()
    expect(lines(page).last).to_have_text("fatal")
    expect(lines(page).last).to_be_in_viewport()


@page_only
def test_errors_are_told_from_what_is_only_on_stderr(
    site: Service, page: Page, gates: tuple[Path, Path]
) -> None:
    program = "echo 'an error'; (echo 'warning: slow'; echo 'ValueError: no') >&2"
    rest = 'read _ <"$1"; seq 30000; exit 1'
    jobid = script(site, f"{program}; {rest}", str(gates[0]))
    see(site, page, jobid)
    expect(lines(page)).to_have_count(3)
    gates[0].write_text("\n")
    ended(site, page, jobid, "#L1")
    # The last line on stderr is shown though the page began with the end of the output.
    expect(page.locator("#error-line")).to_have_text("ValueError: no")
    expect(page.locator("#screen .line[data-level=error]")).to_have_text(["ValueError: no"])
    stderr = page.locator("#screen .line[data-stream=stderr]")
    expect(stderr).to_have_text(["warning: slow", "ValueError: no"])
    colors = stderr.evaluate_all("(all) => all.map((it) => getComputedStyle(it).boxShadow)")
    assert len(set(colors)) == 2


@page_only
def test_no_error_is_told_below_the_button(site: Service, page: Page) -> None:
    jobid = script(site, "seq 9")
    ended(site, page, jobid)
    page.get_by_role("button", name="First error").click()
    expect(page.locator("#output-tools .told")).to_have_text("No line reports an error.")
    expect(page.locator("#output-said")).to_have_text("End of output")


@page_only
def test_a_search_goes_on_in_all_of_the_output_when_the_page_holds_its_end_only(
    site: Service, page: Page, gates: tuple[Path, Path]
) -> None:
    jobid = script(site, 'echo needle; read x <"$1"; seq 20000', str(gates[0]))
    see(site, page, jobid)
    expect(lines(page)).to_have_text(["needle"])
    page.get_by_label("Find in the output").fill("needle")
    expect(page.locator(".find [role=status]")).to_have_text("1 of 1")
    expect(page.locator(".whole-search")).not_to_be_visible()
    gates[0].write_text("\n")
    expect(page.locator("#status")).to_have_text("COMPLETED", timeout=60_000)
    page.get_by_role("button", name="Follow").click()
    expect(page.locator(".find [role=status]")).to_have_text("Not in the lines shown")
    expect(page.locator(".whole-search [role=status]")).to_contain_text("Found in 1 line")


@page_only
def test_a_line_found_says_which_of_several_tasks_wrote_it(site: Service, page: Page) -> None:
    program = 'seq 2000; echo "needle $FLUX_TASK_RANK"; seq 9000'
    field = page.get_by_label("Find in the output")
    found = page.locator(".whole-search li")
    ended(site, page, script(site, program, num_tasks=2))
    field.fill("needle")
    expect(found).to_have_count(2)
    assert sorted(found.all_inner_texts()) == ["0: needle 0", "1: needle 1"]
    # The only task needs no label.
    ended(site, page, script(site, program))
    field.fill("needle")
    expect(found).to_have_count(1)
    assert found.all_inner_texts() == ["needle 0"]


@page_only
def test_enter_goes_to_matches_beyond_the_lines_shown(site: Service, page: Page) -> None:
    program = "seq 50; echo needle 1; seq 9000; echo needle 2; seq 20000; echo needle; seq 9"
    ended(site, page, script(site, program))
    field = page.get_by_label("Find in the output")
    count = page.locator(".find [role=status]")
    selected = page.locator("#screen .line.selected")
    field.fill("needle ")
    expect(count).to_have_text("Not in the lines shown")
    # At once, while the whole output is not searched yet.
    field.press("Enter")
    for text in ("needle 1", "needle 2", "needle 1"):
        expect(selected).to_have_text(text)
        expect(selected.locator("mark.current")).to_be_in_viewport()
        expect(count).to_have_text("1 of 1 in the lines shown")
        field.press("Enter")
    expect(selected).to_have_text("needle 2")
    page.get_by_role("button", name="Previous match").click()
    expect(selected).to_have_text("needle 1")


@page_only
def test_arrows_lead_to_matches_beyond_the_lines_shown(site: Service, page: Page) -> None:
    program = "seq 50; for i in $(seq 300); do echo needle; done; seq 9000; echo a needle; seq 9000"
    ended(site, page, script(site, program))
    page.get_by_label("Find in the output").fill("nowhere")
    expect(page.locator(".whole-search [role=status]")).to_contain_text("Not found")
    previous = page.get_by_role("button", name="Previous match")
    expect(previous).to_be_disabled()
    page.get_by_label("Find in the output").fill("needle")
    expect(page.locator(".whole-search [role=status]")).to_contain_text("Found in 301 lines")
    previous.click()
    # Only 200 lines are listed.
    expect(page.locator("#screen .line.selected")).to_have_attribute("data-no", "250")
    page.evaluate("location.hash = 'L5000'")
    expect(page.locator("#screen .line.selected")).to_have_attribute("data-no", "5000")
    page.get_by_role("button", name="Next match").click()
    expect(page.locator("#screen .line.selected")).to_have_text("a needle")


@page_only
def test_a_search_begins_at_the_first_match_in_sight(site: Service, page: Page) -> None:
    ended(site, page, script(site, "for i in $(seq 200); do echo row $i; done"))
    page.locator("#screen").evaluate("(it) => it.scrollTo(0, it.scrollHeight / 2)")
    page.get_by_label("Find in the output").fill("row 1")
    current = page.locator("#screen mark.current").locator("..")
    expect(current).to_be_in_viewport()
    first = int((current.get_attribute("data-no")) or 0)
    assert 90 <= first <= 105
    page.get_by_label("Find in the output").fill("row 199")
    expect(page.locator("#screen mark.current")).to_have_text("row 199")


@page_only
def test_a_reader_goes_from_error_to_error(site: Service, page: Page) -> None:
    program = "seq 90; echo 'ValueError: no'; seq 9000; echo fatal; seq 9"
    ended(site, page, script(site, program))
    said, selected = page.locator("#output-said"), page.locator("#screen .line.selected")
    page.get_by_role("button", name="First error").click()
    expect(selected).to_have_text("ValueError: no")
    page.get_by_role("button", name="Next error").click()
    expect(selected).to_have_text("fatal")
    expect(said).to_have_text("The next error is in line 9,092.")
    page.get_by_role("button", name="Next error").click()
    expect(selected).to_have_text("ValueError: no")
    expect(said).to_have_text("No error follows: the first one is in line 91.")
    choose_stream(page, "stdout")
    expect(page.get_by_role("button", name="First error")).to_be_visible()


@page_only
def test_matches_leave_room_for_the_output_on_a_phone(site: Service, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    jobid = script(site, "for i in $(seq 90); do echo needle; done; seq 20000")
    ended(site, page, jobid)
    page.get_by_label("Find in the output").fill("needle")
    expect(page.locator(".whole-search li")).to_have_count(90)
    places = page.evaluate(
        "() => ['.whole-search ol', '#screen'].map((it) => {"
        " const { top, height } = document.querySelector(it).getBoundingClientRect();"
        " return [top, height]; })"
    )
    (top, height), (screen, _) = places
    assert 70 < height < 100
    assert screen - top < 120


def test_a_job_that_wrote_nothing_has_nothing_to_search(site: Service, page: Page) -> None:
    see(site, page, script(site, "true"))
    expect(page.locator("#screen")).to_contain_text("The job wrote nothing.")
    expect(page.get_by_role("searchbox")).to_be_hidden()
    page.goto(f"{site.url}/ui/jobs/{script(site, 'echo out')}")
    expect(lines(page)).to_have_text(["out"])
    choose_stream(page, "stderr")
    expect(lines(page)).to_have_count(0)
    expect(page.get_by_role("searchbox")).to_be_visible()


@page_only
def test_the_current_match_stays_in_view_while_lines_are_read_around_it(
    site: Service, page: Page
) -> None:
    jobid = written(site, "seq -f 'row %.0f' 30000")
    ended(site, page, jobid)
    page.get_by_label("Find in the output").fill("row 12000")
    page.locator(".whole-search li a").click()
    current = page.locator("#screen mark.current")
    expect(current).to_have_text("row 12000")
    expect(page.locator(".find [role=status]")).to_have_text("1 of 1 in the lines shown")
    screen = page.locator("#screen")
    top = current.evaluate("(it) => it.getBoundingClientRect().top")
    first, last = int(numbers(page)[0]), int(numbers(page)[-1])
    for _ in range(2):
        last += 1000
        page.get_by_role("button", name="Show later lines").dispatch_event("click")
        expect(lines(page).last).to_have_attribute("data-no", str(last))
        expect(current).to_be_in_viewport()
    page.get_by_role("button", name="Show earlier lines").dispatch_event("click")
    expect(lines(page).first).to_have_attribute("data-no", str(first - 1000))
    assert abs(current.evaluate("(it) => it.getBoundingClientRect().top") - top) < 2
    # The page is full: with the later lines, it drops the first ones.
    last = int(numbers(page)[-1])
    page.get_by_role("button", name="Show later lines").dispatch_event("click")
    expect(lines(page).last).to_have_attribute("data-no", str(last + 1000))
    expect(lines(page)).to_have_count(4000)
    assert abs(current.evaluate("(it) => it.getBoundingClientRect().top") - top) < 2
    # Lines that wrap otherwise, and another height of the window, do not hide it either.
    page.get_by_role("button", name="Timestamps", exact=True).click()
    expect(current).to_be_in_viewport()
    page.set_viewport_size({"width": 390, "height": 500})
    frame = screen.bounding_box()
    box = current.bounding_box()
    assert frame is not None
    assert box is not None
    assert frame["y"] <= box["y"] <= frame["y"] + frame["height"] - box["height"]


@page_only
def test_the_list_of_what_was_found_does_not_push_the_current_match_out_of_view(
    site: Service, page: Page
) -> None:
    # The lines of a large output are counted for long, and have no numbers until then.
    none = '{"type":"end","reason":"end","source":0,"lines":0,"searched":0}\n'
    page.route("**/output/lines?at=*", lambda route: route.fulfill(body=none))
    ended(site, page, written(site, "seq -f 'row %.0f' 30000"))
    choose_stream(page, "stdout")
    expect(lines(page).last).to_have_text("row 30000")
    expect(lines(page).last).to_have_attribute("data-no", "")
    page.get_by_label("Find in the output").fill("row 2999")
    expect(page.locator(".whole-search li")).to_have_count(11)
    current = page.locator("#screen mark.current")
    expect(current.locator("..")).to_have_text("row 29990")
    expect(current).to_be_in_viewport()
    frame, box = page.locator("#screen").bounding_box(), current.bounding_box()
    assert frame is not None
    assert box is not None
    assert frame["y"] <= box["y"] <= frame["y"] + frame["height"] - box["height"]
