"""The words of a directive, as options of ``flux batch`` with their values."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from .message import Message, NotReadable, field_message

__all__ = ["NUMBERS", "SWITCHES", "TEXTS", "UnknownOptionError", "options"]

NUMBERS = {
    "nslots": "num_slots",
    "cores-per-slot": "cores_per_slot",
    "gpus-per-slot": "gpus_per_slot",
    "nodes": "num_nodes",
}
"""Options with a number, and their fields."""

TEXTS = {
    "job-name": "name", "queue": "queue", "bank": "bank", "cwd": "cwd", "input": "input",
    "output": "output", "error": "error",
}  # fmt: skip
"""Options with a text, and their fields."""

SWITCHES = {
    "exclusive": "exclusive", "unbuffered": "unbuffered", "label-io": "label_io", "wrap": "wrap",
}  # fmt: skip
"""Options without a value, and their fields."""

_SHORT = {
    "n": "nslots", "c": "cores-per-slot", "g": "gpus-per-slot", "N": "nodes", "x": "exclusive",
    "t": "time-limit", "q": "queue", "B": "bank", "o": "setopt", "S": "setattr",
    "u": "unbuffered", "l": "label-io",
}  # fmt: skip
_HIDDEN = {"require": "requires", "broker-opt": "broker-opts", "dry": "dry-run"}
_SPECIAL = (
    "time-limit", "urgency", "setopt", "setattr", "add-file", "dependency", "requires",
    "begin-time", "env", "env-remove", "rlimit", "flags", "signal", "conf", "broker-opts", "dump",
    "resources-shape",
)  # fmt: skip
_IGNORED = frozenset({"quiet"})
_NOT_IN_A_SCRIPT = field_message("not_in_a_script")
_NOT_SUPPORTED = field_message("not_supported")
_UNUSABLE: Mapping[str, Message] = {
    "env-file": field_message("no_file_of_yours", instead="--env=NAME=VALUE"),
    "dry-run": _NOT_IN_A_SCRIPT,
    "help": _NOT_IN_A_SCRIPT,
    "list-plugins": _NOT_IN_A_SCRIPT,
    "debug-emulate": _NOT_SUPPORTED,
    "resources-json": field_message("no_file_of_yours", instead="--resources-shape"),
    "add-brokers": _NOT_SUPPORTED,
}
_KNOWN = frozenset({*NUMBERS, *TEXTS, *SWITCHES, *_SPECIAL, *_IGNORED, *_UNUSABLE})
_USABLE = sorted(_KNOWN - _UNUSABLE.keys())
_ELSEWHERE = {
    "A": "bank", "account": "bank", "begin": "begin-time", "chdir": "cwd",
    "constraint": "requires", "C": "requires", "cores": "cores-per-slot",
    "cores-per-task": "cores-per-slot", "cpus-per-task": "cores-per-slot", "D": "cwd",
    "d": "dependency", "export": "env", "e": "error", "gpus-per-task": "gpus-per-slot",
    "i": "input", "J": "job-name", "name": "job-name", "ntasks": "nslots", "p": "queue",
    "partition": "queue", "time": "time-limit", "walltime": "time-limit",
}  # fmt: skip
"""Options of other commands and workload managers, and those of ``flux batch`` in their place."""

_MANY = frozenset({"array", "bcc", "cc"})
"""Options of other commands that submit a job for each number."""

_MAX_GUESSED_LENGTH = 24
"""Characters of the longest unknown option that is compared with the known ones."""


class UnknownOptionError(NotReadable):
    """A word of a directive is not an option of ``flux batch``."""

    def __init__(self, word: str) -> None:
        if word.lstrip("-").partition("=")[0] in _MANY:
            super().__init__("no_option_of_batch_many", word=repr(word[:80]))
        else:
            super().__init__("no_option_of_batch", word=repr(word[:80]))
        self._word = word

    def guess(self) -> Message:
        """Return the sentence, with the option that was probably meant."""
        meant = _meant(self._word.lstrip("-")[: _MAX_GUESSED_LENGTH + 1])
        if not meant:
            return field_message("unreadable", why=self.message)
        return field_message("no_option_of_batch_near", word=repr(self._word[:80]), near=meant)


def options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the long name of each option, and its value; raise ``ValueError``.

    The value is empty for an option that takes none, and for ``--dump`` without one.
    """
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        switches, name, inline = _cut(word)
        yield from ((switch, "") for switch in switches)
        _check(name, word)
        if name in SWITCHES or name in _IGNORED:
            if inline is not None:
                raise NotReadable("option_takes_no_value", option=f"--{name}")
        elif inline is None and at < len(words) and not words[at].startswith("-"):
            inline = words[at]
            at += 1
        elif inline is None and name != "dump":
            raise NotReadable("option_needs_value", option=f"--{name}")
        if name not in _IGNORED:
            yield name, inline or ""


def _cut(word: str) -> tuple[list[str], str, str | None]:
    """Return the switches in front, as in ``-xN4``, the long name of the option, and its value."""
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        return [], _HIDDEN.get(name, name), value if equals else None
    if not word.startswith("-"):
        raise NotReadable("no_option", word=repr(word[:80]))
    switches: list[str] = []
    for place, letter in enumerate(word[1:], 2):
        name, rest = _SHORT.get(letter, ""), word[place:]
        if name not in SWITCHES or not rest or rest.startswith("="):
            return switches, name, rest.removeprefix("=") if rest else None
        switches.append(name)
    return switches, "", None


def _check(name: str, word: str) -> None:
    if name not in _KNOWN:
        raise UnknownOptionError(word.partition("=")[0])
    if name in _UNUSABLE:
        raise NotReadable("option_unusable", option=f"--{name}", why=_UNUSABLE[name])


def _meant(name: str) -> str | None:
    """Return the option that an unknown *name* probably means; this takes up to a millisecond."""
    if name in _ELSEWHERE:
        return _ELSEWHERE[name]
    if not 1 < len(name) <= _MAX_GUESSED_LENGTH:
        return None
    return next(iter(difflib.get_close_matches(name, _USABLE, n=1)), None)
