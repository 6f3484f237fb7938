"""The guides of ``docs/``, rendered from the Markdown that a forge shows, too.

A guide is served under the name of its file: ``docs/how-to/nginx.md`` at ``/docs/nginx``. Links to
guides and pictures are rewritten for the server. A link to a file outside ``docs/`` becomes text,
since an installed service lacks the file.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import cycle, pairwise, takewhile
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from markdown_it.token import Token

__all__ = ["GROUPS", "Guide", "folder", "groups", "image", "render", "shelf", "slug"]

GROUPS: Mapping[str, Sequence[str]] = {
    "Begin": ("index", "tutorial"),
    "How to": (
        "auth", "nginx", "sockets", "jupyter", "open-ondemand", "systemd", "container",
        "flux-operator", "flux-releases", "batch-scripts", "notebook", "psij", "mcp", "jobs-page",
        "groups", "notifications", "webhooks", "queues", "nested-instances", "workflows", "moving",
    ),
    "Use": ("cli", "flux-options", "client", "events", "history"),
    "Run": ("settings", "security", "operation", "performance"),
    "Understand": ("architecture", "libraries", "testing", "adding-a-route", "texts"),
    "Decisions": ("decisions", "[0-9]*"),
}  # fmt: skip
"""The guides in reading order, by name or pattern; guides that are missing here come last."""

_LAST = "More"
_COMMENT = re.compile(r"<!--.*?-->\s*", re.DOTALL)
_NOT_RUN = re.compile(r"<!--\s*not run: (.*?)\s*-->", re.DOTALL)
_OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:|/", re.IGNORECASE)
_PICTURE = re.compile(r"[a-z0-9-]+\.png\Z", re.ASCII)
_LEVELS = ("h2", "h3")
_MAX_WHOLE_CHARS = 28
"""Characters of code that a line of a phone has room for."""
_MANY_COLUMNS = 4
"""A table of so many columns has no room on a phone."""
_ROLES = {
    "table_open": "table",
    "thead_open": "rowgroup",
    "tbody_open": "rowgroup",
    "tr_open": "row",
    "th_open": "columnheader",
    "td_open": "cell",
}
_ROOT = "\0"
"""Stands for the way to the root of the service; CommonMark allows it in no text."""


@dataclass(frozen=True, slots=True)
class Guide:
    """One guide: its ``name``, its ``path`` below ``docs/``, and the HTML below its title."""

    name: str
    path: PurePosixPath
    title: str
    sections: Sequence[tuple[str, str, str]]
    """Level (``h2``, ``h3``), anchor and title of each heading below the title."""
    html: Markup

    def below(self, root: str) -> Markup:
        """Return the HTML for a page from which *root*, such as ``../``, leads to the root."""
        return Markup(self.html.replace(_ROOT, root))  # noqa: S704 - both are ours

    @property
    def address(self) -> str:
        """Return the path on the server."""
        return _address(self.path)


def folder() -> Path:
    """Return the folder of the Markdown files: in the package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    installed = package / "docs"
    return installed if installed.is_dir() else package.parent / "docs"


@cache
def shelf() -> Mapping[str, Guide]:
    """Return all guides by name; reads files, so do not call it on the event loop."""
    root = folder()
    paths = sorted(root.rglob("*.md"))
    return {
        path.stem: render(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
        for path in paths
    }


@cache
def groups() -> Sequence[tuple[str, Sequence[Guide]]]:
    """Return the guides grouped for the navigation."""
    guides = shelf()
    found = {
        title: [guides[name] for pattern in names for name in fnmatch.filter(guides, pattern)]
        for title, names in GROUPS.items()
    }
    placed = {guide.name for some in found.values() for guide in some}
    found[_LAST] = [guide for name, guide in guides.items() if name not in placed]
    return [(title, some) for title, some in found.items() if some]


def image(name: str) -> bytes | None:
    """Return a picture of the guides (PNG) or ``None``; reads a file."""
    # Only existing pictures are cached, since the number of names is unbounded.
    return _picture(name) if name in _pictures() else None


@cache
def _pictures() -> frozenset[str]:
    found = (path.name for path in (folder() / "images").glob("*.png"))
    return frozenset(name for name in found if _PICTURE.match(name))


@cache
def _picture(name: str) -> bytes:
    return (folder() / "images" / name).read_bytes()


def render(text: str, path: str) -> Guide:
    """Render a guide from its Markdown; ``path`` is relative to ``docs/``, with slashes."""
    from markdown_it import MarkdownIt  # noqa: PLC0415 - imported when a guide is read

    here = PurePosixPath(path)
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    for kind, rule in {"html_block": _raw, "html_inline": _raw, "fence": _fence}.items():
        parser.add_render_rule(kind, rule)
    tokens = parser.parse(text)
    headings = list(_anchor(tokens))
    for token in tokens:
        _lead(token.children or (), here)
        _without_style(token)
        _keep_whole(token.children or ())
    html = parser.renderer.render(_framed(_below_title(tokens)), parser.options, {})
    title = next((name for level, _, name in headings if level == "h1"), here.stem)
    sections = [heading for heading in headings if heading[0] in _LEVELS]
    return Guide(here.stem, here, title, sections, Markup(html))  # noqa: S704 - raw HTML is escaped


def _keep_whole(tokens: Iterable[Token]) -> None:
    """Mark short code, which a line does not break, nor from the sign that follows it."""
    for token in tokens:
        if token.type == "code_inline" and len(token.content) <= _MAX_WHOLE_CHARS:
            token.attrSet("class", "whole option" if token.content.startswith("-") else "whole")


def _below_title(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return the tokens after the first heading, which the page shows itself."""
    return tokens[3:] if tokens and tokens[0].type == "heading_open" else tokens


def slug(title: str, taken: Mapping[str, int]) -> str:
    """Return the anchor of a heading as forges make it; ``taken`` counts equal ones before."""
    base = re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
    count = taken.get(base, 0)
    return f"{base}-{count}" if count else base


def _anchor(tokens: Sequence[Token]) -> Iterator[tuple[str, str, str]]:
    """Set the anchor of each heading, and yield level, anchor and title."""
    taken: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            title = "".join(
                child.content
                for child in inline.children or ()
                if child.type in {"text", "code_inline"}
            )
            anchor = slug(title, taken)
            base = slug(title, {})
            taken[base] = taken.get(base, 0) + 1
            opening.attrSet("id", anchor)
            yield opening.tag, anchor, title


def _lead(inline: Sequence[Token], here: PurePosixPath) -> None:
    """Rewrite the links of one paragraph for the server."""
    dropped = False
    for token in inline:
        if token.type == "link_open":
            target = _target(str(token.attrGet("href") or ""), here)
            dropped = target is None
            if target is None:
                token.tag, token.attrs = "span", {"class": "elsewhere"}
            else:
                token.attrSet("href", target)
        elif token.type == "link_close" and dropped:
            token.tag, dropped = "span", False
        elif token.type == "image":
            picture = PurePosixPath(str(token.attrGet("src"))).name
            token.attrSet("src", f"{_ROOT}docs/images/{picture}")


def _without_style(token: Token) -> None:
    """Align a cell by a class, since the Content-Security-Policy allows no style attribute."""
    if "right" in str(token.attrs.pop("style", "")):
        token.attrs["class"] = "numeric"


def _target(href: str, here: PurePosixPath) -> str | None:
    """Return the target of a link on the server; ``None`` for a file that only a checkout has."""
    if href.startswith("#") or _OUTSIDE.match(href):
        return href
    place, _, anchor = href.partition("#")
    path = PurePosixPath(normpath(here.parent / place))
    if path.parts[0] == ".." or path.suffix != ".md":
        return None
    return _ROOT + _address(path)[1:] + (f"#{anchor}" if anchor else "")


def _address(path: PurePosixPath) -> str:
    return "/docs" if path.stem == "index" else f"/docs/{path.stem}"


def _framed(tokens: Sequence[Token]) -> list[Token]:
    """Wrap each table in a frame that scrolls; the rows of one with many columns can be stacked."""
    from markdown_it.token import Token as Made  # noqa: PLC0415 - see render

    framed: list[Token] = []
    for place, token in enumerate(tokens):
        if token.type == "table_open":
            is_wide = _labeled(takewhile(lambda it: it.type != "table_close", tokens[place:]))
            attrs: dict[str, str | int | float] = {
                "class": "frame stacked" if is_wide else "frame",
                "tabindex": "0", "role": "group", "aria-label": "Table",
            }  # fmt: skip
            framed.append(Made("frame_open", "div", 1, attrs=attrs, block=True))
        framed.append(token)
        if token.type == "table_close":
            framed.append(Made("frame_close", "div", -1, block=True))
    return framed


def _labeled(table: Iterable[Token]) -> bool:
    """Label the cells of a table with many columns by their headings; return whether it has them.

    A sheet that changes how a table is displayed takes its roles away, so they are written down.
    """
    tokens = list(table)
    titles = [inline.content for opening, inline in pairwise(tokens) if opening.type == "th_open"]
    if len(titles) < _MANY_COLUMNS:
        return False
    cells = (token for token in tokens if token.type == "td_open")
    for cell, title in zip(cells, cycle(titles), strict=False):
        cell.attrSet("data-label", title)
    for token in tokens:
        if token.type in _ROLES:
            token.attrSet("role", _ROLES[token.type])
    return True


def _raw(_self: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    """Drop comments, except for the reason why a block is not tested."""
    text = tokens[index].content
    reason = _NOT_RUN.search(text)
    if reason is not None:
        return f'<p class="untested">Not run in the tests: {escape(reason[1])}.</p>\n'
    return str(escape(_COMMENT.sub("", text)))


def _fence(_self: Any, tokens: Sequence[Token], index: int, _options: Any, _env: Any) -> str:
    """Render a code block that the keyboard can scroll."""
    token = tokens[index]
    language = token.info.split()[0] if token.info.split() else "text"
    label = f'tabindex="0" role="group" aria-label="{escape(language)}"'
    return f"<pre {label}><code>{escape(token.content)}</code></pre>\n"
