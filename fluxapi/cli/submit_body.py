"""The request body of a job (schemas/submit.json), from the options of ``flux submit``."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fluxapi.model import batch_conf
from fluxapi.model.constraint_query import ConstraintError, constraint
from fluxapi.model.jobspec import substitute
from fluxapi.model.options import put, read_value
from fluxapi.model.per_resource import SHAPING, is_per_resource
from fluxapi.model.resource_shape import ShapeError, resources_of

from .exit_codes import USAGE, Failure
from .json_text import json_problem
from .submit_files import file_entry, input_data
from .submit_rules import environment, limits
from .text import safe

__all__ = ["OPTIONS", "body", "close_input", "copies", "replicate", "split_command"]

_FLAGS = ("waitable", "debug")

_COPIED = {
    "ntasks": "num_tasks",
    "cores_per_task": "cores_per_task",
    "gpus_per_task": "gpus_per_task",
    "cores": "num_cores",
    "tasks_per_node": "tasks_per_node",
    "tasks_per_core": "tasks_per_core",
    "gpus_per_node": "gpus_per_node",
    "nslots": "num_slots",
    "cores_per_slot": "cores_per_slot",
    "gpus_per_slot": "gpus_per_slot",
    "wrap": "wrap",
    "dump": "dump",
    "nodes": "num_nodes",
    "exclusive": "exclusive",
    "time_limit": "duration",
    "job_name": "name",
    "group": "group",
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

OPTIONS = {
    **{field: f"--{name.replace('_', '-')}" for name, field in _COPIED.items()},
    "command": "COMMAND",
    "constraints": "--requires",
    "dependencies": "--dependency",
    "environment": "--env",
    "rlimits": "--rlimit",
    "shell_options": "--setopt",
    "stdin": "--stdin",
}
"""The option that sets each of these fields."""


def split_command(words: list[str]) -> list[str]:
    """Return the command without a leading ``--``."""
    return words[1:] if words[:1] == ["--"] else words


def body(arguments: argparse.Namespace, command: list[str] | None) -> dict[str, Any]:
    """Return the fields of the job.

    Raises :class:`~fluxapi.cli.exit_codes.Failure` for invalid options.
    """
    fields: dict[str, Any] = {} if command is None else {"command": command}
    for name, field in _COPIED.items():
        value = getattr(arguments, name, None)
        if value is not None and value is not False:
            fields[field] = value
    try:
        resources = _resources(arguments)
    except (ValueError, OSError) as error:
        raise Failure(_reason(error), USAGE) from None
    if resources is not None:
        shaped = {name: it for name, it in fields.items() if name not in SHAPING}
        return {**shaped, "resources": resources, **_checked(arguments)}
    is_plain = "ntasks" in arguments and not is_per_resource(fields)
    if arguments.nodes and is_plain and not arguments.ntasks:
        # Run one task per exclusive node, as flux submit does.
        fields |= {"num_tasks": arguments.nodes, "exclusive": True}
    return {**fields, **_checked(arguments)}


def _checked(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields that combine several options; raise ``Failure`` for wrong ones."""
    try:
        return _combined(arguments)
    except (ValueError, OSError) as error:
        raise Failure(_reason(error), USAGE) from None


def _resources(arguments: argparse.Namespace) -> Any:
    """Return the resources of ``--resources-shape`` or ``--resources-json``, else ``None``."""
    shape, file = arguments.resources_shape, arguments.resources_json
    if shape and file:
        raise ValueError("--resources-shape excludes --resources-json.")
    if shape:
        try:
            return resources_of(shape)
        except ShapeError as error:
            raise ValueError(f"--resources-shape={shape[:80]}: {error}.") from None
    if not file:
        return None
    try:
        found = json.loads(Path(file).read_bytes())
    except ValueError as error:
        raise ValueError(f"--resources-json: {file} is {json_problem(error)}.") from None
    return found.get("resources") if isinstance(found, dict) else found


def close_input(arguments: argparse.Namespace, fields: dict[str, Any]) -> bool:
    """Give a watched job without input an empty one; return whether that was done.

    A watched job gets no typed input; on Flux it would wait for it.
    """
    has_input = {"input", "stdin"} & fields.keys() or "input" in fields.get("shell_options", {})
    if not arguments.watch or has_input:
        return False
    fields["input"] = os.devnull
    return True


def _combined(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields that combine several options."""
    shell = _shell_options(arguments)
    attributes = _attributes(arguments)
    dependencies = list(arguments.dependency or ())
    if arguments.begin_time is not None:
        dependencies.append(f"begin-time:{arguments.begin_time}")
    variables, templates = environment(arguments.env or (), os.environ)
    found = {
        "environment": variables,
        "env_expand": templates,
        "rlimits": limits(arguments.rlimit or ()),
        "shell_options": shell,
        "attributes": attributes,
        "dependencies": dependencies,
        "constraints": _constraints(arguments.requires or ()),
        "conf": _conf(getattr(arguments, "conf", None) or ()),
        "broker_opts": [
            option
            for text in getattr(arguments, "broker_opts", None) or ()
            for option in text.split(",")
        ],
    }
    fields = {name: value for name, value in found.items() if value}
    if getattr(arguments, "stdin", None) is not None:
        fields["stdin"] = input_data(arguments.stdin)
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
    if getattr(arguments, "taskmap", None):
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
        name, entry = file_entry(text)
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
        raise ValueError(f"{option}={text}: {value} is {json_problem(error)}.") from None


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


def _constraints(texts: Iterable[str]) -> dict[str, Any]:
    """Return the constraint that the texts are together, joined by blanks as in ``flux submit``."""
    text = " ".join(texts)
    try:
        return constraint(text) if text else {}
    except ConstraintError as error:
        raise ValueError(f"--requires: {error}.") from None


def _conf(texts: Iterable[str]) -> dict[str, Any]:
    """Merge ``--conf`` options: ``KEY=VALUE``, TOML or JSON of several lines, or a local file."""
    conf: dict[str, Any] = {}
    for text in texts:
        is_file = "=" not in text and text.endswith((".toml", ".json"))
        try:
            batch_conf.update(conf, f"{Path(text).read_text('utf-8')}\n" if is_file else text)
        except ValueError as error:
            raise ValueError(f"--conf={text[:80]}: {error}.") from None
    return conf


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
