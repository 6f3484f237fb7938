"""The named formats of ``-o NAME``: Flux's own, and those of its config files."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from fluxapi.process import account

from .format import FormatError

__all__ = ["BUILTIN", "JOBS", "PGREP", "FormatSet", "describe", "find", "load", "snippet"]

_ID = "{id.f58:>12}"
_QUEUE = "?:{queue:<8.8}"
_USER_AND_NAME = "+:{username:<8} {name:<10.10+}"
_SIZE = "{ntasks:>6} {nnodes:>6h}"
_TIMES = "{t_submit!d:%b%d %R::>12} {t_remaining!F:>12h}"
_PRIORITY = "{urgency:<3} {priority:<12} {state:<8.8}"
_END = "{t_inactive!d:%b%d %R::>12h}"
_TIME_AND_INFO = "{contextual_time!F:>8h} {contextual_info}"

BUILTIN: dict[str, tuple[str, str]] = {
    "default": (
        "the default of flux jobs",
        f"{_ID} {_QUEUE} {_USER_AND_NAME} {{status_abbrev:>2.2}} {_SIZE} {_TIME_AND_INFO}",
    ),
    "cute": (
        "the default with emojis",
        f"{_ID} {_QUEUE} {_USER_AND_NAME} {{status_emoji:>5.5}} {_SIZE} {_TIME_AND_INFO}",
    ),
    "long": (
        "full status, submit time and remaining time",
        f"{_ID} {_QUEUE} {_USER_AND_NAME} {{status:>9.9}} {_SIZE} {_TIMES} {_TIME_AND_INFO}",
    ),
    "deps": (
        "urgency, priority and dependencies",
        f"{_ID} {_QUEUE} {{name:<10.10+}} {_PRIORITY} {{dependencies}}",
    ),
    "endreason": (
        "why each job ended",
        f"{_ID} {_QUEUE} {_USER_AND_NAME} {{status_abbrev:>2.2}} {_END} {{inactive_reason}}",
    ),
}
"""Description and format of each name (flux-core, src/cmd/flux-jobs.py)."""

_OWN = {
    "note": (
        "why each job waits, or did not complete, as on the pages",
        f"{_ID} {_QUEUE} {_USER_AND_NAME} {{status_abbrev:>2.2}} {_END} {{note}}",
    ),
}
"""The formats that ``flux jobs`` does not have."""

_STATUS = "{status:>9.9}"
_PGREP = {
    "default": ("the default of flux pgrep", "{id.f58}"),
    "full": (
        "all that flux jobs shows",
        f"{_ID} {_QUEUE} {_USER_AND_NAME} {{status_abbrev:>2.2}} {_SIZE} {_TIME_AND_INFO}",
    ),
    "long": (
        "full status, submit time and remaining time",
        f"{_ID} {_QUEUE} {_USER_AND_NAME} {_STATUS} {_SIZE} {_TIMES} {_TIME_AND_INFO}",
    ),
    "deps": BUILTIN["deps"],
}


class FormatSet(NamedTuple):
    """The formats of one command of Flux.

    ``variable`` names the default, ``stem`` is that of its config files, and ``table`` the table
    in them that holds its formats; ``""`` is the whole file.
    """

    builtin: Mapping[str, tuple[str, str]]
    variable: str
    stem: str = "flux-jobs"
    table: str = ""


JOBS = FormatSet({**BUILTIN, **_OWN}, "FLUX_JOBS_FORMAT_DEFAULT")
PGREP = FormatSet(_PGREP, "FLUX_PGREP_FORMAT_DEFAULT")


def load(environ: Mapping[str, str], of: FormatSet = JOBS) -> dict[str, tuple[str, str]]:
    """Return all formats: the built-in ones and those of the files of Flux's command.

    The files are those that Flux reads, such as ``flux/flux-jobs.toml`` and ``.json`` in
    $XDG_CONFIG_HOME and $XDG_CONFIG_DIRS.
    Raises :class:`~fluxapi.cli.format.FormatError` for an invalid file.
    """
    found = dict(of.builtin)
    for path in _files(environ, of.stem):
        for name, entry in _entries(path, of.table):
            if name not in of.builtin:
                found[name] = (str(entry.get("description", "")), entry["format"])
    return found


def find(text: str, environ: Mapping[str, str], of: FormatSet = JOBS) -> str:
    """Return the format for the value of ``-o``; raise :class:`~.format.FormatError`."""
    if "{" in text:
        return text
    if text == "default":
        text = environ.get(of.variable, text)
        if "{" in text:
            return text
    formats = load(environ, of)
    if text not in formats:
        meant = re.sub(r"\w+", r"{\g<0>}", text)
        raise FormatError(
            f"Unknown format {text!r}; see -o help for a list (did you mean {meant!r}?)."
        )
    return formats[text][1]


def describe(environ: Mapping[str, str], of: FormatSet = JOBS) -> str:
    """Return the list for ``-o help``."""
    lines = [f"  {name:<12} {what}".rstrip() for name, (what, _) in load(environ, of).items()]
    return "\n".join(["Formats:", "", *lines])


def snippet(name: str, environ: Mapping[str, str], of: FormatSet = JOBS) -> str:
    """Return the text for ``-o get-config=NAME``: the format as a table of a TOML file."""
    formats = load(environ, of)
    if name not in formats:
        raise FormatError(f"Unknown format {name!r}; see -o help for a list.")
    what, text = formats[name]
    prefix = f"{of.table}." if of.table else ""
    return (
        f"[{prefix}formats.{name}]\ndescription = {json.dumps(what)}\nformat = {json.dumps(text)}"
    )


def _files(environ: Mapping[str, str], stem: str) -> Iterator[Path]:
    """Yield the config files in ascending order of precedence."""
    home = account.home()
    user = environ.get("XDG_CONFIG_HOME") or (str(home / ".config") if home else "")
    folders = [*filter(None, [user]), *(environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")]
    for folder in reversed(folders):
        for ending in ("json", "toml"):
            path = Path(folder, "flux", f"{stem}.{ending}")
            if path.is_file():
                yield path


def _entries(path: Path, table: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = json.loads(text) if path.suffix == ".json" else _toml(text)
        formats = (document.get(table, {}) if table else document).get("formats", {})
        for name, entry in formats.items():
            yield name, {**entry, "format": _text(entry["format"])}
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise FormatError(f"{path} is invalid: {error}.") from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a format must be text")
    return value


def _toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415 - only if there is such a file
    else:
        import tomli as tomllib  # noqa: PLC0415 - as above
    document: dict[str, Any] = tomllib.loads(text)
    return document
