"""Generate ``docs/flux-options.md``: each option of Flux's commands, and its counterpart in ours.

    python -m tools.make_flux_options            write the page
    python -m tools.make_flux_options --check    fail if it is out of date, or a note is missing

The options of Flux are in ``tools/flux_options.json`` (see ``tools/record_flux_options.py``), ours
in the parsers, and the reasons in ``tools/flux_option_notes.py``.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fluxapi.cli.command_index import COMMANDS as OURS
from fluxapi.cli.program import build_parser
from tools import flux_option_notes as notes
from tools.generated import write_or_check

__all__ = ["TARGET", "Option", "faults", "made", "options_of_flux", "our_options", "release"]

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "flux-options.md"
_RECORD = json.loads((ROOT / "tools" / "flux_options.json").read_text(encoding="utf-8"))

release: str = _RECORD["release"]
"""The release of Flux whose options are recorded."""

_HEAD = f"""\
# Options of Flux's commands

This page lists each option of the commands of Flux {release}, and its counterpart in fluxapi. *The
same* means an option with the same names and meaning. `fluxapi COMMAND --help` shows all options of
a command, including those that Flux does not have. `make generate` writes this page from both
parsers.
"""
_UNEXPLAINED = "not supported"


class Option(NamedTuple):
    """An option of Flux: as the page shows it, its names, and whether it takes a value."""

    shown: str
    names: tuple[str, ...]
    takes_value: bool

    @classmethod
    def parse(cls, text: str) -> Option:
        """Parse ``-n, --name=VALUE``."""
        named, equals, _ = text.partition("=")
        names = tuple(name.rstrip("[") for name in named.split(", "))
        return cls(text, names, bool(equals))


def options_of_flux(command: str) -> list[Option]:
    """Return the recorded options of a command of Flux."""
    return [Option.parse(text) for text in _RECORD["options"][command]]


def our_options(command: str) -> dict[str, argparse.Action] | None:
    """Return the options of one of our commands by name; ``None`` if there is no such command."""
    first, *below = command.split()
    if not any(first in group for group in OURS.values()):
        return None
    parser: Any = build_parser(first)
    for word in (first, *below):
        choices = _choices(parser)
        if word not in choices:
            return None
        parser = choices[word]
    return {flag: action for action in _actions(parser) for flag in action.option_strings}


def _actions(parser: Any) -> list[argparse.Action]:
    actions: list[argparse.Action] = parser._actions  # noqa: SLF001 - argparse publishes no list
    return actions


def _choices(parser: Any) -> Mapping[str, Any]:
    for action in _actions(parser):
        if isinstance(action.choices, Mapping):
            return action.choices
    return {}


def _note(table: Mapping[str, Mapping[str, str]], command: str, option: Option) -> str | None:
    for key in (command, "*"):
        for name in option.names:
            if name in table.get(key, {}):
                return table[key][name]
    return None


def _is_there(option: Option, ours: Mapping[str, argparse.Action]) -> bool:
    """Return whether all names of an option are names of one of ours that takes a value alike."""
    found = [ours.get(name) for name in option.names]
    first = found[0]
    return (
        first is not None
        and all(action is first for action in found)
        and (first.nargs != 0) == option.takes_value
    )


def _rows(command: str, ours: Mapping[str, argparse.Action]) -> Iterator[tuple[str, str]]:
    """Yield each option of a command, and its counterpart in ours."""
    for option in options_of_flux(command):
        shown = f"`{option.shown}`".replace("|", "\\|")
        if _is_there(option, ours):
            how = _note(notes.DIFFERENT, command, option)
            yield shown, f"different: {how}" if how else "the same"
        else:
            why = _note(notes.ABSENT, command, option)
            yield shown, f"not supported: {why}" if why else _UNEXPLAINED


def made() -> str:
    """Return the page."""
    parts, missing = [_HEAD], []
    for command in _RECORD["options"]:
        name = notes.COMMANDS.get(command)
        ours = our_options(name) if name else None
        if ours is None:
            missing.append(command)
            continue
        parts.append(_section(command, notes.WRITTEN.get(command, name or ""), ours))
    if missing:
        why = notes.ABSENT_COMMANDS
        lines = [f"| `flux {it}` | {why.get(it, _UNEXPLAINED)} |" for it in missing]
        head = ["## Unsupported commands", "", *_table("command")]
        parts.append("\n".join([*head, *lines, ""]))
    return "\n".join(parts)


def _table(first: str) -> list[str]:
    return [f"| {first} | in fluxapi |", "|---|---|"]


def _section(command: str, written: str, ours: Mapping[str, argparse.Action]) -> str:
    rows: dict[str, list[str]] = {"the same": []}
    for shown, how in _rows(command, ours):
        rows.setdefault(how, []).append(shown)
    lines = [f"## flux {command}", "", f"In fluxapi: `fluxapi {written}`."]
    if any(rows.values()):
        lines += ["", *_table("option")]
        lines += [f"| {', '.join(shown)} | {how} |" for how, shown in rows.items() if shown]
    return "\n".join([*lines, ""])


def faults() -> list[str]:
    """Return what is missing or superfluous in the notes."""
    found, used = [], set()
    for command in _RECORD["options"]:
        name = notes.COMMANDS.get(command)
        ours = our_options(name) if name else None
        if ours is None:
            if command not in notes.ABSENT_COMMANDS:
                found.append(f"flux {command}: no command of ours, and no reason")
            continue
        for option in options_of_flux(command):
            is_there = _is_there(option, ours)
            table = notes.DIFFERENT if is_there else notes.ABSENT
            if not is_there and _note(table, command, option) is None:
                found.append(
                    f"flux {command} {option.shown}: not supported, and no reason in ABSENT"
                )
            used |= {(id(table), key, one) for key in (command, "*") for one in option.names}
    for label, table in (("DIFFERENT", notes.DIFFERENT), ("ABSENT", notes.ABSENT)):
        found += [
            f"{label}[{key!r}][{name!r}] is for no option"
            for key, names in table.items()
            for name in names
            if (id(table), key, name) not in used
        ]
    return found


def main() -> int:
    """Write the page, or check it."""
    return write_or_check(TARGET, made(), faults())


if __name__ == "__main__":
    sys.exit(main())
