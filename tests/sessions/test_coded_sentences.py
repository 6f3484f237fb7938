"""Each sentence with a code has words, and each word a sentence."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import fluxapi
from fluxapi.events.channel.stream import ENDS
from fluxapi.model.message import Message, coded, text_of
from fluxapi.web.words import load

SOURCE = Path(fluxapi.__file__).parent
ENGLISH = load()["en"]


CALLED = {"problem", "problem_of"}
ENDED = "_active"
"""The function of the handlers that gets the code of its error."""


@cache
def calls() -> list[tuple[ast.Call, str]]:
    """Return the calls that make a message, with the name of what they call."""
    found = []
    callers = re.compile(r"\b(?:{})\(".format("|".join(("Message", ENDED, *CALLED))))
    texts = [path.read_text("utf-8") for path in SOURCE.rglob("*.py")]
    for text in filter(callers.search, texts):
        for node in ast.walk(ast.parse(text)):
            name = getattr(node.func, "id", "") if isinstance(node, ast.Call) else ""
            if isinstance(node, ast.Call) and (name == "Message" or name in CALLED | {ENDED}):
                found.append((node, name))
    return found


def said(section: str) -> dict[str, set[str]]:
    """Return the names of the values of each literal message of a section, by its code."""
    found: dict[str, set[str]] = {}
    for node, name in calls():
        found |= of_call(node, name, section)
    return found


def of_call(node: ast.Call, name: str, section: str) -> dict[str, set[str]]:
    """Return the code of one call and the names of its values, if it is of this section."""
    if name == "Message":
        where, code, *values = node.args
        given = values[0].keys if values and isinstance(values[0], ast.Dict) else []
        names = {str(key.value) for key in given if isinstance(key, ast.Constant)}
    elif name == ENDED:
        where, code, names = ast.Constant("problems"), node.args[-1], {"job"}
    else:
        where, code = ast.Constant("problems"), node.args[0]
        names = {str(it.arg) for it in node.keywords}
    is_here = isinstance(where, ast.Constant) and where.value == section
    return {str(code.value): names} if is_here and isinstance(code, ast.Constant) else {}


@pytest.mark.parametrize("section", ["problems", "reasons", "remedies"])
def test_each_code_has_words_and_each_word_a_code(section: str) -> None:
    words = {
        key.partition(".")[2]: {place for form in forms.values() for place in form[1::2]}
        for key, forms in ENGLISH.forms.items()
        if key.startswith(f"{section}.")
    }
    assert words == said(section)


def test_a_sentence_of_flux_has_no_code() -> None:
    assert coded("reason", "It hangs.") == {"reason": "It hangs."}
    message = Message("reasons", "job_ended", {"job": "f1"})
    assert coded("reason", message) == {
        "reason": text_of(message),
        "reason_code": "job_ended",
        "reason_params": {"job": "f1"},
    }


def test_a_sentence_is_said_in_another_language() -> None:
    def say(key: str, /, **values: object) -> str:
        return f"{key} {values}"

    message = Message("reasons", "job_ended", {"job": "f1"})
    assert text_of(message, say) == "reasons.job_ended {'job': 'f1'}"
    assert text_of("It hangs.", say) == "It hangs."


def test_no_code_is_in_two_sections_that_pages_look_up_together() -> None:
    codes = {name: set(said(name)) for name in ("problems", "reasons")}
    assert not codes["problems"] & codes["reasons"]


def test_each_end_of_a_stream_has_words() -> None:
    words = {key.partition(".")[2] for key in ENGLISH.source if key.startswith("ends.")}
    assert words == {reason.replace("-", "_") for reason in ENDS}
