"""The guides as the server shows them."""

from __future__ import annotations

import re
import tracemalloc
from html.parser import HTMLParser
from pathlib import PurePosixPath
from urllib.parse import urljoin

import pytest

from fluxapi.web import guides
from tests.handlers.conftest import Service, service, start

__all__ = ["service", "start"]

FOLDER = guides.folder()
PATHS = sorted(
    {guides._address(PurePosixPath(path.relative_to(FOLDER))) for path in FOLDER.rglob("*.md")}
)

_PAGES: dict[str, Page] = {}
"""Pages that were fetched already: each page links to all others."""


class Page(HTMLParser):
    """The ids and links of a page, and the parts that the policy would not allow."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids.extend(filter(None, [given.get("id")]))
        self.links.extend(given[name] or "" for name in ("href", "src") if name in given)
        self.inline.extend(name for name in given if name == "style" or name.startswith("on"))
        is_inline = tag == "style" or (tag == "script" and "src" not in given)
        self.inline.extend([tag] if is_inline else [])


async def fetch(service: Service, path: str) -> Page:
    """Return what is at a path; a file of another type has no ids."""
    if path not in _PAGES:
        response = await service.client.get(path)
        assert response.status == 200, path
        is_page = response.content_type == "text/html"
        _PAGES[path] = Page(await response.text() if is_page else "")
    return _PAGES[path]


@pytest.mark.slow
async def test_every_page_stays_on_this_server(service: Service) -> None:
    for path in PATHS:
        here = await fetch(service, path)
        assert here.ids, path
        assert here.inline == [], path
        assert len(set(here.ids)) == len(here.ids), path
        for link in sorted(set(here.links)):
            if link.startswith("https://"):
                continue  # a page of another project, for who follows it
            place, _, anchor = link.partition("#")
            assert not place or place.startswith("."), (path, link)
            there = await fetch(service, urljoin(path, place))
            assert not anchor or anchor in there.ids, (path, link)


async def test_nothing_is_loaded_from_elsewhere(service: Service) -> None:
    for path in PATHS:
        text = await (await service.client.get(path)).text()
        assert re.findall(r'(?:src|<link[^>]*href)="(?!\.)[^"]*"', text) == []


@pytest.mark.parametrize("name", ["nothing", "index.md", "..%2fREADME", "images", "INDEX"])
async def test_nothing_else_is_served(service: Service, name: str) -> None:
    assert (await service.client.get(f"/docs/{name}")).status == 404


@pytest.mark.parametrize("name", ["none.png", "..%2f..%2fREADME.md", "jobs.txt", ".png"])
async def test_only_pictures_are_pictures(service: Service, name: str) -> None:
    assert (await service.client.get(f"/docs/images/{name}")).status == 404


async def test_a_picture_is_served(service: Service) -> None:
    response = await service.client.get("/docs/images/jobs.png")
    assert (response.status, response.content_type) == (200, "image/png")


async def test_the_shelf_shows_where_the_reader_is(service: Service) -> None:
    text = await (await service.client.get("/docs/tutorial")).text()
    shelf = text[text.index('id="shelf"') :]
    assert re.findall(r'<a href="([^"]+)" aria-current="page">', shelf) == ["../docs/tutorial"]


def test_names_are_unique_and_none_is_taken() -> None:
    names = [path.stem for path in guides.folder().rglob("*.md")]
    assert len(set(names)) == len(names)
    assert not {"design", "errors", "images", "reference", "search"} & set(names)


def test_the_shelf_names_every_guide_once() -> None:
    named = [guide.name for _, some in guides.groups() for guide in some]
    assert sorted(named) == sorted(guides.shelf())


def test_the_shelf_has_a_place_for_every_guide() -> None:
    assert [title for title, _ in guides.groups()] == list(guides.GROUPS)


def test_raw_markup_is_only_text() -> None:
    html = guides.render("# A\n\n<b onclick=x>bold</b>\n\n<script>x</script>\n", "a.md").html
    assert "<b" not in html
    assert "<script" not in html


def test_short_code_is_not_broken() -> None:
    html = guides.render(f"# A\n\n`a`, `--name`, `{'x' * 60}`\n", "a.md").html
    whole = '<code class="whole">a</code>, <code class="whole option">--name</code>'
    assert f"{whole}, <code>x" in html


def test_why_a_block_is_not_tested_is_shown_and_other_comments_are_not() -> None:
    text = "# A\n\n<!-- not run: needs <Docker> -->\n```bash\nx\n```\n\n<!-- for us -->\n"
    html = guides.render(text, "a.md").html
    assert "Not run in the tests: needs &lt;Docker&gt;." in html
    assert "for us" not in html


def test_links_work_on_the_server_and_what_is_not_there_is_only_named() -> None:
    text = "[a](../events.md#x) [b](nginx.md) [c](../../container/x) [d](../index.md) [e](https://e.org)"
    guide = guides.render(text, "how-to/auth.md")
    for root in ("./", "../", "../../"):
        assert re.findall(r'href="([^"]+)"', guide.below(root)) == [
            f"{root}docs/events#x",
            f"{root}docs/nginx",
            f"{root}docs",
            "https://e.org",
        ]
    html = guide.html
    assert '<span class="elsewhere">c</span>' in html


def test_nothing_is_kept_of_names_that_are_no_pictures() -> None:
    names = [f"{'x' * 1000}-{number}.png" for number in range(200)]
    guides.image(names[0])
    tracemalloc.start()
    try:
        found = {guides.image(name[1:]) for name in names}
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == {None}
    assert kept < 100_000
