"""Converts the options of ``flux submit`` to a request body (schemas/submit.json)."""

from __future__ import annotations

import argparse
import base64
import fnmatch
import json
import os
import resource
import stat
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fluxapi.model.idset import IdSet
from fluxapi.model.jobspec import substitute
from fluxapi.model.options import put, read_value

from .arguments import checked, natural
from .constraint import ConstraintError, constraint
from .exit_codes import USAGE, Failure
from .text import safe
from .times import parse_duration, parse_time

__all__ = [
    "add_job_options",
    "add_many",
    "body",
    "copies",
    "reads_nothing",
    "replicate",
    "split_command",
]

_FLAGS = ("waitable", "debug")
_URGENCIES = ("hold", "default", "expedite")
_MAX_URGENCY = 31
_DEFAULT_SIGNAL, _DEFAULT_LEFT = 10, 60.0
"""SIGUSR1, a minute before the end (flux-submit(1))."""


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a job, with the names of ``flux submit``."""
    add = parser.add_argument_group("resources").add_argument
    add("-n", "--ntasks", metavar="N", type=_count, help="number of tasks; default 1")
    add("-c", "--cores-per-task", metavar="N", type=_count, help="cores per task; default 1")
    add("-g", "--gpus-per-task", metavar="N", type=natural, help="GPUs per task")
    add(
        "-N",
        "--nodes",
        metavar="N",
        type=_count,
        help="number of nodes; without -n, one task per node, with exclusive nodes",
    )
    add("-x", "--exclusive", action="store_true", help="allocate whole nodes; requires -N")
    add(
        "-t",
        "--time-limit",
        metavar="MIN|FSD",
        type=checked(_limit),
        help="time limit in minutes, or with a unit: 90s, 1.5h, 2d",
    )
    add("--requires", metavar="CONSTRAINT", action="append", help="constraint on nodes (RFC 35)")
    _add_place(parser)
    _add_content(parser)


def _add_place(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("job").add_argument
    add("--job-name", metavar="NAME", help="job name; default is the program name")
    add("-q", "--queue", metavar="NAME", help="queue to submit to")
    add("-B", "--bank", metavar="NAME", help="bank to charge")
    add(
        "--urgency",
        metavar="N",
        type=checked(_urgency),
        help="0 to 31, hold (0), default (16), expedite (31)",
    )
    add(
        "--dependency",
        metavar="URI",
        action="append",
        help="dependency, such as afterok:f2QK3Zz (RFC 26)",
    )
    add(
        "--begin-time",
        metavar="+FSD|TIME",
        type=checked(lambda text: parse_time(text, time.time(), future=True)),
        help="earliest start: relative (+1h) or in ISO 8601 (YYYY-MM-DDThh:mm)",
    )
    add(
        "--signal",
        metavar="[SIG][@TIME]",
        type=checked(_early_signal),
        help="send SIG (USR1) TIME (60s) before the time limit",
    )
    add("--flags", metavar="FLAG,…", action="append", help="waitable, debug")
    add(
        "-S",
        "--setattr",
        metavar="KEY[=VALUE]",
        action="append",
        help="set a jobspec attribute; VALUE is JSON or text, ^KEY=FILE reads JSON from a file",
    )
    add(
        "-o",
        "--setopt",
        metavar="KEY[=VALUE]",
        action="append",
        help="set a job shell option; VALUE is JSON or text",
    )
    add("--taskmap", metavar="SCHEME[:VALUE]", help="mapping of tasks to nodes")


def _add_content(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("environment and I/O").add_argument
    add("--cwd", metavar="FOLDER", help="working directory on the nodes")
    add(
        "--env",
        metavar="RULE",
        action="append",
        help="NAME=VALUE sets a variable, NAME or a pattern with * copies from this shell, "
        "-PATTERN removes, ^FILE reads rules. Without rules nothing is copied",
    )
    add(
        "--env-file",
        metavar="FILE",
        dest="env",
        action=_Prefixed,
        prefix="^",
        help="read --env rules",
    )
    add(
        "--env-remove",
        metavar="PATTERN",
        dest="env",
        action=_Prefixed,
        prefix="-",
        help="remove variables",
    )
    add(
        "--rlimit",
        metavar="RULE",
        action="append",
        help="NAME=VALUE sets a limit, NAME copies that of this shell, -NAME removes it",
    )
    add("--input", metavar="FILE", help="read standard input from this file on the nodes")
    add(
        "--stdin",
        metavar="FILE",
        help="send this local file as standard input; - is standard input",
    )
    add("--output", metavar="FILE", help="write standard output to this file on the nodes")
    add("--error", metavar="FILE", help="write standard error to this file on the nodes")
    add("-u", "--unbuffered", action="store_true", help="buffer as little as possible")
    add("-l", "--label-io", action="store_true", help="prefix each line with its task rank")
    add(
        "--add-file",
        metavar="[NAME[:MODE]=]FILE",
        action="append",
        help="send this local file; the job can read it as {{tmpdir}}/NAME",
    )


def add_many(parser: argparse.ArgumentParser) -> None:
    """Add the options that submit several copies of a job."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--cc",
        metavar="IDSET",
        type=checked(_idset),
        help="submit a job per ID; {cc} is replaced by the ID, and FLUX_JOB_CC is set",
    )
    group.add_argument(
        "--bcc", metavar="IDSET", type=checked(_idset), help="like --cc, without FLUX_JOB_CC"
    )


class _Prefixed(argparse.Action):
    """An action that turns ``--env-file=F`` into ``--env=^F`` and keeps the order of rules."""

    def __init__(self, option_strings: list[str], dest: str, prefix: str, **options: Any) -> None:
        super().__init__(option_strings, dest, **options)
        self.prefix = prefix

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - the signature is argparse's
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        rules = [*(getattr(namespace, self.dest) or ()), f"{self.prefix}{values}"]
        setattr(namespace, self.dest, rules)


def split_command(words: list[str]) -> list[str]:
    """Return the command without a leading ``--``."""
    return words[1:] if words[:1] == ["--"] else words


def body(arguments: argparse.Namespace, command: list[str] | None) -> dict[str, Any]:
    """Return the fields of the job.

    Raises :class:`~fluxapi.cli.exit_codes.Failure` for invalid options.
    """
    fields: dict[str, Any] = {} if command is None else {"command": command}
    for name, field in _PLAIN.items():
        value = getattr(arguments, name)
        if value is not None and value is not False:
            fields[field] = value
    if arguments.nodes and not arguments.ntasks:
        # As flux submit: one task per node, exclusively.
        fields |= {"num_tasks": arguments.nodes, "exclusive": True}
    try:
        fields |= _trees(arguments)
    except (ValueError, OSError) as error:
        raise Failure(_reason(error), USAGE) from None
    return fields


def reads_nothing(fields: Mapping[str, Any]) -> bool:
    """Return whether the options give the job no standard input."""
    return not ({"input", "stdin"} & fields.keys() or "input" in fields.get("shell_options", {}))


_PLAIN = {
    "ntasks": "num_tasks",
    "cores_per_task": "cores_per_task",
    "gpus_per_task": "gpus_per_task",
    "nodes": "num_nodes",
    "exclusive": "exclusive",
    "time_limit": "duration",
    "job_name": "name",
    "queue": "queue",
    "bank": "bank",
    "urgency": "urgency",
    "cwd": "cwd",
    "input": "input",
    "output": "output",
    "error": "error",
    "unbuffered": "unbuffered",
    "label_io": "label_io",
}
"""Options that are copied to fields."""


def _trees(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields that combine several options."""
    shell = _shell_options(arguments)
    attributes = _attributes(arguments)
    dependencies = list(arguments.dependency or ())
    if arguments.begin_time is not None:
        dependencies.append(f"begin-time:{arguments.begin_time}")
    found = {
        "environment": _environment(arguments.env or (), os.environ),
        "rlimits": _rlimits(arguments.rlimit or ()),
        "shell_options": shell,
        "attributes": attributes,
        "dependencies": dependencies,
        "constraints": _constraints(arguments.requires or ()),
    }
    fields = {name: value for name, value in found.items() if value}
    if arguments.stdin is not None:
        fields["stdin"] = _content(arguments.stdin)
    for text in arguments.flags or ():
        for flag in filter(None, text.split(",")):
            if flag not in _FLAGS:
                raise ValueError(
                    f"--flags: unknown flag {flag!r}; choose from {', '.join(_FLAGS)}."
                )
            fields[flag] = True
    return fields


def _shell_options(arguments: argparse.Namespace) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if arguments.signal is not None:
        options["signal"] = arguments.signal
    if arguments.taskmap:
        scheme, _, value = arguments.taskmap.partition(":")
        options["taskmap"] = {"scheme": scheme, "value": value}
    for text in arguments.setopt or ():
        key, value = _keyval("--setopt", text)
        put(options, _path("--setopt", key), value)
    return options


def _attributes(arguments: argparse.Namespace) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for text in arguments.setattr or ():
        key, value = _keyval("--setattr", text)
        put(attributes, _path("--setattr", _below_attributes(key)), value)
    for text in arguments.add_file or ():
        name, entry = _file(text)
        system = attributes.setdefault("system", {})
        system.setdefault("files", {})[name] = entry
    return attributes


def _keyval(option: str, text: str) -> tuple[str, Any]:
    """Return the key and the value of ``KEY[=VALUE]``; for ``^KEY=FILE`` the JSON in a file."""
    key, equals, value = text.partition("=")
    if not key.startswith("^"):
        return key, read_value(value) if equals else 1
    try:
        return key[1:], json.loads(Path(value).read_bytes())
    except ValueError as error:
        raise ValueError(f"{option}={text}: {value} does not hold JSON: {error}.") from None


def _below_attributes(key: str) -> str:
    """Return the path below ``attributes`` that a key of ``--setattr`` means to ``flux submit``.

    A bare ``user`` is below ``system``; ``attributes.user`` is all user attributes.
    """
    for root in (".", "attributes."):
        if key.startswith(root):
            return key[len(root) :]
    return key if key.startswith(("system.", "user.")) else f"system.{key}"


def _path(option: str, path: str) -> str:
    if not path or not all(path.split(".")):
        raise ValueError(f"{option} {path!r}: give a name, with dots between its levels.")
    return path


def _file(text: str) -> tuple[str, dict[str, Any]]:
    r"""Return the name and the RFC 37 object of a file from ``[NAME[:MODE]=]FILE``.

    As for ``flux submit``, a FILE with a newline (or ``\n``) is the content itself.
    """
    name, _, source = text.replace("\\n", "\n").partition("=")
    if not source:
        name, source = Path(name).name, name
        mode = None
    else:
        name, mode = _mode(name)
    if not name or "\n" in name:
        raise ValueError(f"--add-file={text}: the file needs a name.")
    if "\n" in source:
        data, permissions = source.encode(errors="surrogateescape"), 0o600
    else:
        data, permissions = Path(source).read_bytes(), stat.S_IMODE(Path(source).stat().st_mode)
    permissions = permissions if mode is None else mode
    return name, {"mode": stat.S_IFREG | permissions, "size": len(data), **_encoded(data)}


def _mode(name: str) -> tuple[str, int | None]:
    """Return the name and the mode of ``NAME:MODE``; without an octal MODE, all is the name."""
    before, _, mode = name.partition(":")
    try:
        return before, int(mode, 8)
    except ValueError:
        return name, None


def _encoded(data: bytes) -> dict[str, str]:
    try:
        if b"\0" not in data:  # Flux keeps texts as C strings
            return {"encoding": "utf-8", "data": data.decode("utf-8")}
    except UnicodeDecodeError:
        pass
    return {"encoding": "base64", "data": base64.b64encode(data).decode("ascii")}


def _content(place: str) -> dict[str, str]:
    return _encoded(sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes())


def _environment(rules: list[str] | tuple[str, ...], ours: Mapping[str, str]) -> dict[str, str]:
    """Apply the rules in order and return the variables; values are not expanded."""
    found: dict[str, str] = {}
    for rule in rules:
        name, equals, value = rule.partition("=")
        if rule.startswith("^"):
            lines = Path(rule[1:]).read_text(encoding="utf-8-sig").splitlines()
            kept = [line for line in lines if line.strip() and not line.startswith(("#", "^"))]
            found |= _environment(kept, ours)
        elif rule.startswith("-"):
            found = {k: v for k, v in found.items() if not fnmatch.fnmatchcase(k, rule[1:])}
        elif equals:
            found[name] = value
        else:
            found |= {k: v for k, v in ours.items() if fnmatch.fnmatchcase(k, rule)}
    return found


def _rlimits(rules: list[str] | tuple[str, ...]) -> dict[str, int]:
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
                for known, number in _limits_here()
                if fnmatch.fnmatchcase(known, name)
            }
    return found


def _limits_here() -> Iterator[tuple[str, int]]:
    for name in dir(resource):
        if name.startswith("RLIMIT_"):
            yield name.removeprefix("RLIMIT_").lower(), getattr(resource, name)


def _number(rule: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"--rlimit={rule}: the limit is a number or unlimited.") from None


def _constraints(texts: list[str] | tuple[str, ...]) -> dict[str, Any]:
    """Combine constraints with ``and``."""
    try:
        parts = [constraint(text) for text in texts]
    except ConstraintError as error:
        raise ValueError(f"--requires: {error}.") from None
    if len(parts) > 1:
        return {"and": parts}
    return parts[0] if parts else {}


def copies(arguments: argparse.Namespace) -> list[int] | None:
    """Return the IDs of ``--cc`` or ``--bcc``, if given."""
    found: list[int] | None = arguments.cc if arguments.cc is not None else arguments.bcc
    return found


def replicate(
    fields: Mapping[str, Any], ids: list[int], *, variable: bool
) -> Iterator[dict[str, Any]]:
    """Yield a job per ID with ``{cc}`` replaced; with ``variable`` set FLUX_JOB_CC."""
    for number in ids:
        job: dict[str, Any] = substitute(dict(fields), "{cc}", str(number))
        if variable:
            job["environment"] = {**job.get("environment", {}), "FLUX_JOB_CC": str(number)}
        yield job


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{safe(str(error.filename))} cannot be read: {error.strerror}."
    return safe(str(error))


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{safe(text)!r} is not a whole number above 0")
    return int(text)


def _limit(text: str) -> str:
    """Return a time limit with its unit; a bare number is minutes, as in ``flux submit``."""
    if text[-1:].isdigit() or text.endswith("."):
        return f"{parse_duration(text) * 60:g}s"
    parse_duration(text)
    return text


def _urgency(text: str) -> int | str:
    if text in _URGENCIES:
        return text
    if text.isascii() and text.isdigit() and int(text) <= _MAX_URGENCY:
        return int(text)
    raise ValueError(f"{text!r} is not an urgency: use 0 to 31, hold, default or expedite")


def _early_signal(text: str) -> dict[str, Any]:
    from .signals import number  # noqa: PLC0415 - seldom asked for

    name, at, left = text.partition("@")
    return {
        "signum": number(name) if name else _DEFAULT_SIGNAL,
        "timeleft": parse_duration(left) if at else _DEFAULT_LEFT,
    }


def _idset(text: str) -> list[int]:
    ids = list(IdSet.parse(text))
    if not ids:
        raise ValueError("an idset such as 0-9 or 1,3,5-7 is needed")
    return ids
