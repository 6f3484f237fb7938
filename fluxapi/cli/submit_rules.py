"""The rules of ``--env`` and ``--rlimit``, which select from this shell."""

from __future__ import annotations

import fnmatch
import resource
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

__all__ = ["environment", "limits"]


def environment(rules: Iterable[str], ours: Mapping[str, str]) -> dict[str, str]:
    """Apply the rules in order and return the variables; values are not expanded."""
    found: dict[str, str] = {}
    for rule in rules:
        name, equals, value = rule.partition("=")
        if rule.startswith("^"):
            lines = Path(rule[1:]).read_text(encoding="utf-8-sig").splitlines()
            kept = [line for line in lines if line.strip() and not line.startswith(("#", "^"))]
            found |= environment(kept, ours)
        elif rule.startswith("-"):
            found = {k: v for k, v in found.items() if not fnmatch.fnmatchcase(k, rule[1:])}
        elif equals:
            found[name] = value
        else:
            found |= {k: v for k, v in ours.items() if fnmatch.fnmatchcase(k, rule)}
    return found


def limits(rules: Iterable[str]) -> dict[str, int]:
    """Apply the rules and return the limits; −1 is unlimited."""
    found: dict[str, int] = {}
    for rule in rules:
        name, equals, value = rule.partition("=")
        name = name.lower()
        if rule.startswith("-"):
            found = {k: v for k, v in found.items() if not fnmatch.fnmatchcase(k, name[1:])}
        elif equals:
            found[name] = -1 if value.lower() in {"unlimited", "infinity"} else _number(rule, value)
        else:
            found |= {
                known: resource.getrlimit(number)[0]
                for known, number in _shell_limits()
                if fnmatch.fnmatchcase(known, name)
            }
    return found


def _shell_limits() -> Iterator[tuple[str, int]]:
    for name in dir(resource):
        if name.startswith("RLIMIT_"):
            yield name.removeprefix("RLIMIT_").lower(), getattr(resource, name)


def _number(rule: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"--rlimit={rule}: the limit is a number or unlimited.") from None
