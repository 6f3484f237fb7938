"""The page of the options of Flux's commands: in step with both parsers."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.running import clean_environment, needs_flux
from tools import flux_option_notes as notes
from tools import make_flux_options as page


def test_the_page_is_what_the_generator_makes() -> None:
    assert page.TARGET.read_text(encoding="utf-8") == page.made(), "run make generate"


def test_each_difference_has_a_reason_and_each_reason_an_option() -> None:
    assert page.faults() == []


@pytest.mark.parametrize("command", notes.COMMANDS)
def test_a_short_option_means_the_same_or_is_refused(command: str) -> None:
    """Check that a letter that Flux has is not another option of ours."""
    ours = page.our_options(notes.COMMANDS[command]) or {}
    for option in page.options_of_flux(command):
        short, long = option.names[0], option.names[-1]
        action = ours.get(short)
        if action is None or short.startswith("--"):
            continue
        names = {flag for flag in action.option_strings if flag.startswith("--")}
        where = f"fluxapi {notes.COMMANDS[command]} {short} and flux {command} {short}"
        assert (long in names) if long != short else not names, where
        assert (action.nargs != 0) == option.takes_value, where


@needs_flux
def test_the_recorded_options_are_those_of_flux() -> None:
    version = subprocess.run(
        ["flux", "--version"],
        env=clean_environment(), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    if page.release not in version.stdout:
        pytest.skip(f"the recorded options are those of Flux {page.release}: {version.stdout}")
    done = subprocess.run(
        ["flux", "python", str(page.ROOT / "tools" / "record_flux_options.py"), "--print"],
        env=clean_environment(), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    recorded = (page.ROOT / "tools" / "flux_options.json").read_text(encoding="utf-8")
    assert json.loads(recorded) == json.loads(done.stdout)
