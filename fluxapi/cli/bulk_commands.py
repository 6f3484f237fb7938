"""The commands of ``fluxapi bulksubmit``: one for each input, with its options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import submit_body
from .bulk_inputs import combined, separator, split
from .bulk_template import LIST, Template, compile_methods
from .exit_codes import USAGE, Failure
from .submit_many import Planned, copies

__all__ = ["BulkCommand", "commands", "deferred", "planned"]

_SHOWN = {
    "queue": "-q",
    "bank": "-B",
    "ntasks": "-n",
    "nodes": "-N",
    "cores_per_task": "-c",
    "gpus_per_task": "-g",
    "cores": "--cores=",
    "tasks_per_node": "--tasks-per-node=",
    "tasks_per_core": "--tasks-per-core=",
    "gpus_per_node": "--gpus-per-node=",
    "time_limit": "-t",
    "env": "--env=",
    "urgency": "--urgency=",
    "setopt": "-o ",
    "setattr": "--setattr=",
    "job_name": "--job-name=",
    "input": "--input=",
    "output": "--output=",
    "error": "--error=",
    "cc": "--cc=",
    "bcc": "--bcc=",
    "log": "--log=",
    "log_stderr": "--log-stderr=",
    "dependency": "--dependency=",
    "taskmap": "--taskmap=",
    "requires": "--requires=",
    "cwd": "--cwd=",
    "flags": "--flags=",
    "begin_time": "--begin-time=",
    "signal": "--signal=",
}
"""Options with fields, and how a line shows them (flux-core, ``flux/cli/base.py``)."""

Type = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class BulkCommand:
    """A command for one input: its words, and the options with their fields replaced."""

    words: list[str]
    options: Mapping[str, Any]
    """The options that inputs change, and ``--cc``."""

    def __str__(self) -> str:
        """Return the line that ``flux bulksubmit`` shows."""
        shown = [f"{_SHOWN[name]}{value}" for name, value in self.options.items() if value]
        return " ".join([*shown, *self.words])


def deferred(parser: argparse.ArgumentParser) -> dict[str, Type]:
    """Let a parser keep the texts of options in which fields are replaced; return their types."""
    types = {}
    for action in parser._actions:  # noqa: SLF001 - argparse publishes no list
        if action.dest in _SHOWN and callable(action.type):
            types[action.dest] = action.type
            action.type = None
    return types


def commands(arguments: argparse.Namespace) -> Iterator[BulkCommand]:
    """Yield the command of each input; raise :class:`Failure` for an invalid field."""
    methods = compile_methods(arguments.define)
    words, lists = split(submit_body.split_command(arguments.words))
    words = words or ["{}"]
    given = {
        name: value
        for name in _SHOWN
        if (value := getattr(arguments, name, None)) is not None and not isinstance(value, bool)
    }
    for number, inputs in enumerate(combined(lists, separator(arguments.sep))):
        names: dict[str, int | str] = {"seq": number, "seq1": number + 1, "cc": "{cc}"}
        template = Template(inputs, names, methods)
        command: list[str] = []
        for word in words:
            command += template.expand(word, "").split(LIST)
        changed = {}
        for name, value in given.items():
            found = _expanded(template, value, _SHOWN[name])
            if found != value or name == "cc":
                changed[name] = found
        yield BulkCommand(command, changed)


def _expanded(template: Template, value: Any, where: str) -> Any:
    if isinstance(value, list):
        return [template.expand(text, where) for text in value]
    return template.expand(value, where)


def planned(found: list[BulkCommand], arguments: argparse.Namespace) -> Iterator[Planned]:
    """Yield the jobs of commands, with their copies of ``--cc`` and ``--bcc``."""
    plain: dict[str, Any] | None = None
    for number, command in enumerate(found, 1):
        given = _converted(arguments, command.options)
        if command.options.keys() - {"cc"}:
            fields = submit_body.body(given, command.words)
        else:
            # Options are alike in all such jobs, and take a while.
            plain = submit_body.body(given, []) if plain is None else plain
            fields = {**plain, "command": command.words}
        submit_body.close_input(given, fields)
        for job in copies(fields, given):
            yield Planned(job.fields, job.label or f"{number}: ", job.log, job.log_stderr)


def _converted(arguments: argparse.Namespace, changed: Mapping[str, Any]) -> argparse.Namespace:
    """Return the arguments of one command, with the values that its options have."""
    types: Mapping[str, Type] = arguments.types
    values = {**vars(arguments), **changed}
    values["env"] = [*arguments.shell_env, *(values["env"] or ())]
    values["cwd"] = values["cwd"] or arguments.shell_cwd
    for name, convert in types.items():
        value = values.get(name)
        if isinstance(value, str):
            try:
                values[name] = convert(value)
            except argparse.ArgumentTypeError as error:
                raise Failure(f"{_SHOWN[name].strip()}: {error}", USAGE) from None
    return argparse.Namespace(**values)
