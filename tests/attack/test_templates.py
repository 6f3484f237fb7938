"""Templates of the job shell that are made to be searched for ever."""

from __future__ import annotations

import pytest

from fluxapi.instance.embedded.mustache import Tags

TAGS = Tags(1, "name", 1, "host", 1, "0", "", "/run/x")


@pytest.mark.parametrize("template", ["{" * 500_000, "{{" * 200_000 + "}", "{{a" * 200_000])
def test_braces_without_end_are_text(template: str) -> None:
    assert TAGS.render(template) == template


def test_tags_are_found_beside_braces() -> None:
    assert TAGS.render("{{{{name}} {{no}} {{name}}") == "{{name {{no}} name"
