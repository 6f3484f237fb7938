"""No template holds a text that people read: those are in the words, where a translation is."""

from __future__ import annotations

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes

import fluxapi.web
from fluxapi import errors

FOLDER = Path(fluxapi.web.__file__).parent / "templates"
TEMPLATES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.html"))

DOCUMENTS = {
    *("design.html", "design_specimen.html"),
    *("reference_text.html", "docs.py", "guides.py", "reference.py"),
}
"""Files of the documentation and of messages of the API, which are English."""

SHOWN = {"alt", "aria-description", "aria-label", "data-label", "placeholder", "title"}
"""Attributes that are shown, or read aloud."""

NAMES = {
    *("fluxapi", "stdout", "stderr", "curl", "hostname"),
    *("CSV", "JSON", "OpenAPI", "AsyncAPI", "https://", "Ctrl K"),
}
"""Texts that are the same in every language."""

EXPRESSION = re.compile(r"""\{\{(?:[^"'}]|"[^"]*"|'[^']*')*\}\}|\{%.*?%\}|\{#.*?#\}""", re.DOTALL)
LETTERS = re.compile(r"[A-Za-z]{2,}")
PROSE = re.compile(r"^[A-Z][a-z]+(?:[ ,:.…?!]|\Z)|(?<![-\w])[a-z]{2,}[,;:]? [a-z]{2,}(?![-\w])")


class Texts(HTMLParser):
    """The texts of a template outside of its expressions and of code."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._code = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._code += tag in {"code", "script", "style"}
        self.found += [value for name, value in attrs if name in SHOWN and value]

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in {"code", "script", "style"}

    def handle_data(self, data: str) -> None:
        if not self._code:
            self.found.append(data)


def raw_texts(source: str) -> list[str]:
    """Return what a template shows without asking for a text by its key."""
    texts = Texts()
    texts.feed(EXPRESSION.sub("", source))
    shown = (text.strip(" ·\n") for text in texts.found)
    found = [text for text in shown if LETTERS.search(text) and text not in NAMES]
    parsed = jinja2.Environment(autoescape=True).parse(source)
    literals = (node.value for node in parsed.find_all(nodes.Const))
    return found + [text for text in literals if isinstance(text, str) and PROSE.search(text)]


def texts_of_module(source: str) -> list[str]:
    """Return the texts of a module that are neither documentation nor messages of errors."""
    tree = ast.parse(source)
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        is_export = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        called = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
        is_error = isinstance(node, ast.Raise) or called in errors.__all__
        if isinstance(node, ast.Expr) or is_error or is_export:
            left_out.update(ast.walk(node))
    literals = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    texts = [node.value for node in literals if node not in left_out]
    return [it for it in texts if isinstance(it, str) and PROSE.search(re.sub("<[^>]*>", "", it))]


def test_texts_are_in_the_words() -> None:
    assert TEMPLATES
    for name in (name for name in TEMPLATES if name not in DOCUMENTS):
        found = raw_texts((FOLDER / name).read_text("utf-8"))
        assert found == [], f"{name}: move these texts to fluxapi/web/words/en.json"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>All jobs</p>", ["All jobs"]),
        ('<p>{{ t("common.all_jobs") }} · {{ name }}</p>', []),
        ('<input placeholder="Find" name="text">', ["Find"]),
        ('<a title="{{ title }}" href="/ui/jobs">{{ name }}</a>', []),
        ("<p>{{ 'one job' if it else 'Jobs' }}</p>", ["one job", "Jobs"]),
        ("<code>flux submit</code> <b>fluxapi</b> f58", []),
        ("{# A comment. #}<script>Not shown</script>{% if it == 'RUN' %}{% endif %}", []),
    ],
)
def test_a_raw_text_is_found(source: str, found: list[str]) -> None:
    assert raw_texts(source) == found


def test_texts_of_modules_are_in_the_words() -> None:
    modules = sorted(FOLDER.parent.glob("*.py"))
    assert modules
    for path in (path for path in modules if path.name not in DOCUMENTS):
        assert texts_of_module(path.read_text("utf-8")) == [], path.name


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('title = "All jobs"', ["All jobs"]),
        ('say(words.text("jobs.all"), state="RUN", kind="text/html")', []),
        ('def f():\n    """Return all jobs."""\n    raise Conflict("Nobody is here.")', []),
        ('__all__ = ["Asset"]\nAsset = f"{count} jobs are here"', [" jobs are here"]),
    ],
)
def test_a_raw_text_of_a_module_is_found(source: str, found: list[str]) -> None:
    assert texts_of_module(source) == found
