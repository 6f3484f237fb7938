"""The rules of ``--env`` and ``--rlimit``, which select from this shell.

They are those of flux-core (``get_filtered_environment`` and ``get_filtered_rlimits`` in
``flux/job/_utils.py``), but they begin with no variable and no limit.
"""

from __future__ import annotations

import fnmatch
import re
import resource
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from string import Template

__all__ = ["environment", "limits"]

_MAX_FILES = 16
"""Files of rules that name each other."""

_UNLIMITED = frozenset({"unlimited", "infinity", "inf"})


def environment(
    rules: Iterable[str], ours: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Apply the rules in order.

    Args:
        rules: The rules, as ``flux submit --env`` takes them.
        ours: The variables of this shell.

    Returns:
        The variables, and the templates that the job shell expands (``{{rank}}``).

    Raises:
        ValueError: A rule is invalid, or names a variable that is not set.
        OSError: A file of rules cannot be read.
    """
    found: dict[str, str] = {}
    templates: dict[str, str] = {}
    _apply(rules, dict(ours), found, templates, _MAX_FILES)
    return found, templates


def _apply(
    rules: Iterable[str],
    ours: dict[str, str],
    found: dict[str, str],
    templates: dict[str, str],
    files: int,
) -> None:
    for rule in rules:
        name, equals, value = rule.partition("=")
        if rule.startswith("-"):
            matches = _pattern(f"--env={rule}", rule[1:])
            for known in [known for known in found if matches(known)]:
                del found[known]
        elif rule.startswith("^"):
            if not files:
                raise ValueError(f"--env={rule}: more than {_MAX_FILES} files name each other.")
            lines = Path(rule[1:]).expanduser().read_text(encoding="utf-8-sig").splitlines()
            kept = (line.strip() for line in lines if not line.lstrip().startswith("#"))
            _apply(filter(None, kept), ours, found, templates, files - 1)
        elif not equals:
            matches = _pattern(f"--env={rule}", rule)
            for known in filter(matches, ours):
                found.setdefault(known, ours[known])
        elif "{{" in value:
            templates[name] = value
        else:
            found[name] = _expanded(rule, value, ChainMap(found, ours))


def _expanded(rule: str, value: str, known: Mapping[str, str]) -> str:
    """Replace ``$NAME`` by the variable of the job, else by that of this shell."""
    try:
        return Template(value).substitute(known)
    except KeyError as error:
        raise ValueError(
            f"--env={rule}: the variable {error} is not set; write $$ for a dollar sign."
        ) from None
    except ValueError:
        raise ValueError(f"--env={rule}: $ needs a name; write $$ for a dollar sign.") from None


def _pattern(option: str, pattern: str) -> Callable[[str], object]:
    """Return a test for names: a glob pattern, or after ``/`` a regular expression."""
    is_regex = pattern.startswith("/")
    text = pattern[1:].rstrip("/") if is_regex else fnmatch.translate(pattern)
    try:
        return re.compile(text).match
    except re.error as error:
        raise ValueError(f"{option}: the regular expression is invalid: {error}.") from None


def limits(rules: Iterable[str]) -> dict[str, int]:
    """Apply the rules and return the limits; −1 is unlimited."""
    found: dict[str, int] = {}
    for rule in (part for text in rules for part in text.split(",")):
        name, equals, value = rule.partition("=")
        name = name.lower()
        if rule.startswith("-"):
            matches = _pattern(f"--rlimit={rule}", name[1:])
            found = {k: v for k, v in found.items() if not matches(k)}
        elif equals:
            found[name] = -1 if value.lower() in _UNLIMITED else _number(rule, value)
        else:
            some = {k: v for k, v in _shell_limits() if fnmatch.fnmatchcase(k, name)}
            if not some:
                raise ValueError(f"--rlimit={rule}: no resource limit has this name.")
            found |= some
    return found


def _shell_limits() -> Iterator[tuple[str, int]]:
    for name in dir(resource):
        if name.startswith("RLIMIT_"):
            number = getattr(resource, name)
            yield name.removeprefix("RLIMIT_").lower(), resource.getrlimit(number)[0]


def _number(rule: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"--rlimit={rule}: the limit is a number or unlimited.") from None
