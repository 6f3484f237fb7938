"""The jobspec of a batch script, as ``JobspecV1.from_batch_command`` of flux-core makes it.

The job is a Flux instance of its own, with a broker on each node, whose initial program is the
script. The jobspec contains the script, and the job shell writes it to a file on each node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .message import Message, Value, field_error, field_message
from .options import Fields, too_deep

__all__ = [
    "FIELDS",
    "NOT_WITH_SCRIPT",
    "SCRIPT",
    "WRAP_ADVICE",
    "check_script",
    "expanded",
    "files",
    "nested",
    "script_of",
    "shell_options",
    "wrapped",
]

_WRAP_ADVICE = field_message("wrap_advice")
WRAP_ADVICE = _WRAP_ADVICE.text()
"""How a request makes a script of lines without ``#!``; the command line says it in its own way."""

_OUTPUT = "flux-{{id}}.out"
SCRIPT = "{{tmpdir}}/script"
"""The word of the command that is the script's path."""

_CONF = "-c{{tmpdir}}/conf.json"
_NAME = "batch"
_MAX_SHOWN_LENGTH = 60

_ONLY_WITH_SCRIPT = (
    "script_args", "script_name", "num_slots", "cores_per_slot", "gpus_per_slot", "wrap", "conf",
    "broker_opts", "dump",
)  # fmt: skip
FIELDS = frozenset({"script", *_ONLY_WITH_SCRIPT})
"""The fields that only batch jobs have."""

NOT_WITH_SCRIPT: Mapping[str, Message] = {
    "command": field_message("script_instead", names="script_args"),
    "num_tasks": field_message("script_instead", names="num_slots"),
    "cores_per_task": field_message("script_instead", names="cores_per_slot"),
    "gpus_per_task": field_message("script_instead", names="gpus_per_slot"),
    "num_cores": field_message("script_instead_both"),
    "tasks_per_node": field_message("script_brokers"),
    "tasks_per_core": field_message("script_brokers"),
    "gpus_per_node": field_message("script_instead", names="gpus_per_slot"),
    "stdin": field_message("script_stdin"),
    "is_launcher": field_message("script_launcher"),
}
"""The fields that batch jobs do not have, and why."""


def check_script(text: str) -> Message | None:
    """Return a sentence about the first line of a script that no system could start."""
    first = text.partition("\n")[0]
    if first.startswith("#!") and first[2:].strip():
        return None
    shown = first if len(first) <= _MAX_SHOWN_LENGTH else f"{first[:_MAX_SHOWN_LENGTH]}…"
    return field_message("script_no_program", first=repr(shown), advice=_WRAP_ADVICE)


def wrapped(text: str, *, wrap: bool) -> str:
    """Return the script, with *wrap* and without ``#!`` as a script of ``/bin/sh``."""
    return f"#!/bin/sh\n{text}" if wrap and not text.startswith("#!") else text


def expanded(given: Mapping[str, Any], wrong: Fields) -> dict[str, Any]:
    """Return the fields of a plain job that runs the script; append contradictions to *wrong*.

    Fields of a job without a script are returned as they are.
    """
    if "script" not in given:
        wrong += [
            _wrong(name, "needs", names="script") for name in _ONLY_WITH_SCRIPT if name in given
        ]
        return dict(given)
    wrong += [field_error(f"/{name}", it) for name, it in NOT_WITH_SCRIPT.items() if name in given]
    unusable = check_script(given["script"])
    if unusable is not None:
        wrong.append(_wrong("script", "line", line="1", why=unusable))
    if too_deep(given.get("conf")):
        wrong.append(_wrong("conf", "nested_too_deeply"))
    fields = {"name": given.get("script_name") or _NAME, "output": _OUTPUT, **given}
    nodes, slots = given.get("num_nodes"), given.get("num_slots")
    if slots is None:
        # Whole nodes, as for flux batch -N; without either one slot, as JobspecV1.from_batch.
        slots = 1 if nodes is None else nodes
        if nodes is not None:
            fields["exclusive"] = True
    elif nodes is not None and nodes > slots:
        wrong.append(_wrong("num_nodes", "more_nodes_than_slots", slots=slots))
        slots = nodes
    broker = list(given.get("broker_opts", ()))
    if "dump" in given:
        broker.append(f"-Scontent.dump={given['dump']}")
    if "conf" in given:
        broker.append(_CONF)
    return fields | {
        "command": ["flux", "broker", *broker, SCRIPT, *given.get("script_args", ())],
        "num_tasks": slots,
        "cores_per_task": given.get("cores_per_slot", 1),
        "gpus_per_task": given.get("gpus_per_slot", 0),
    }


def nested(given: Mapping[str, Any], command: Sequence[str]) -> dict[str, Any]:
    """Return the fields of a plain job that is an instance, from those of a batch job.

    This is ``JobspecV1.from_nest_command`` of flux-core with ``flux alloc --bg``: without a
    command, the instance runs until it is canceled.
    """
    fields = {name: value for name, value in given.items() if name not in FIELDS}
    nodes = given.get("num_nodes")
    slots = given.get("num_slots", nodes or 1)
    if nodes and "num_slots" not in given:
        fields["exclusive"] = True
    broker = list(given.get("broker_opts", ()))
    if "dump" in given:
        broker.append(f"-Scontent.dump={given['dump']}")
    if not command:
        broker.append("-Sbroker.rc2_none=1")
    if "conf" in given:
        broker.append(_CONF)
        file = {"conf.json": {"mode": 0o100600, "data": given["conf"]}}
        fields["attributes"] = {**given.get("attributes", {}), "system.files": file}
    options = {**shell_options(), "pty": {"capture": 1}, **given.get("shell_options", {})}
    return fields | {
        "command": ["flux", "broker", *broker, *command],
        "num_tasks": slots,
        "cores_per_task": given.get("cores_per_slot", 1),
        "gpus_per_task": given.get("gpus_per_slot", 0),
        "shell_options": options,
    }


def files(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the RFC 37 files of the job: its script, and the configuration of its instance."""
    found: dict[str, Any] = {}
    if "conf" in given:
        found["conf.json"] = {"mode": 0o100600, "data": given["conf"]}
    found["script"] = {"mode": 0o100700, "data": given["script"], "encoding": "utf-8"}
    return found


def script_of(jobspec: Any) -> str | None:
    """Return the script of a batch job, from the jobspec of any submitter, else ``None``."""
    try:
        command = jobspec["tasks"][0]["command"]
        script = jobspec["attributes"]["system"]["files"]["script"]["data"]
        is_batch = list(command[:2]) == ["flux", "broker"] and SCRIPT in command
    except (KeyError, IndexError, TypeError):
        return None
    return script if is_batch and isinstance(script, str) else None


def shell_options() -> dict[str, Any]:
    """Return the shell options of each batch job: one broker for each node."""
    return {"per-resource": {"type": "node"}, "mpi": "none", "exit-timeout": "none"}


def _wrong(field: str, code: str, /, **params: Value) -> dict[str, Any]:
    return field_error(f"/{field}", field_message(code, **params))
