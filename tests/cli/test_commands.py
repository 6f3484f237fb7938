"""The list of commands: generated from the modules, and shown by the help."""

from __future__ import annotations

import pytest

from fluxapi.cli.command_index import COMMANDS
from fluxapi.cli.command_name import named_command
from fluxapi.cli.program import build_parser, run
from tools.make_commands import ROOT, TARGET, made


def test_the_list_is_what_the_generator_makes() -> None:
    assert TARGET.read_text(encoding="utf-8") == made(), "run make generate"


@pytest.mark.parametrize("name", [name for group in COMMANDS.values() for name in group])
def test_a_command_is_in_the_guide(name: str) -> None:
    guide = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert f"fluxapi {name}" in guide, f"docs/cli.md needs an example of fluxapi {name}"


def test_the_command_is_found_behind_each_option_with_a_value() -> None:
    options = [action for action in build_parser("")._actions if action.option_strings]
    for flag in (action.option_strings[-1] for action in options if action.nargs != 0):
        assert named_command([flag, "x", "jobs"]) == "jobs", flag


def test_the_options_of_all_commands_go_together() -> None:
    build_parser()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["submitt", "true"], "there is no command 'submitt' (did you mean submit?)"),
        (["--url", "x", "run", "true"], "there is no command 'run' (did you mean submit --watch?)"),
        (["zzzzzz"], "there is no command 'zzzzzz'"),
    ],
)
def test_a_name_that_is_no_command_is_told_with_the_closest_one(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 2
    assert capsys.readouterr() == ("", f"fluxapi: {message}; see fluxapi --help\n")
