"""The end of a job in the words of Flux, which keeps 158 bytes of long ones."""

from __future__ import annotations

import pytest

from fluxapi.model.job_end import JobEnd, is_unspoken, spoken_note


def flux_sends(text: str) -> bool:
    """Return whether Flux sends a text, cut like ``errprintf.c``."""
    data = text.encode()
    if len(data) > 160:
        data = data[:158] + b"+"
    try:
        data[:159].decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("letter", ["x", "\u00e4", "\u20ac", "\U0001f600"])
@pytest.mark.parametrize("kind", ["cancel", "x", "k" * 64])
def test_a_note_is_cut_between_characters(kind: str, letter: str) -> None:
    for size in range(60, 180):
        for before in range(4):
            note = "a" * before + letter * (size // len(letter.encode())) + "b"
            text = f"Fatal exception type={kind} {note}"
            assert is_unspoken(JobEnd(False, text)) is not flux_sends(text)
            spoken = spoken_note(kind, note)
            assert flux_sends(f"Fatal exception type={kind} {spoken}")
            assert spoken.strip() == note
            if flux_sends(text):
                assert spoken == note
