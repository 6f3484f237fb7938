"""The fields of a request (``schemas/submit.json``) that the directives of a batch script give."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import batch_conf
from .batch_words import NUMBERS, SWITCHES, TEXTS, UnknownOptionError, options
from .constraint_query import ConstraintError, constraint
from .directives import Directive, Wrong
from .message import Message, NotReadable, Sentence, field_message, said_in
from .moments import is_phrase, parse_moment
from .options import attribute_path, merge, put, read_value, too_deep
from .per_resource import SHAPING
from .resource_shape import resources_of
from .signals import early_signal
from .times import parse_duration, parse_time

__all__ = ["DUMP_FILE", "Fields", "fields_of", "merged"]

MAX_VALUE_LENGTH = 32_768
"""Characters of a variable after the expansion of others in it."""

MAX_ENVIRONMENT_LENGTH = 262_144
"""Characters of all variables after the expansion of others in them."""

MAX_CONSTRAINT_LENGTH = 4096
MAX_CONSTRAINTS = 200
MAX_PATTERNS = 100
"""Patterns that remove variables or limits; each is compared with all of them."""

MAX_PATTERN_LENGTH = 64
MAX_RLIMITS = 64
MAX_GUESSES = 10
"""Unknown options for which a known one is suggested: each takes up to a millisecond."""

_NUMBER = re.compile(r"[0-9]{1,10}\Z", re.ASCII)
_VARIABLE = re.compile(r"\$(?:(\$)|([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\}|)")
_FLAGS = ("waitable", "debug")
DUMP_FILE = "flux-{{jobid}}-dump.tgz"
_UNLIMITED = frozenset({"unlimited", "infinity", "inf"})

_MAX_PHRASES = 8
_MAX_PHRASE_LENGTH = 32
_MAX_PHRASE_WORDS = 5
"""Limits of phrases such as ``tomorrow 9am``, of which each takes some milliseconds."""


@dataclass(slots=True)
class Fields:
    """The fields that directives give, the lines that give them, and the wrong directives.

    ``lines`` has the last line that gives each field.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    wrong: list[Wrong] = field(default_factory=list)


def fields_of(
    directives: Iterable[Directive], environment: Mapping[str, str], now: float
) -> Fields:
    """Return the fields that *directives* give.

    Args:
        directives: The directives of one script, in order; later ones win.
        environment: The variables that every job has, for ``$NAME`` in ``--env``.
        now: The time, for ``--begin-time=+1h``.
    """
    reader = _Reader(environment, now)
    for directive in directives:
        reader.read(directive)
    return reader.finish()


def merged(given: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the directives and those of the *request*, which win.

    As with ``flux batch``, the members of objects are merged, and lists are appended.
    """
    whole = dict(given)
    for name, value in request.items():
        before = whole.get(name)
        if before is None:
            whole[name] = value
        elif name in {"shell_options", "attributes"}:
            tree: dict[str, Any] = {}
            whole[name] = tree
            for members in (before, value):
                for key, item in members.items():
                    merge(tree, attribute_path(key) if name == "attributes" else key, item)
        elif name == "conf":
            whole[name] = batch_conf.joined(before, value)
        elif name == "constraints":
            whole[name] = {"and": [before, value]}
        elif isinstance(before, dict):
            whole[name] = {**before, **value}
        elif isinstance(before, list) and name != "resources":
            whole[name] = [*before, *value]
        else:
            whole[name] = value
    # As in Flux, all other requests for resources are ignored beside a shape.
    ignored = SHAPING if "resources" in whole else ()
    return {name: value for name, value in whole.items() if name not in ignored}


class _Reader:
    """The fields of the directives read so far."""

    def __init__(self, environment: Mapping[str, str], now: float) -> None:
        self._common = environment
        self._now = now
        self._environment: dict[str, str] = {}
        self._expand: dict[str, str] = {}
        self._rlimits: dict[str, int] = {}
        self._shell: dict[str, Any] = {}
        self._attributes: dict[str, Any] = {}
        self._dependencies: list[str] = []
        self._constraints: list[str] = []
        self._broker: list[str] = []
        self._environment_length = self._pattern_count = self._unknown_count = 0
        self._phrase_count = 0
        self._conf: dict[str, Any] = {}
        self._found = Fields()
        self._special: Mapping[str, Callable[[str, int], None]] = {
            "time-limit": self._time_limit,
            "urgency": self._urgency,
            "signal": self._signal,
            "setopt": self._setopt,
            "setattr": self._setattr,
            "add-file": self._add_file,
            "dependency": self._dependency,
            "begin-time": self._begin_time,
            "requires": self._requires,
            "env": self._env,
            "env-remove": self._env_remove,
            "rlimit": self._rlimit,
            "flags": self._flags,
            "conf": self._add_conf,
            "broker-opts": self._broker_opts,
            "dump": self._dump,
            "resources-shape": self._shape,
        }

    def read(self, directive: Directive) -> None:
        """Read the options of a directive; a wrong one ends it."""
        try:
            for name, value in options(directive.words):
                self._take(name, value, directive.line)
        except UnknownOptionError as error:
            self._unknown_count += 1
            is_guessed = self._unknown_count <= MAX_GUESSES
            why = error.guess() if is_guessed else _ended(error.message)
            self._found.wrong.append(Wrong(directive.line, why))
        except ValueError as error:
            self._found.wrong.append(Wrong(directive.line, _ended(said_in(error))))

    def finish(self) -> Fields:
        """Return the fields of all directives."""
        fields = self._found.fields
        combined = {
            "environment": self._environment,
            "env_expand": self._expand,
            "rlimits": self._rlimits,
            "shell_options": self._shell,
            "attributes": self._attributes,
            "dependencies": self._dependencies,
            "conf": self._conf,
            "broker_opts": self._broker,
        }
        fields |= {name: value for name, value in combined.items() if value}
        if self._constraints:
            try:
                fields["constraints"] = constraint(" ".join(self._constraints))
            except ConstraintError as error:
                line = self._found.lines.get("constraints", 1)
                why = field_message("of_option", option="--requires", why=said_in(error))
                self._found.wrong.append(Wrong(line, _ended(why)))
        return self._found

    def _take(self, name: str, value: str, line: int) -> None:
        if name in NUMBERS:
            self._set(NUMBERS[name], _number(name, value), line)
        elif name in TEXTS:
            self._set(TEXTS[name], value, line)
        elif name in SWITCHES:
            self._set(SWITCHES[name], True, line)
        else:
            place = _FIELDS.get(name)
            if place is not None:
                self._found.lines[place] = line
            try:
                self._special[name](value, line)
            except ValueError as error:
                shown = f"--{name}" if "\n" in value else f"--{name}={value[:80]}"
                raise NotReadable("of_option", option=shown, why=said_in(error)) from None

    def _set(self, field: str, value: Any, line: int) -> None:
        self._found.fields[field] = value
        self._found.lines[field] = line

    def _time_limit(self, value: str, line: int) -> None:
        seconds = parse_duration(value)
        # A bare number is minutes, as for flux batch.
        self._set("duration", seconds if value[-1].isalpha() else seconds * 60, line)

    def _urgency(self, value: str, line: int) -> None:
        self._set("urgency", int(value) if _NUMBER.match(value) else value, line)

    def _signal(self, value: str, _line: int) -> None:
        self._shell["signal"] = early_signal(value)

    def _setopt(self, value: str, _line: int) -> None:
        key, item = _keyval(value)
        put(self._shell, batch_conf.levels(key), item)

    def _setattr(self, value: str, _line: int) -> None:
        key, item = _keyval(value)
        for root in (".", "attributes."):
            if key.startswith(root):
                key = key.removeprefix(root)
                break
        else:
            key = key if key.startswith(("system.", "user.")) else f"system.{key}"
        put(self._attributes, batch_conf.levels(key), item)

    def _add_file(self, value: str, _line: int) -> None:
        name, _, content = value.replace("\\n", "\n").partition("=")
        if "\n" not in content:
            raise NotReadable("names_file_content")
        mode = 0o600
        before, _, octal = name.rpartition(":")
        if re.fullmatch(r"[0-7]{1,4}", octal, re.ASCII) and before:
            name, mode = before, int(octal, 8)
        files = self._attributes.setdefault("system", {}).setdefault("files", {})
        files[name] = {"mode": 0o100000 | mode, "data": content, "encoding": "utf-8"}

    def _dependency(self, value: str, _line: int) -> None:
        self._dependencies.append(value)

    def _begin_time(self, value: str, _line: int) -> None:
        if is_phrase(value):
            # The library that reads phrases takes seconds for long ones.
            self._phrase_count += 1
            if self._phrase_count > _MAX_PHRASES:
                raise NotReadable("more_than", limit=_MAX_PHRASES)
            if len(value) > _MAX_PHRASE_LENGTH or len(value.split()) > _MAX_PHRASE_WORDS:
                # Long seconds since the epoch and wrong texts.
                self._dependencies.append(f"begin-time:{parse_time(value, self._now)}")
                return
        self._dependencies.append(f"begin-time:{parse_moment(value, self._now)}")

    def _shape(self, value: str, line: int) -> None:
        self._set("resources", resources_of(value), line)

    def _requires(self, value: str, _line: int) -> None:
        if len(value) + sum(map(len, self._constraints)) > MAX_CONSTRAINT_LENGTH:
            raise NotReadable("constraints_too_long", limit=MAX_CONSTRAINT_LENGTH)
        if len(self._constraints) >= MAX_CONSTRAINTS:
            raise NotReadable("more_than", limit=MAX_CONSTRAINTS)
        constraint(value)
        self._constraints.append(value)

    def _pattern(self, text: str) -> str:
        """Return a pattern that removes variables or limits; raise ``ValueError`` for too many."""
        self._pattern_count += 1
        if self._pattern_count > MAX_PATTERNS:
            raise NotReadable("too_many_patterns", limit=MAX_PATTERNS)
        if len(text) > MAX_PATTERN_LENGTH:
            raise NotReadable("pattern_too_long", limit=MAX_PATTERN_LENGTH)
        return text

    def _env(self, value: str, line: int) -> None:
        if value.startswith("-"):
            self._env_remove(value[1:], line)
            return
        name, equals, text = value.partition("=")
        if value.startswith("^") or not equals:
            raise NotReadable("no_variables_of_yours")
        if "{{" in text:
            self._expand[name] = text
        else:
            self._environment[name] = self._expanded(text)

    def _env_remove(self, pattern: str, _line: int) -> None:
        if pattern.startswith("/"):
            raise NotReadable("no_regular_expression")
        matching = re.compile(fnmatch.translate(self._pattern(pattern)))
        for name in [name for name in self._environment if matching.match(name)]:
            del self._environment[name]

    def _expanded(self, text: str) -> str:
        """Replace ``$NAME`` by the value of a variable of the job."""
        parts: list[str] = []
        length = end = 0
        for match in _VARIABLE.finditer(text):
            escaped, name = match[1], match[2] or match[3]
            known = "$" if escaped else self._environment.get(name, self._common.get(name))
            if known is None:
                raise NotReadable("no_variable", name=match[0])
            parts += text[end : match.start()], known
            length += match.start() - end + len(known)
            end = match.end()
            if length > MAX_VALUE_LENGTH:
                raise NotReadable("value_too_long", limit=MAX_VALUE_LENGTH)
        value = "".join([*parts, text[end:]])
        self._environment_length += len(value)
        if self._environment_length > MAX_ENVIRONMENT_LENGTH:
            raise NotReadable("variables_too_long", limit=MAX_ENVIRONMENT_LENGTH)
        return value

    def _rlimit(self, value: str, _line: int) -> None:
        for rule in value.split(","):
            name, equals, text = rule.partition("=")
            if rule.startswith("-"):
                pattern = self._pattern(rule[1:]).lower()
                kept = self._rlimits.items()
                self._rlimits = {k: v for k, v in kept if not fnmatch.fnmatchcase(k, pattern)}
            elif not equals:
                raise NotReadable("no_limits_of_yours")
            elif len(self._rlimits) >= MAX_RLIMITS:
                raise NotReadable("too_many_limits")
            elif text in _UNLIMITED:
                self._rlimits[name.lower()] = -1
            elif _NUMBER.match(text):
                self._rlimits[name.lower()] = int(text)
            else:
                raise NotReadable("no_limit")

    def _flags(self, value: str, line: int) -> None:
        for flag in filter(None, value.split(",")):
            if flag not in _FLAGS:
                raise NotReadable("no_flag", flag=repr(flag[:80]), options=_FLAGS)
            self._set(flag, True, line)

    def _add_conf(self, value: str, _line: int) -> None:
        batch_conf.update(self._conf, value)

    def _broker_opts(self, value: str, _line: int) -> None:
        self._broker += value.split(",")

    def _dump(self, value: str, line: int) -> None:
        self._set("dump", value or DUMP_FILE, line)


_FIELDS = {
    "env": "environment",
    "env-remove": "environment",
    "rlimit": "rlimits",
    "setopt": "shell_options",
    "signal": "shell_options",
    "setattr": "attributes",
    "add-file": "attributes",
    "dependency": "dependencies",
    "begin-time": "dependencies",
    "requires": "constraints",
    "conf": "conf",
    "broker-opts": "broker_opts",
}
"""Options that several lines may give, and their fields."""


def _ended(why: Sentence) -> Message:
    """Return a sentence that has no period, with one."""
    return field_message("unreadable", why=why)


def _number(name: str, text: str) -> int:
    if _NUMBER.match(text) is None:
        raise NotReadable("option_no_number", option=f"--{name}", value=repr(text[:80]))
    return int(text)


def _keyval(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if key.startswith("^"):
        raise NotReadable("names_file_key")
    found = read_value(value) if equals else 1
    if too_deep(found):
        raise NotReadable("too_deep")
    return key, found
