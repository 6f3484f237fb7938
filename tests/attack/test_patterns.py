"""Texts that take long to search, for each pattern that meets the text of a stranger.

Work by the square of their length would take hours, so no time is asserted: without the fix a test
does not end.
"""

from __future__ import annotations

import pytest

from fluxapi.errors import FluxRefused
from fluxapi.instance.embedded.fields import seconds
from fluxapi.model.jobspec import parse_duration
from fluxapi.model.path_template import Template
from fluxapi.model.shallow import MAX_DEPTH, shallow

LONG = 1_000_000


@pytest.mark.slow
@pytest.mark.parametrize("end", ["x", ".x", "ex", "msx", "."])
@pytest.mark.parametrize("start", ["", ".", "0."])
def test_a_duration_of_digits_without_end(start: str, end: str) -> None:
    text = start + "1" * LONG + end
    if end == "." and not start:
        text += "x"
    with pytest.raises(FluxRefused):
        seconds(text, "exit-timeout")
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.5h", 5400), (".5", 0.5), ("2.", 2), ("1e2s", 100), ("250ms", 0.25), ("7", 7)],
)
def test_a_duration_is_read_as_before(text: str, expected: float) -> None:
    assert seconds(text, "exit-timeout") == expected


def test_deep_json_with_a_string_that_does_not_end() -> None:
    payload = b"[" * (MAX_DEPTH + 1) + b'"' + b'\\"' * LONG
    assert shallow(payload).endswith(b'\\"')


@pytest.mark.slow
@pytest.mark.parametrize("text", ["{{" * LONG, "{{}" * LONG, "}}{{" * LONG])
def test_the_name_of_a_file_with_tags_without_end(text: str) -> None:
    template = Template(text)
    assert template.render(lambda _: "x")
    assert len(template.tags) <= LONG


def test_tags_of_a_name_are_found_as_before() -> None:
    template = Template("a{{b}}{{}}c{{ {{d}} }}e{{f")
    assert template.tags == ["b", "", " {{d"]
    known = {"b": "1", " {{d": "2"}
    assert template.render(known.get) == "a1{{}}c2 }}e{{f"
