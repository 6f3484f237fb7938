"""Job IDs as words, emoji and digits, as Flux writes them."""

from __future__ import annotations

import subprocess

import pytest

from fluxapi.model.jobid import encode_fancy, parse
from fluxapi.model.jobid_forms import FORMS, encode_as, id_tags
from tests.running import clean_environment, needs_flux

WORDS = {
    0: "academy-academy-academy--academy-academy-academy",
    1: "acrobat-academy-academy--academy-academy-academy",
    123456789012345: "piano-copper-college--famous-album-academy",
    (1 << 64) - 1: "natural-analyze-verbal--natural-analyze-verbal",
}


@pytest.mark.parametrize("jobid", WORDS)
def test_an_id_as_words(jobid: int) -> None:
    assert encode_as(jobid, "words", "") == WORDS[jobid]


def test_words_are_read_as_flux_reads_them() -> None:
    for jobid, words in WORDS.items():
        assert parse(words.upper().replace("--", "-/ ")) == jobid


def test_a_tag_for_each_form() -> None:
    tags = id_tags(1, "f2")
    assert len(tags) == 2 * (1 + len(FORMS))
    assert (tags["id"], tags["id.f58plain"], tags["jobid.kvs"]) == (
        "f2", "f2", "job.0000.0000.0000.0001",
    )  # fmt: skip


@needs_flux
def test_the_forms_are_those_of_flux() -> None:
    """Check the forms that ``flux job id`` makes; formats of Python know all."""
    code = (
        "import sys; from flux.job import JobID\n"
        "for id in sys.argv[1:]:\n"
        "    job = JobID(int(id)); print(*(getattr(job, form, '') for form in "
        f"{FORMS!r}))"
    )
    done = subprocess.run(
        ["flux", "python", "-c", code, *map(str, WORDS)],
        env=clean_environment(LANG="C.UTF-8"), capture_output=True, text=True, check=True,
    )  # fmt: skip
    for jobid, line in zip(WORDS, done.stdout.splitlines(), strict=True):
        ours = [encode_as(jobid, form, encode_fancy(jobid)) for form in FORMS]
        assert line.split() == ours
