"""Builds an RFC 25 jobspec V1 from a validated request.

The options have the meaning that ``JobspecV1.from_command`` of flux-core's Python bindings gives
them (``src/bindings/python/flux/job/Jobspec.py``), so that both produce equal jobs. The code is
pure: the caller passes the environment and the service's own options.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from fluxapi.errors import ValidationFailed

from . import batch, folder, options, per_resource
from .constraint_query import ConstraintError, constraint
from .constraints import check_constraints
from .fatal import fatal_reason
from .group import is_cc_number
from .jobspec_size import contents_of
from .keymark import KeyMark, KeySigner
from .message import Message, NotReadable, Value, field_error, field_message, said_in
from .options import Fields
from .quotes import unsplit
from .submission import Submission
from .time_limit import limit_seconds
from .work import work_of

__all__ = [
    "ALIASES",
    "Defaults",
    "build",
    "canonical_names",
    "parse_duration",
    "parse_urgency",
    "substitute",
    "with_constraints",
]

ALIASES = {
    "workdir": "cwd",
    "envars": "environment",
    "runtime": "duration",
    "option_flags": "shell_options",
}
"""Names of options in flux-restful-api, and their names here."""

_BESIDE_JOBSPEC = frozenset({"jobspec", "urgency", "waitable", "debug", "group"})
_PLACES = {
    "attributes": "/attributes/system/exec",
    "constraints": "/attributes/system/constraints",
    "dependencies": "/attributes/system/dependencies",
    "duration": "/attributes/system/duration",
    "name": "/attributes/system/job/name",
    "queue": "/attributes/system/queue",
    "shell_options": "/attributes/system/shell/options",
}
"""Places in a jobspec of what harms Flux."""

_URGENCIES = {"hold": 0, "default": 16, "expedite": 31}
"""Urgencies that have a name, as in flux-core."""

_PLAIN = re.compile(r"[!#-&(-\[\]-~ \t\r\n]*\Z")
"""Text without quotes and backslashes, which a shell splits at blanks only."""

_MAX_QUOTED_LENGTH = 16_384
"""Characters of a text with quotes; shlex takes quadratic time: about 5 ms for this length."""

_MAX_WORDS = 100_000
"""Words of a command, as many as a list may have."""

_STDIN = 'exec "$0" "$@" <"$FLUX_JOB_TMPDIR/stdin"'
"""A command that opens stdin: the job shell writes the ``files`` of the jobspec (RFC 37) to its own
directory on each node, and its ``input.stdin.path`` option does not expand templates."""


@dataclass(frozen=True)
class Defaults:
    """Settings of the service for all jobs: shell options, environment, allowed launchers.

    ``cwd`` is where jobs run that name no directory, if that is known; ``nodes`` is the number of
    nodes of the instance.
    """

    option_flags: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    launchers: tuple[str, ...] = ()
    signer: KeySigner = field(default_factory=KeySigner)
    cwd: str | None = None
    nodes: int = 1


def build(
    fields: Mapping[str, Any],
    defaults: Defaults,
    *,
    mark: KeyMark | None = None,
    group: str | None = None,
) -> Submission:
    """Build the submission for a request.

    Args:
        fields: The request, valid by the schema ``submit``.
        defaults: Settings of the service for all jobs.
        mark: The mark for ``attributes.user.fluxapi``.
        group: The name or ID of the job's group.

    Raises:
        ValidationFailed: The request breaks a rule that a schema cannot express, such as options
            that exclude each other or quotes that are not closed.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    document = _whole(given) if "jobspec" in given else _compose(_canonical(given), defaults)
    folder.check(document, fields)
    own = {} if mark is None else dict(defaults.signer.sign(mark))
    if group is not None:
        own |= {"group": group, **_cc_number(document)}
    if own:
        document = _marked(document, own)
    encoded = _encode(document)
    contents = contents_of(document)
    fatal = fatal_reason(document, len(encoded), contents, defaults.nodes)
    if fatal is not None:
        field, sentence = fatal
        pointer = f"jobspec{_PLACES.get(field, '')}" if "jobspec" in given else field
        raise ValidationFailed([field_error(pointer and f"/{pointer}", sentence)])
    return Submission(
        jobspec=encoded,
        urgency=parse_urgency(given.get("urgency", 16)),
        waitable=given.get("waitable", False),
        debug=given.get("debug", False),
        **work_of(document, contents, defaults.nodes)._asdict(),
    )


def parse_urgency(value: float | str) -> int:
    """Parse an urgency: 0–31 as number or text, or ``hold``, ``default``, ``expedite`` (RFC 30)."""
    return _URGENCIES[value] if isinstance(value, str) else int(value)


def parse_duration(value: float | str) -> float:
    """Parse seconds from a number or a time limit as people write it; raise ``ValueError``."""
    found = limit_seconds(value) if isinstance(value, str) else value
    if found is None:
        raise NotReadable("no_flux_duration")
    seconds = float(found)
    if not (math.isfinite(seconds) and seconds >= 0):
        raise NotReadable("no_finite_duration")
    return seconds


def substitute(value: Any, placeholder: str, text: str) -> Any:
    """Return *value* with *placeholder* replaced by *text* in all its strings."""
    if isinstance(value, str):
        return value.replace(placeholder, text)
    if isinstance(value, list):
        return [substitute(item, placeholder, text) for item in value]
    if isinstance(value, dict):
        return {key: substitute(item, placeholder, text) for key, item in value.items()}
    return value


def _whole(given: Mapping[str, Any]) -> dict[str, Any]:
    stray = sorted(given.keys() - _BESIDE_JOBSPEC)
    if stray:
        raise ValidationFailed([_wrong(name, "not_with", names="jobspec") for name in stray])
    document: dict[str, Any] = given["jobspec"]
    return document


def canonical_names(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields by their own names, not by aliases; raise ``ValidationFailed``."""
    twice = [(alias, name) for alias, name in ALIASES.items() if {alias, name} <= given.keys()]
    if twice:
        raise ValidationFailed([_wrong(alias, "given_twice", name=name) for alias, name in twice])
    named = {ALIASES.get(name, name): value for name, value in given.items()}
    if isinstance(named.get("shell_options"), str):
        named["shell_options"] = options.keyval(named["shell_options"])
    return named


def _canonical(given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a plain job; raise ``ValidationFailed`` for contradictions."""
    wrong: Fields = []
    given = canonical_names(given)
    if "resources" in given:
        stray = [name for name in per_resource.SHAPING if given.get(name)]
        wrong += [_wrong(name, "not_with", names="resources") for name in stray]
    given = batch.expanded(given, wrong)
    if "command" not in given:
        wrong.append(_wrong("command", "required_or_script"))
    nodes = given.get("num_nodes")
    if per_resource.is_per_resource(given):
        if "script" not in given:
            per_resource.check(given, wrong)
    elif nodes is not None:
        tasks = given.setdefault("num_tasks", nodes)
        if nodes > tasks:
            wrong.append(_wrong("num_nodes", "more_nodes_than_tasks", tasks=tasks))
    if nodes is None and given.get("exclusive"):
        wrong.append(_wrong("exclusive", "needs", names="num_nodes"))
    if "stdin" in given and "input" in given:
        wrong.append(_wrong("stdin", "not_with", names="input"))
    given = with_constraints(given, wrong)
    if wrong:
        raise ValidationFailed(wrong)
    return given


def with_constraints(given: dict[str, Any], wrong: Fields) -> dict[str, Any]:
    """Return the fields with a constraint that is an object, or without one if it is empty.

    Errors are appended to *wrong*.
    """
    rest = {name: value for name, value in given.items() if name != "constraints"}
    found = given.get("constraints", {})
    if isinstance(found, str):
        try:
            found = constraint(found.strip()) if found.strip() else {}
        except ConstraintError as error:
            wrong.append(_wrong("constraints", "no_constraint", why=said_in(error)))
            return rest
    if not found:
        return rest
    wrong.extend(check_constraints(found))
    return {**rest, "constraints": found}


def _compose(given: Mapping[str, Any], defaults: Defaults) -> dict[str, Any]:
    command = _command(given["command"])
    if given.get("is_launcher"):
        _check_launcher(command[0], defaults.launchers)
    system: dict[str, Any] = {"duration": 0}
    shell: dict[str, Any] = {}
    if "duration" in given:
        try:
            system["duration"] = parse_duration(given["duration"])
        except ValueError as error:
            raise ValidationFailed([_wrong("duration", "unreadable", why=said_in(error))]) from None
    system["environment"] = {**defaults.environment, **given.get("environment", {})}
    options.shape(given, system, shell)
    shell |= per_resource.shell_options(given)
    if "stdin" in given:
        command = _with_stdin(given["stdin"], command, system)
    attributes: dict[str, Any] = {"system": system}
    for key, value in defaults.option_flags.items():
        options.merge(shell, key, value)
    if "script" in given:
        shell |= batch.shell_options()
        system["files"] = batch.files(given)
    options.merge_shell_options(given, shell)
    if shell:
        system["shell"] = {"options": shell}
    if "dependencies" in given:
        system["dependencies"] = options.dependencies(given)
    if "constraints" in given:
        system["constraints"] = given["constraints"]
    options.merge_attributes(given, attributes)
    resources, count = _resources(given)
    folder.set_default(attributes, defaults.cwd)
    return {
        "resources": resources,
        "tasks": [{"command": command, "slot": "task", "count": count}],
        "attributes": attributes,
        "version": 1,
    }


def _command(command: str | list[Any]) -> list[str]:
    if isinstance(command, list):
        words = [word if isinstance(word, str) else str(word) for word in command]
    elif _PLAIN.match(command):
        words = command.split(maxsplit=_MAX_WORDS)
        if len(words) > _MAX_WORDS:
            raise ValidationFailed([_wrong("command", "too_many_words", limit=_MAX_WORDS)])
    elif len(command) > _MAX_QUOTED_LENGTH:
        raise ValidationFailed([_wrong("command", "quoted_too_long", limit=_MAX_QUOTED_LENGTH)])
    else:
        try:
            words = shlex.split(command)
        except ValueError as error:
            why = unsplit(error)
            raise ValidationFailed([_wrong("command", "not_split", why=why)]) from None
    if not words or not words[0]:
        raise ValidationFailed([_wrong("command", "no_program")])
    return words


def _check_launcher(program: str, launchers: tuple[str, ...]) -> None:
    if program.rpartition("/")[2] not in launchers:
        names: Value = launchers or Message("forms", "none")
        raise ValidationFailed(
            [_wrong("is_launcher", "launcher_not_allowed", program=program, names=names)]
        )


def _with_stdin(
    stdin: str | Mapping[str, str], command: list[str], system: dict[str, Any]
) -> list[str]:
    if isinstance(stdin, str):
        encoding, data = "utf-8", stdin
    else:
        encoding, data = stdin["encoding"], stdin["data"]
    if encoding == "base64":
        try:
            base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            raise ValidationFailed([_wrong("stdin/data", "not_base64")]) from None
    system["files"] = {"stdin": {"mode": 0o100600, "encoding": encoding, "data": data}}
    # The name of the job is that of the user's program.
    name = command[0].rpartition("/")[2] or command[0]
    system.setdefault("job", {}).setdefault("name", name)
    return ["/bin/sh", "-c", _STDIN, *command]


def _resources(given: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the requested resources, and the ``count`` of the tasks."""
    if "resources" in given:
        return given["resources"], {"per_slot": 1}
    if per_resource.is_per_resource(given):
        return [per_resource.resources(given)], {"per_slot": 1}
    tasks = int(given.get("num_tasks", 1))
    children = [{"type": "core", "count": int(given.get("cores_per_task", 1))}]
    gpus = int(given.get("gpus_per_task", 0))
    if gpus:
        children.append({"type": "gpu", "count": gpus})
    slot: dict[str, Any] = {"type": "slot", "count": tasks, "with": children, "label": "task"}
    if "num_nodes" not in given:
        return [slot], {"per_slot": 1}
    nodes = int(given["num_nodes"])
    slot["count"] = -(-tasks // nodes)
    node: dict[str, Any] = {"type": "node", "count": nodes, "with": [slot]}
    if given.get("exclusive"):
        node["exclusive"] = True
    # If uneven, the last node has free slots, so give the total number of tasks.
    return [node], {"total": tasks} if tasks % nodes else {"per_slot": 1}


def _cc_number(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the number of a job of ``--cc``, which Flux keeps with the environment, for itself."""
    try:
        number = document["attributes"]["system"]["environment"]["FLUX_JOB_CC"]
    except (KeyError, TypeError):
        return {}
    return {"cc": number} if isinstance(number, str) and is_cc_number(number) else {}


def _marked(document: dict[str, Any], mark: dict[str, str]) -> dict[str, Any]:
    attributes = document["attributes"]
    user = {**attributes.get("user", {}), "fluxapi": mark}
    return {**document, "attributes": {**attributes, "user": user}}


_encoder = msgspec.json.Encoder()


def _encode(document: dict[str, Any]) -> bytes:
    try:
        encoded = _encoder.encode(document)
    except RecursionError:
        sentence = field_message("nested_too_deeply")
        raise ValidationFailed([field_error("", sentence)]) from None
    # Flux stores C strings; this search is cheap and almost always finds nothing.
    place = _nul(document) if rb"\u0000" in encoded else None
    if place is not None:
        sentence = field_message("holds_nul", place=place[:200])
        raise ValidationFailed([field_error("", sentence)])
    return encoded


def _nul(value: Any, place: str = "") -> str | None:
    """Return the place of a string or name that contains a NUL character, if there is one."""
    if isinstance(value, str):
        return place if "\0" in value else None
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        if any("\0" in name for name in value):
            return f"a name below {place or 'the top'}"
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    found = (_nul(item, f"{place}.{name}".lstrip(".")) for name, item in pairs)
    return next((where for where in found if where is not None), None)


def _wrong(field: str, code: str, /, **params: Value) -> dict[str, Any]:
    return field_error(f"/{field}", field_message(code, **params))
