"""Each reason and each remedy of an instance has words, and each word a reason or a remedy."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import fluxapi
from fluxapi.model.message import Message, coded, text_of
from fluxapi.web.words import load

SOURCE = Path(fluxapi.__file__).parent
ENGLISH = load()["en"]


def said(section: str) -> dict[str, set[str]]:
    """Return the names of the values of each literal message of a section, by its code."""
    found: dict[str, set[str]] = {}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "Message":
                continue
            name, code, *values = node.args
            if isinstance(name, ast.Constant) and name.value == section:
                assert isinstance(code, ast.Constant), f"{path}: a code that no test can see"
                given = values[0].keys if values and isinstance(values[0], ast.Dict) else []
                found[str(code.value)] = {
                    str(key.value) for key in given if isinstance(key, ast.Constant)
                }
    return found


@pytest.mark.parametrize("section", ["reasons", "remedies"])
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
