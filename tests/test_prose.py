"""The counter of prose reads Python and scripts, and finds what counts against its measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.prose import files, inspect
from tools.script_comments import Comment, comments

WHO = "Who"
"""The beginning of a sentence that counts, which this file must not contain itself."""


def found(source: str, path: str) -> list[tuple[int, str]]:
    _, findings = inspect(source, path)
    return [(finding.line, finding.measure) for finding in findings]


def test_a_docstring_and_a_comment_of_python_are_judged() -> None:
    source = 'def f():\n    """The value."""\n    # Where it is.\n    return 1\n'
    assert found(source, "a.py") == [(1, "imperative"), (3, "clause")]


def test_the_name_of_a_test_is_a_sentence() -> None:
    assert found("def test_what_is_wrong_is_said(): ...\n", "a.py") == [(1, "clause")]
    assert found("def test_an_error_is_reported(): ...\n", "a.py") == []


@pytest.mark.parametrize(
    "code",
    [
        "export function f() {",
        "const f = (/** @type {number} */ x) => x;",
        "#f(x) {",
        "async *f(x) {",
        "static f() {",
    ],
)
def test_a_comment_of_a_function_is_its_docstring(code: str) -> None:
    assert found(f"/** The value. @param {{number}} x */\n{code}\n", "a.js") == [(1, "imperative")]
    assert found(f"/** Return the value. */\n{code}\n", "a.js") == []


@pytest.mark.parametrize("code", ["size = 1;", "const SIZE = 1;", "get size() {", "if (x) {"])
def test_a_comment_of_a_value_may_name_it(code: str) -> None:
    assert found(f"/** The size. */\n{code}\n", "a.js") == []
    assert found(f"/** Whether it is. */\n{code}\n", "a.js") == [(1, "clause")]


def test_signs_of_comments_in_strings_and_patterns_mean_nothing() -> None:
    source = 'a("/* What */", `// Who`, /[/"]*/.test(x)); // ' + f"{WHO} ends.\n"
    assert list(comments(source)) == [Comment(1, f"{WHO} ends.", is_of_function=False)]


def test_comments_of_consecutive_lines_are_one() -> None:
    source = f"x;\n// What is\n// left?\n/*\n * {WHO} reads\n * this.\n */\n"
    assert [(it.line, it.text) for it in comments(source)] == [
        (2, "What is\nleft?"),
        (4, f"{WHO} reads\nthis."),
    ]
    assert found(source, "a.css") == [(4, "clause")]


def test_sentences_of_a_guide_are_judged_without_its_code_and_headings() -> None:
    source = f"""# Where it is

This is a line.
{WHO} reads it?
{WHO} reads
knows.

| {WHO} | a |
|---|---|
| {WHO} reads. | a |

```text
{WHO} reads.
```
"""
    assert found(source, "a.md") == [(3, "clause"), (10, "clause")]


def test_installed_packages_are_not_measured(tmp_path: Path) -> None:
    # Packages are named like files, such as decimal.js.
    (tmp_path / "node_modules" / "decimal.js").mkdir(parents=True)
    own = tmp_path / "own.js"
    own.touch()
    assert list(files([str(tmp_path)])) == [own]
