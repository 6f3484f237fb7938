"""A short option means what it means to the flux command of the same purpose, or is refused."""

from __future__ import annotations

import argparse
import re
import subprocess
from typing import Any, NamedTuple

import pytest

from fluxapi.cli.program import build_parser
from tests.running import clean_environment, needs_flux


class Option(NamedTuple):
    """The long name of a short option (empty: it has none), and whether it takes a value."""

    name: str
    takes_value: bool


SUBMIT = {
    "B": Option("bank", True),
    "N": Option("nodes", True),
    "S": Option("setattr", True),
    "c": Option("cores-per-task", True),
    "g": Option("gpus-per-task", True),
    "l": Option("label-io", False),
    "n": Option("ntasks", True),
    "o": Option("setopt", True),
    "q": Option("queue", True),
    "t": Option("time-limit", True),
    "u": Option("unbuffered", False),
    "v": Option("verbose", False),
    "x": Option("exclusive", False),
}

# flux batch takes -l, too, but its help does not name it.
BATCH = {letter: option for letter, option in SUBMIT.items() if letter not in "lv"} | {
    "c": Option("cores-per-slot", True),
    "g": Option("gpus-per-slot", True),
    "n": Option("nslots", True),
}

FLUX: dict[str, dict[str, Option]] = {
    "submit": SUBMIT,
    "batch": BATCH,
    "alloc": BATCH | {"v": Option("verbose", False)},
    "bulksubmit": SUBMIT,
    "jobs": {
        "A": Option("", False),
        "L": Option("level", True),
        "R": Option("recursive", False),
        "a": Option("", False),
        "c": Option("count", True),
        "f": Option("filter", True),
        "i": Option("include", True),
        "n": Option("no-header", False),
        "o": Option("format", True),
        "q": Option("queue", True),
        "u": Option("user", True),
        "w": Option("width", True),
    },
    "cancel": {
        "S": Option("states", True),
        "m": Option("message", True),
        "n": Option("dry-run", False),
        "q": Option("quiet", False),
        "u": Option("user", True),
    },
    "watch": {
        "A": Option("all", False),
        "a": Option("active", False),
        "c": Option("count", True),
        "f": Option("filter", True),
        "l": Option("label-io", False),
        "v": Option("verbose", False),
    },
    "top": {"q": Option("queue", True)},
    "job attach": {
        "E": Option("show-events", False),
        "X": Option("show-exec", False),
        "i": Option("stdin-ranks", True),
        "l": Option("label-io", False),
        "q": Option("quiet", False),
        "r": Option("read-only", False),
        "u": Option("unbuffered", False),
        "v": Option("verbose", False),
        "w": Option("wait-event", True),
    },
    "job kill": {"s": Option("signal", True)},
    "job raise": {
        "m": Option("message", True),
        "s": Option("severity", True),
        "t": Option("type", True),
    },
    "job urgency": {"v": Option("verbose", False)},
    "job wait": {"a": Option("all", False), "v": Option("verbose", False)},
    "job wait-event": {
        "H": Option("human", False),
        "L": Option("color", True),
        "T": Option("time-format", True),
        "W": Option("waitcreate", False),
        "c": Option("count", True),
        "f": Option("format", True),
        "m": Option("match-context", True),
        "p": Option("path", True),
        "q": Option("quiet", False),
        "t": Option("timeout", True),
        "v": Option("verbose", False),
    },
    "job eventlog": {
        "F": Option("follow", False),
        "H": Option("human", False),
        "L": Option("color", True),
        "T": Option("time-format", True),
        "f": Option("format", True),
        "p": Option("path", True),
    },
    "job info": {"b": Option("base", False), "o": Option("original", False)},
    "resource list": {
        "i": Option("include", True),
        "n": Option("no-header", False),
        "o": Option("format", True),
        "q": Option("queue", True),
        "s": Option("states", True),
    },
    "shutdown": {
        "n": Option("no", False),
        "v": Option("verbose", True),
        "y": Option("yes", False),
    },
}
"""The short options of flux 0.88."""

COUNTERPARTS = {
    "submit": ["submit"],
    "batch": ["batch"],
    "alloc": ["alloc"],
    "bulk": ["bulksubmit"],
    "jobs": ["jobs"],
    "job": ["job info", "job eventlog"],
    "watch": ["watch"],
    "output": ["job attach"],
    "wait": ["job wait", "job wait-event"],
    "cancel": ["cancel"],
    "signal": ["job kill"],
    "urgency": ["job urgency"],
    "nodes": ["resource list"],
    "top": ["top"],
    "stop": ["shutdown"],
}
"""The commands of flux that do what ours do."""


def ours(command: str) -> dict[str, argparse.Action]:
    """Return the short options of one of our commands."""
    parser: Any = build_parser(command)
    commands = next(action for action in parser._actions if action.dest == "command")
    return {
        flag[1]: action
        for action in commands.choices[command]._actions
        for flag in action.option_strings
        if len(flag) == len("-x") and flag != "-h"
    }


@pytest.mark.parametrize("command", COUNTERPARTS)
def test_a_short_option_means_the_same_or_is_refused(command: str) -> None:
    for letter, action in ours(command).items():
        for theirs in COUNTERPARTS[command]:
            option = FLUX[theirs].get(letter)
            if option is None:
                continue
            names = {flag[2:] for flag in action.option_strings if flag.startswith("--")}
            where = f"fluxapi {command} -{letter} and flux {theirs} -{letter}"
            assert (option.name in names) if option.name else not names, where
            assert (action.nargs != 0) == option.takes_value, where


def test_cancel_has_the_options_of_flux() -> None:
    assert set(FLUX["cancel"]) <= set(ours("cancel"))


@needs_flux
@pytest.mark.parametrize("command", FLUX)
def test_the_table_is_that_of_flux(command: str) -> None:
    done = subprocess.run(
        ["flux", *command.split(), "--help"],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = re.findall(
        r"^ +-(\w)(?:, --([\w-]+))?(\[?=|\[| [A-Z])?", done.stdout + done.stderr, re.MULTILINE
    )
    said = {letter: Option(name, bool(value)) for letter, name, value in lines if letter != "h"}
    assert said == FLUX[command]
