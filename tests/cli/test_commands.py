"""The list of commands: generated from the modules, and shown by the help."""

from __future__ import annotations

from fluxapi.cli.command_name import named_command
from fluxapi.cli.program import build_parser
from tools.make_commands import TARGET, made


def test_the_list_is_what_the_generator_makes() -> None:
    assert TARGET.read_text(encoding="utf-8") == made(), "run make generate"


def test_the_command_is_found_behind_each_option_with_a_value() -> None:
    options = [action for action in build_parser("")._actions if action.option_strings]
    for flag in (action.option_strings[-1] for action in options if action.nargs != 0):
        assert named_command([flag, "x", "jobs"]) == "jobs", flag


def test_the_options_of_all_commands_go_together() -> None:
    build_parser()
