"""Text that tries to be more than text, and a browser that tells whether it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Dialog, Page

MARKUP = (
    "<img src=x onerror=hit(1)><script>hit(2)</script></script><svg onload=hit(3)>"
    '"><svg/onload=hit(4)>\'--><iframe src="javascript:hit(5)"></iframe>'
    "<a href='javascript:hit(6)'>x</a><style>*{display:none}</style>"
    "<link rel=stylesheet href=//evil.invalid/x><base href=//evil.invalid/></textarea></title>"
)

TERMINAL = (
    "\x1b]8;;javascript:hit(7)\x1b\\link\x1b]8;;\x1b\\"  # a hyperlink
    "\x1b]52;c;aGl0\x07"  # the clipboard
    "\x1b]0;a title\x07\x1b[6n\x1b[c"  # the title; questions
    "\x1b[2J\x1b[1;1H\x1b[?1049h\x1b(0"  # the screen; another charset
    "\x9b31mc1\x9d0;title\x9c\x90q\x9c"  # the same, in C1 controls
    "\x1b[" + "1;" * 2000 + "m\x1b[0m"  # more parameters than anybody needs
)

BIDI = "\u202egnp.exe\u202c\u2066\u2067\u061c\u200f"

HOSTILE = f"{MARKUP}{TERMINAL}{BIDI}\u2028\u0085\ufeff"

HOSTILE_NAME = HOSTILE.replace("1;" * 1800, "")
"""The same as a job name, which has at most 1,000 bytes."""

SEEN = "<img src=x onerror=hit(1)><script>hit(2)</script>"
"""The part of it that a page shows at least."""

_WATCH = """window.hits = []; window.hit = (number) => window.hits.push(number);"""

_LOOK = """() => ({
  hits: window.hits ?? [],
  foreign: [...document.querySelectorAll(
    "body :is(img, svg, iframe, object, embed, style, link, base, title, meta)")]
    // The mark beside the name, the picture of nodes, the bar of states, the graph of jobs and
    // the lines of the cards.
    .filter((it) => !it.matches(".brand > a > img:only-of-type, #picture > svg:only-of-type, "
      + "#timeline > .timebar:only-of-type, .graph > svg:only-of-type, "
      + ".figure-card > .sparkline:last-child"))
    .map((it) => it.outerHTML),
  scripts: [...document.scripts].filter((it) => it.type !== "application/json"
    && !it.src.startsWith(location.origin + "/static/")).map((it) => it.outerHTML),
  links: [...document.links].map((it) => it.href)
    .filter((it) => !it.startsWith(location.origin + "/")),
  handlers: [...document.querySelectorAll("*")]
    // An input may hide the method of its form.
    .flatMap((it) => Element.prototype.getAttributeNames.call(it))
    .filter((name) => name.startsWith("on")),
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  hidden: getComputedStyle(document.querySelector("main")).display === "none",
})"""

_NOTHING = {
    "hits": [],
    "foreign": [],
    "scripts": [],
    "links": [],
    "handlers": [],
    "hidden": False,
}


def check(page: Page) -> None:
    """Check that the text stayed text, and that the page is no wider than its window."""
    found = page.evaluate(_LOOK)
    # A scroll bar's width is not the text's doing.
    assert found.pop("overflow") <= 0
    assert found == _NOTHING


@contextmanager
def guarded(browser: Browser, origin: str, **options: Any) -> Iterator[BrowserContext]:
    """Return a context in which a foreign script, a dialog or a request elsewhere is an error."""
    context = browser.new_context(**options)
    context.set_default_timeout(20_000)
    context.add_init_script(_WATCH)
    wrong: list[str] = []

    def refuse(dialog: Dialog) -> None:
        wrong.append(dialog.message)
        dialog.dismiss()

    context.on("dialog", refuse)
    context.on("weberror", lambda error: wrong.append(str(error.error)))

    def hear(url: str) -> None:
        if not url.startswith((origin, f"blob:{origin}")):
            wrong.append(url)

    context.on("request", lambda request: hear(request.url))
    context.on(
        "console",
        # A script that the policy stopped has come too far already.
        lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None,
    )
    yield context
    context.close()
    assert wrong == []
