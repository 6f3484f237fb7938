"""The cards above the table of jobs, each of which opens to a chart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.running import Service, service

from .test_jobs import live, submit


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Return a service that keeps a history."""
    folder: Path = tmp_path_factory.mktemp("history")
    with service("--instance", "embedded", "--statedir", str(folder)) as running:
        yield running


def test_a_card_opens_to_its_chart(site: Service, page: Page) -> None:
    submit(site)
    page.goto(site.url)
    live(page)
    expect(page.locator(".figure-card")).to_have_count(4)
    expect(page.locator(".uplot")).to_have_count(0)
    cores = page.get_by_role("button", name=re.compile("^Cores in use [0-9]+ of [0-9]+"))
    cores.click()
    expect(cores).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".uplot")).to_have_count(1)
    expect(page.get_by_role("img", name=re.compile("cores? in use now"))).to_be_visible()
    page.get_by_role("button", name=re.compile("^Ended.min")).click()
    expect(page.locator(".uplot")).to_have_count(1)
    expect(page.get_by_role("img", name=re.compile("[1-9][0-9]* jobs? submitted"))).to_be_visible()
    page.reload()
    expect(page.locator(".uplot")).to_have_count(1)
    expect(page.get_by_role("img", name=re.compile("[1-9][0-9]* jobs? submitted"))).to_be_visible()
    page.get_by_role("button", name="Close the chart").click()
    expect(page.locator(".uplot")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("^Ended.min"))).to_be_focused()


def test_small_lines_give_way_before_the_overview_takes_two_lines(
    site: Service, page: Page
) -> None:
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(site.url)
    live(page)
    expect(page.locator(".figure-card .sparkline")).to_have_count(4)
    # As in a busy instance of which a node is down.
    counts, cards = page.evaluate("""() => {
      for (const count of document.querySelectorAll(".counts b")) count.textContent = "1190";
      const words = document.querySelector(".figure-card .words");
      words.append(Object.assign(document.createElement("span"),
        { className: "wrong", textContent: "2 nodes drained" }));
      return [".counts", ".figure-cards"].map((it) =>
        document.querySelector(it).getBoundingClientRect().toJSON());
    }""")
    assert cards["left"] >= counts["right"]
    assert cards["right"] <= 1440
    # No line begins in the words beside it.
    rooms = page.locator(".figure-card").evaluate_all("""(all) => all.map((card) => {
      const words = document.createRange();
      words.selectNodeContents(card.querySelector(".words"));
      const line = card.querySelector(".sparkline").getBoundingClientRect();
      return line.left - words.getBoundingClientRect().right;
    })""")
    assert min(rooms) >= 4


def test_a_small_line_has_a_gap_where_nothing_is_known(site: Service, page: Page) -> None:
    page.goto(site.url)
    live(page)
    line = page.locator(".figure-card .sparkline path").first
    expect(line).to_have_attribute("d", re.compile("^M"))


def test_a_point_under_the_pointer_has_its_time(site: Service, page: Page) -> None:
    submit(site)
    page.goto(site.url)
    live(page)
    page.get_by_role("button", name=re.compile("^Active jobs")).click()
    chart = page.locator(".u-over")
    expect(chart).to_be_visible()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + 40)
    expect(page.locator("#chart figcaption")).to_have_text(re.compile("^At .*[0-9]:[0-9]{2}"))


def test_the_legend_says_that_a_value_is_of_the_latest_step(site: Service, page: Page) -> None:
    submit(site)
    page.goto(site.url)
    live(page)
    page.get_by_role("button", name=re.compile("^Median wait")).click()
    expect(page.locator("#chart .legend")).to_contain_text("in the latest 15s")


def test_without_a_history_there_are_the_last_minutes_only(site: Service, page: Page) -> None:
    page.route("**/v1/history/**", lambda route: route.abort())
    page.goto(site.url)
    live(page)
    has_history = page.locator("#chart").get_attribute("data-history") is not None
    page.locator(".figure-card").first.click()
    expect(page.get_by_role("group", name="Time")).to_have_count(int(has_history))


def test_a_longer_time_comes_from_the_history(kept: Service, page: Page) -> None:
    submit(kept, command="false")
    asked: list[str] = []

    def note(route: Route) -> None:
        asked.append(route.request.url)
        route.continue_()

    page.route("**/v1/history/figures?*", note)
    page.goto(kept.url)
    live(page)
    page.get_by_role("button", name=re.compile("^Ended.min")).click()
    page.get_by_text("Day", exact=True).click()
    expect(page.get_by_role("heading", name="Jobs ended")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^Jobs ended: All at most"))).to_be_visible()
    assert len(asked) == 1
    page.reload()
    expect(page.get_by_role("radio", name="Day")).to_be_checked()
    expect(page.get_by_role("heading", name="Jobs ended")).to_be_visible()
    page.get_by_text("15m", exact=True).click()
    expect(page.get_by_role("heading", name="Jobs per second")).to_be_visible()


@pytest.mark.parametrize(("width", "count"), [(1024, "2"), (1440, "120"), (2560, "12000")])
def test_counts_and_cards_share_one_line_and_nothing_is_cut(
    site: Service, page: Page, width: int, count: str
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(site.url)
    live(page)
    # Other tests may have left jobs or drained nodes in the instance.
    counts, cards, jobs, hidden = page.evaluate(
        """(count) => {
      for (const it of document.querySelectorAll("#strip b, #cards b")) it.textContent = count;
      for (const it of document.querySelectorAll("#cards .wrong")) it.textContent = "";
      const strip = document.querySelector("#strip");
      const boxes = ["#strip", "#cards", "#jobs"].map((it) =>
        document.querySelector(it).getBoundingClientRect().toJSON());
      return [...boxes, strip.scrollWidth - strip.clientWidth];
    }""",
        count,
    )
    assert hidden <= 0
    # The line of counts, the line of filters, and what is between them.
    assert jobs["y"] - counts["y"] < 110
    assert abs(cards["y"] + cards["height"] / 2 - counts["y"] - counts["height"] / 2) < 4
