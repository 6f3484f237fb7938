"""Links between documents, to files of the source and to sections lead somewhere."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from markdown_it import MarkdownIt

from fluxapi.web import guides

from .blocks import DOCUMENTS, ROOT, name_of

LINKED = [*DOCUMENTS, *(ROOT / f"{name}.md" for name in ("CHANGELOG", "CONTRIBUTING", "SECURITY"))]

_WEB = re.compile(r"https?://")


@functools.cache
def links(path: Path) -> list[str]:
    """Return the targets of links and pictures."""
    parser = MarkdownIt("commonmark").enable("table")
    return [
        str(child.attrGet("href") or child.attrGet("src"))
        for token in parser.parse(path.read_text(encoding="utf-8"))
        for child in token.children or ()
        if child.type in {"link_open", "image"}
    ]


@functools.cache
def anchors(path: Path) -> set[str]:
    """Return the names that ``#`` may have in a document."""
    guide = guides.render(path.read_text(encoding="utf-8"), path.name)
    return {anchor for _, anchor, _ in guide.sections}


def leads_somewhere(path: Path, link: str) -> bool:
    """Return whether the target of a link in a document is there, and its anchor."""
    place, _, anchor = link.partition("#")
    target = (path.parent / place).resolve() if place else path
    return bool(_WEB.match(link)) or (
        target.is_file() and (not anchor or anchor in anchors(target))
    )


def test_every_link_leads_somewhere() -> None:
    found = [(path, link) for path in LINKED for link in links(path)]
    assert len(found) > 100
    lost = [(name_of(path), link) for path, link in found if not leads_somewhere(path, link)]
    assert lost == []


def test_no_link_leaves_the_source() -> None:
    found = [(path, link) for path in LINKED for link in links(path) if not _WEB.match(link)]
    leaving = [
        (name_of(path), link)
        for path, link in found
        if not (path.parent / link).resolve().is_relative_to(ROOT)
    ]
    assert leaving == []


def test_every_document_is_on_the_map() -> None:
    maps = (ROOT / "docs" / "index.md", ROOT / "docs" / "decisions" / "decisions.md")
    linked = {
        (page.parent / link.partition("#")[0]).resolve() for page in maps for link in links(page)
    }
    assert {path for path in DOCUMENTS if path.name not in {"README.md", "index.md"}} <= linked


def test_anchors_are_those_of_the_forge() -> None:
    text = "# A\n\n## From `flux submit`: what's new?\n\n## Run it\n\n## Run it\n\n### Über 1.2\n"
    assert [anchor for _, anchor, _ in guides.render(text, "a.md").sections] == [
        "from-flux-submit-whats-new",
        "run-it",
        "run-it-1",
        "über-12",
    ]


def test_no_heading_takes_the_style_of_a_part_of_the_dashboard() -> None:
    front = ROOT / "frontend"
    sheets = [*(front / "src" / "styles").glob("*.css"), front / "build.js"]
    # A selector without an element: it styles each heading that has this name, too.
    styled = {
        name
        for sheet in sheets
        for name in re.findall(r"(?<![\w*)\]-])#([a-z][\w-]*)", sheet.read_text(encoding="utf-8"))
    }
    assert styled
    for path in DOCUMENTS:
        assert anchors(path) & styled == set(), path


def test_the_cells_of_a_table_with_many_columns_have_the_names_of_their_columns() -> None:
    wide = guides.render("| a | b | c | d |\n|---|---|---|---|\n| 1 | 2 | 3 | 4 |\n", "a.md").html
    assert 'class="frame stacked"' in wide
    assert '<td data-label="b" role="cell">2</td>' in wide
    narrow = guides.render("| a | b | c |\n|---|---|---|\n| 1 | 2 | 3 |\n", "a.md").html
    assert 'class="frame"' in narrow
    assert "data-label" not in narrow
