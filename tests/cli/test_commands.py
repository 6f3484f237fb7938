"""The list of commands: generated from the modules, and shown by the help."""

from __future__ import annotations

from tools.make_commands import TARGET, made


def test_the_list_is_what_the_generator_makes() -> None:
    assert TARGET.read_text(encoding="utf-8") == made(), "run make generate"
