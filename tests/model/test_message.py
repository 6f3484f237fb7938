"""Sentences with a code: in English, as JSON, and back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import fluxapi
from fluxapi.model.jobspec import Defaults, build
from fluxapi.model.message import (
    Message,
    NotReadable,
    field_error,
    field_message,
    said_in,
    sentence_of,
    told,
    warned,
)
from fluxapi.model.phrases import codes_of
from fluxapi.model.quotes import _CODES

PACKAGE = Path(fluxapi.__file__).parent
PHRASES = msgspec.json.decode((PACKAGE / "model" / "phrases.json").read_bytes())["fields"]

FIELD_OF = {
    "field_message": 0, "NotReadable": 0, "ShapeError": 0, "ConstraintError": 0, "_refuse": 0,
    "_wrong": 1, "_refused": 1,
}  # fmt: skip
"""The functions that say what is wrong with a field, and the place of the code among arguments."""

MADE = re.compile(r"(?:min|max)_(?:characters|entries)|unknown_(?:field|query_parameter|argument)")
"""Codes that are made of the keyword of a schema, or of the word for a member."""

DURATION = field_message(
    "must_be", form=Message("forms", "integer_within", {"low": 1, "high": 9}), value='"x"'
)


def say_in_capitals(key: str, /, **values: object) -> str:
    return f"{key.upper()}({', '.join(f'{name}={value}' for name, value in values.items())})"


def test_a_sentence_in_a_sentence_is_said_with_it() -> None:
    assert DURATION.text() == 'must be a whole number from 1 to 9, not "x".'
    said = DURATION.text(say_in_capitals)
    assert said == 'FIELDS.MUST_BE(form=FORMS.INTEGER_WITHIN(low=1, high=9), value="x")'


def test_a_choice_is_listed_with_or() -> None:
    assert field_message("needs_one_of", options=["a", "b", "c"]).text() == "needs a, b or c."
    assert field_message("needs_one_of", options=["a"]).text() == "needs a."


def test_an_invalid_field_tells_its_code_and_values() -> None:
    error = field_error("/x", DURATION)
    assert error == {
        "pointer": "/x",
        "detail": 'must be a whole number from 1 to 9, not "x".',
        "code": "must_be",
        "params": {
            "form": {
                "section": "forms",
                "detail": "a whole number from 1 to 9",
                "code": "integer_within",
                "params": {"low": 1, "high": 9},
            },
            "value": '"x"',
        },
    }
    assert sentence_of("fields", error) == DURATION
    assert told("x y") == {"detail": "x y"}
    assert sentence_of("fields", {"detail": "x y"}) == "x y"


def test_warnings_have_a_code_each() -> None:
    place = Message("warnings", "one_line", {"line": "3"})
    answer = warned([Message("warnings", "almost_directive", {"place": place})])
    assert answer["warnings"][0].startswith("Line 3: Flux ignores this as a comment")
    (code,) = answer["warning_codes"]
    assert (code["code"], code["params"]["place"]["params"]) == ("almost_directive", {"line": "3"})


def test_an_error_tells_its_code() -> None:
    error = NotReadable("no_signal", value="'x'")
    assert str(error).startswith("'x' is not a signal")
    assert said_in(error) == field_message("no_signal", value="'x'")
    assert said_in(ValueError("as Python says")) == "as Python says"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"command": "sh -c 'a"}, "not_split"),
        ({"command": ""}, "no_program"),
        ({"command": "a", "num_nodes": 2, "num_tasks": 1}, "more_nodes_than_tasks"),
        ({"command": "a", "exclusive": True}, "needs"),
        ({"command": "a", "duration": "1y"}, "unreadable"),
        ({"command": "a", "cwd": "x"}, "folder_not_absolute"),
        ({"command": "a", "constraints": {"x": []}}, "constraint_operator"),
        ({"command": "a", "is_launcher": True}, "launcher_not_allowed"),
        ({"script": "echo"}, "line"),
    ],
)
def test_a_request_is_refused_with_a_code(fields: dict[str, object], code: str) -> None:
    with pytest.raises(fluxapi.errors.ValidationFailed) as caught:
        build(fields, Defaults())
    assert code in [error.get("code") for error in caught.value.members["errors"]]


def test_a_text_of_a_section_has_its_code() -> None:
    assert codes_of("forms")["a whole number"] == "integer"


def calls() -> Iterator[ast.Call]:
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text("utf-8")
        if "field_message" in text or "NotReadable" in text:
            yield from (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))


def test_each_sentence_on_a_field_has_a_text_with_its_places() -> None:
    for call in calls():
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        place = FIELD_OF.get(name, len(call.args))
        code = call.args[place] if place < len(call.args) else None
        given = {value.arg for value in call.keywords}
        if isinstance(code, ast.Constant) and None not in given:
            text = str(PHRASES[code.value])
            assert given == set(re.findall(r"\{([a-z_]+)\}", text)), code.value


def test_each_text_on_a_field_is_used() -> None:
    used = {
        node.value
        for call in calls()
        for node in ast.walk(call)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    used |= set(_CODES.values())
    assert sorted(code for code in PHRASES if code not in used and not MADE.match(code)) == []
