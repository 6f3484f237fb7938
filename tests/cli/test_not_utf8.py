"""Words of the command line with bytes that no request can have."""

from __future__ import annotations

import os

import pytest

from .program import Program

BYTES = os.fsdecode(b"a\xffb")


@pytest.mark.parametrize(
    "words",
    [
        ["submit", BYTES],
        ["submit", f"--output={BYTES}", "true"],
        ["jobs", f"--name={BYTES}"],
        ["template", "show", BYTES],
        ["output", f"--search={BYTES}", "f1"],
    ],
)
def test_a_word_that_is_not_utf8_is_an_error(run: Program, words: list[str]) -> None:
    done = run(*words)
    assert (done.status, done.err) == (2, "fluxapi: 'a\\udcffb' is not UTF-8.\n")


def test_so_is_a_variable_that_a_job_gets(run: Program) -> None:
    done = run("submit", "--env=HUE", "true", HUE=BYTES)
    assert (done.status, done.err) == (2, "fluxapi: 'a\\udcffb' is not UTF-8.\n")


def test_the_part_around_a_wrong_character_is_shown(run: Program) -> None:
    done = run("submit", "true", "x" * 1000 + BYTES + "y" * 1000)
    assert done.err == f"fluxapi: '{'x' * 31}a\\udcffb{'y' * 31}' is not UTF-8.\n"
