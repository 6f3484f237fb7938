"""Parses and checks the supported parts of a jobspec (RFC 14, RFC 25)."""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import msgspec

from fluxapi.errors import FluxRefused
from fluxapi.model.batch import SCRIPT

from .constraint import check_constraint
from .fields import MAX_COUNT, MAX_SECONDS, as_mapping, as_text, seconds, text_mapping
from .shape import Shape, read_shape

__all__ = ["Request", "StreamTarget", "TestExec", "parse_request"]

_TOP_LEVEL = ("resources", "tasks", "attributes", "version")
_MAX_TASKS = 4096
"""Tasks of one job; each is a process with three descriptors on this machine."""

_BATCH = ("flux", "broker")
"""The first words of the command of a batch job."""

_MAX_DEPTH = 128
"""Levels of nested lists and mappings in a jobspec."""

_MAX_INTEGER = 2**63 - 1
_LONG_NUMBER = b"0" * 19
"""Is in every JSON text that contains an integer beyond 64 bits, once all digits are zeros."""

_TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")

_MAX_WAIT_STATUS = 0xFFFF

_EXIT_TIMEOUT_S = 30.0
"""Flux's default of the shell option exit-timeout (src/shell/doom.c)."""


@dataclass(frozen=True, slots=True)
class TestExec:
    """A job without a process (src/modules/job-exec/testexec.c); ``duration`` in seconds."""

    duration: float
    wait_status: int = 0
    mock_exception: str | None = None


@dataclass(frozen=True, slots=True)
class StreamTarget:
    """The target of a standard stream: a path template (``None``: the output log), and labels."""

    path: str | None = None
    label: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A requested job. ``duration`` in seconds, 0 for no limit; ``ntasks`` processes.

    ``exit_timeout`` is the time that other tasks may run after the first one has exited (``None``:
    no limit); ``files`` are RFC 37 file objects by path, written to the job's temporary directory.
    """

    command: tuple[str, ...]
    ntasks: int
    shape: Shape
    duration: float
    environment: dict[str, str]
    cwd: str | None
    name: str
    dependencies: tuple[tuple[str, str], ...] = ()
    constraint: Mapping[str, Any] | None = None
    test: TestExec | None = None
    files: Mapping[str, Any] = field(default_factory=dict)
    stdin: str | None = None
    stdout: StreamTarget = StreamTarget()
    stderr: StreamTarget = StreamTarget()
    append: bool = False
    rlimits: Mapping[str, Any] = field(default_factory=dict)
    env_expand: Mapping[str, str] = field(default_factory=dict)
    exit_timeout: float | None = _EXIT_TIMEOUT_S
    exit_on_error: bool = False

    @property
    def may_wait(self) -> bool:
        """True if the start may wait for something else: the job names files, or has limits."""
        paths = (self.stdin, self.stdout.path, self.stderr.path)
        return bool(self.rlimits) or any(path is not None for path in paths)


def parse_request(jobspec: bytes, hostname: str) -> tuple[Request, dict[str, Any]]:
    """Parse a jobspec V1.

    Returns:
        The request, and the decoded jobspec without its environment.

    Raises:
        FluxRefused: The instance does not accept the jobspec.
    """
    spec = _decode(jobspec)
    system = _attributes(spec)
    command, count = _task(spec["tasks"])
    files = as_mapping(system.get("files", {}), "attributes.system.files")
    if command[:2] == _BATCH and SCRIPT in command and "script" in files:
        # Without a broker, the script of a batch job runs as the job's only task.
        command = command[command.index(SCRIPT) :]
    shape = read_shape(spec["resources"])
    options = as_mapping(
        as_mapping(system.get("shell", {}), "attributes.system.shell").get("options", {}),
        "attributes.system.shell.options",
    )
    if system.get("queue") is not None:
        _refuse(f"'{system['queue']}' is not a valid queue")
    constraint = system.get("constraints")
    if constraint is not None:
        check_constraint(constraint, hostname)
    stdout, stderr = _outputs(options)
    request = Request(
        command=command,
        ntasks=_ntasks(count, shape, options.get("per-resource")),
        shape=shape,
        duration=_duration(system),
        environment=text_mapping(
            system.get("environment", {}), "attributes.system.environment", names=True
        ),
        cwd=as_text(system.get("cwd"), "attributes.system.cwd"),
        name=_name(system, command),
        dependencies=_dependencies(system.get("dependencies", [])),
        constraint=constraint,
        test=_test(system),
        files=files,
        stdin=_stdin(options),
        stdout=stdout,
        stderr=stderr,
        append=as_mapping(options.get("output", {}), "shell option output").get("mode") == "append",
        rlimits=as_mapping(options.get("rlimit", {}), "shell option rlimit"),
        env_expand=text_mapping(options.get("env-expand", {}), "shell option env-expand"),
        exit_timeout=_exit_timeout(options.get("exit-timeout")),
        exit_on_error=bool(options.get("exit-on-error", False)),
    )
    return request, _redacted(spec, system)


def _refuse(sentence: str) -> NoReturn:
    raise FluxRefused(sentence)


def _decode(jobspec: bytes) -> dict[str, Any]:
    try:
        spec = msgspec.json.decode(jobspec)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise FluxRefused(f"jobspec: invalid JSON: {error}") from None
    if not isinstance(spec, dict):
        _refuse("jobspec: it is not a JSON object")
    if b"\\u0000" in jobspec:
        # No path, argument or variable can contain one, and Flux refuses it here, too.
        _refuse("jobspec: invalid JSON: \\u0000 is not allowed")
    if jobspec.count(b"[") + jobspec.count(b"{") > _MAX_DEPTH or _has_long_number(jobspec):
        _check_values(spec)
    for key in _TOP_LEVEL:
        if key not in spec:
            _refuse(f"Missing key ({key})")
    for key in spec:
        if key not in _TOP_LEVEL:
            _refuse(f"Extraneous key ({key})")
    if spec["version"] != 1:
        _refuse("version must be 1")
    return spec


def _has_long_number(jobspec: bytes) -> bool:
    """Return whether 19 digits follow each other; a regular expression takes far longer."""
    return _LONG_NUMBER in jobspec.translate(_TO_ZEROS)


def _check_values(spec: dict[str, Any]) -> None:
    """Refuse values that cannot be encoded as JSON again, as Flux's own JSON library does."""
    level: list[Any] = [spec]
    for _ in range(_MAX_DEPTH):
        below: list[Any] = []
        for outer in level:
            for value in outer.values() if isinstance(outer, dict) else outer:
                if isinstance(value, dict | list):
                    below.append(value)
                elif isinstance(value, int) and not -_MAX_INTEGER - 1 <= value <= _MAX_INTEGER:
                    _refuse("jobspec: invalid JSON: too big integer")
        if not below:
            return
        level = below
    _refuse(f"jobspec: it must not be nested deeper than {_MAX_DEPTH} levels")


def _attributes(spec: dict[str, Any]) -> dict[str, Any]:
    attributes = as_mapping(spec["attributes"], "attributes")
    for key in attributes:
        if key not in {"system", "user"}:
            _refuse(f"Extraneous key ({key})")
    if "system" not in attributes:
        _refuse("attributes.system is a required key")
    return as_mapping(attributes["system"], "attributes.system")


def _duration(system: dict[str, Any]) -> float:
    if "duration" not in system:
        _refuse("attributes.system.duration is a required key")
    duration = system["duration"]
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        _refuse("attributes.system.duration must be a number")
    if not 0 <= duration < MAX_SECONDS:
        _refuse(f"attributes.system.duration must be from 0 to below {MAX_SECONDS:g} seconds")
    return float(duration)


def _task(tasks: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    if not isinstance(tasks, list) or not tasks:
        _refuse("tasks must be a list of one task")
    for task in tasks:
        as_mapping(task, "task")
        for key in ("command", "slot", "count"):
            if key not in task:
                _refuse(f"Missing key ({key})")
    task = tasks[0]
    command = task["command"]
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        _refuse("command must be a list of strings")
    if not command:
        _refuse("command array cannot have length of zero")
    if not isinstance(task["slot"], str):
        _refuse("slot must be a string")
    return tuple(command), _count(as_mapping(task["count"], "task count"))


def _count(count: dict[str, Any]) -> dict[str, Any]:
    if len(count) != 1:
        _refuse("count must have exactly one key set")
    kind, number = next(iter(count.items()))
    if kind not in {"per_slot", "total"}:
        _refuse("count per_slot or total must be set")
    if isinstance(number, bool) or not isinstance(number, int):
        _refuse(f"count {kind} must be an int")
    if number <= 0:
        _refuse(f"count {kind} must be > 0")
    if number > MAX_COUNT:
        _refuse(f"count {kind} must be at most {MAX_COUNT}")
    return count


def _ntasks(count: dict[str, Any], shape: Shape, per_resource: Any) -> int:
    if per_resource is not None:
        ntasks = _per_resource(as_mapping(per_resource, "shell option per-resource"), shape)
    else:
        ntasks = count.get("total") or count["per_slot"] * shape.slots
    # A request for more slots than cores is not refused here; it is unsatisfiable anyway.
    if ntasks > max(_MAX_TASKS, shape.slots):
        _refuse(f"{ntasks} tasks: this instance runs at most {_MAX_TASKS} tasks in one job")
    return int(ntasks)


def _per_resource(option: dict[str, Any], shape: Shape) -> int:
    kind, number = option.get("type"), option.get("count", 1)
    if not isinstance(kind, str) or kind not in {"node", "core"}:
        _refuse("shell option per-resource: type must be node or core")
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= MAX_COUNT:
        _refuse(f"shell option per-resource: count must be an int from 1 to {MAX_COUNT}")
    return number * (shape.cores if kind == "core" else max(1, shape.nodes))


def _name(system: dict[str, Any], command: tuple[str, ...]) -> str:
    name = as_mapping(system.get("job", {}), "attributes.system.job").get("name")
    return name if isinstance(name, str) else os.path.basename(command[0])  # noqa: PTH119 - no path


def _dependencies(listed: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(listed, list):
        _refuse("attributes.system.dependencies must be a list")
    pairs: list[tuple[str, str]] = []
    for dependency in listed:
        as_mapping(dependency, "dependency")
        for key in ("scheme", "value"):
            if key not in dependency:
                _refuse(f"Missing key ({key})")
            if not isinstance(dependency[key], str):
                _refuse(f"dependency {key} must be a string")
        pairs.append((dependency["scheme"], dependency["value"]))
    return tuple(pairs)


def _test(system: dict[str, Any]) -> TestExec | None:
    execution = as_mapping(system.get("exec", {}), "attributes.system.exec")
    if "test" not in execution:
        return None
    test = as_mapping(execution["test"], "attributes.system.exec.test")
    status = test.get("wait_status", 0)
    mock = test.get("mock_exception")
    field = "attributes.system.exec.test"
    if (
        isinstance(status, bool)
        or not isinstance(status, int)
        or not 0 <= status <= _MAX_WAIT_STATUS
    ):
        _refuse(f"{field}.wait_status must be an int from 0 to {_MAX_WAIT_STATUS}")
    mock = as_text(mock, f"{field}.mock_exception")
    duration = test.get("run_duration", _duration(system))
    return TestExec(seconds(duration, f"{field}.run_duration"), status, mock)


def _exit_timeout(value: Any) -> float | None:
    if value is None:
        return _EXIT_TIMEOUT_S
    if isinstance(value, str) and value.lower() == "none":
        return None
    return seconds(value, "shell option exit-timeout")


def _stdin(options: Mapping[str, Any]) -> str | None:
    stream = as_mapping(options.get("input", {}), "shell option input").get("stdin", {})
    stream = as_mapping(stream, "shell option input.stdin")
    if stream.get("type", "file") != "file":
        return None
    return as_text(stream.get("path"), "shell option input.stdin.path")


def _outputs(options: Mapping[str, Any]) -> tuple[StreamTarget, StreamTarget]:
    output = as_mapping(options.get("output", {}), "shell option output")
    stdout = _target(output.get("stdout", {}), "stdout", StreamTarget())
    # Without its own options, stderr has the target of stdout (src/shell/output/conf.c).
    return stdout, _target(output.get("stderr", {}), "stderr", stdout)


def _target(value: Any, name: str, default: StreamTarget) -> StreamTarget:
    stream = as_mapping(value, f"shell option output.{name}")
    if stream.get("type") == "kvs":
        return StreamTarget()
    path = as_text(stream.get("path", default.path), f"shell option output.{name}.path")
    return StreamTarget(path, bool(stream.get("label", default.label)))


def _redacted(spec: dict[str, Any], system: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in system.items() if key != "environment"}
    return {**spec, "attributes": {**spec["attributes"], "system": kept}}
