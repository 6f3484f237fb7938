"""``flux.job.JobspecV1``: makes and changes jobspecs (RFC 25), as in Flux's bindings.

Variables of the service that are secret stay out of the environment of a job: the jobspec can be
read by others than the user.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluxapi.model.options import put
from fluxapi.model.times import parse_duration
from fluxapi.security.secrets import NAMES as SECRETS

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Jobspec", "JobspecV1"]

_OPTIONS = "system.shell.options"
_BATCH_TIMEOUT_S = 0.05
_PRIVATE, _EXECUTABLE = 0o100600, 0o100700


class Jobspec:
    """A jobspec: its sections, and properties for what is set most."""

    def __init__(
        self,
        resources: list[dict[str, Any]],
        tasks: list[dict[str, Any]],
        attributes: dict[str, Any] | None = None,
        version: int = 1,
    ) -> None:
        attributes = {} if attributes is None else attributes
        attributes.setdefault("system", {}).setdefault("duration", 0)
        self.jobspec: dict[str, Any] = {
            "resources": resources,
            "tasks": tasks,
            "attributes": attributes,
            "version": version,
        }

    @property
    def resources(self) -> list[dict[str, Any]]:
        """The section ``resources``."""
        found: list[dict[str, Any]] = self.jobspec["resources"]
        return found

    @property
    def tasks(self) -> list[dict[str, Any]]:
        """The section ``tasks``."""
        found: list[dict[str, Any]] = self.jobspec["tasks"]
        return found

    @property
    def attributes(self) -> dict[str, Any]:
        """The section ``attributes``."""
        found: dict[str, Any] = self.jobspec["attributes"]
        return found

    @property
    def version(self) -> int:
        """The version of the jobspec."""
        return int(self.jobspec["version"])

    @property
    def duration(self) -> float | None:
        """The time limit in seconds; 0 is none. Also set by text (RFC 23) or a timedelta."""
        found: float | None = self._get("system.duration")
        return found

    @duration.setter
    def duration(self, value: float | str | timedelta) -> None:
        if isinstance(value, timedelta):
            seconds = value.total_seconds()
        elif isinstance(value, (int, float)):
            seconds = float(value)
        elif isinstance(value, str):
            seconds = parse_duration(value)
        else:
            raise TypeError("duration must be an int, float, string, or timedelta")
        if not (math.isfinite(seconds) and seconds >= 0):
            raise ValueError("duration must be a finite value, 0 or more")
        self.setattr("system.duration", seconds)

    @property
    def queue(self) -> str | None:
        """The queue."""
        found: str | None = self._get("system.queue")
        return found

    @queue.setter
    def queue(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError("queue must be a string")
        self.setattr("system.queue", value)

    @property
    def cwd(self) -> str | None:
        """The working directory on the nodes."""
        found: str | None = self._get("system.cwd")
        return found

    @cwd.setter
    def cwd(self, value: str | os.PathLike[str]) -> None:
        self.setattr("system.cwd", os.fspath(value))

    @property
    def environment(self) -> Mapping[str, str] | None:
        """The whole environment of the job."""
        found: Mapping[str, str] | None = self._get("system.environment")
        return found

    @environment.setter
    def environment(self, value: Mapping[str, str]) -> None:
        if not isinstance(value, Mapping):
            raise ValueError("environment must be a mapping")  # noqa: TRY004 - as in Flux
        self.setattr("system.environment", value)

    @property
    def input(self) -> str | None:
        """The file of standard input."""
        return self._path("input.stdin")

    @input.setter
    def input(self, value: str | os.PathLike[str]) -> None:
        self._set_path("input.stdin", value)

    @property
    def output(self) -> str | None:
        """The file of standard output."""
        return self._path("output.stdout")

    @output.setter
    def output(self, value: str | os.PathLike[str]) -> None:
        self._set_path("output.stdout", value)

    @property
    def error(self) -> str | None:
        """The file of standard error."""
        return self._path("output.stderr")

    @error.setter
    def error(self, value: str | os.PathLike[str]) -> None:
        self._set_path("output.stderr", value)

    stdin = input
    stdout = output
    stderr = error

    @property
    def unbuffered(self) -> bool:
        """Tell if output is passed on as it is written."""
        return bool(self._get(f"{_OPTIONS}.output.stdout.buffer.type") == "none")

    @unbuffered.setter
    def unbuffered(self, value: bool) -> None:
        kind = "none" if value else "line"
        self.setattr_shell_option("output.stdout.buffer.type", kind)
        self.setattr_shell_option("output.stderr.buffer.type", kind)
        if value:
            self.setattr_shell_option("output.batch-timeout", _BATCH_TIMEOUT_S)
            self.setattr_shell_option("input.batch-timeout", 0.0)

    def add_file(
        self,
        path: str,
        data: str | Mapping[str, Any],
        perms: int | None = None,
        encoding: str | None = None,
    ) -> None:
        """Send a file with the job (RFC 37); *data* is its content, or a path on this machine."""
        if isinstance(data, str) and encoding is None and "\n" not in data:
            source = Path(data)
            perms = source.stat().st_mode & 0o777 if perms is None else perms
            data = source.read_text(encoding="utf-8")
        mode = _PRIVATE if perms is None else 0o100000 | perms
        entry: dict[str, Any] = {"mode": mode, "data": data}
        if isinstance(data, str):
            entry["encoding"] = encoding or "utf-8"
        self.attributes["system"].setdefault("files", {})[path] = entry

    def getattr(self, key: str) -> Any:
        """Return an attribute by its dotted name; raise ``KeyError`` if there is none."""
        found = self._get(_below_attributes(key))
        if found is None:
            raise KeyError(key)
        return found

    def setattr(self, key: str, val: Any) -> None:
        """Set an attribute by its dotted name, which is below ``system`` if it has no root."""
        put(self.attributes, _below_attributes(key), val)

    def setattr_shell_option(self, key: str, val: Any) -> None:
        """Set an option of the job shell."""
        put(self.attributes, f"{_OPTIONS}.{key}", val)

    def dumps(self, **options: Any) -> str:
        """Return the jobspec as JSON, without the secrets of the service."""
        document = self.jobspec
        environment = self.environment
        if environment and any(name in environment for name in SECRETS):
            kept = {name: text for name, text in environment.items() if name not in SECRETS}
            system = {**self.attributes["system"], "environment": kept}
            document = {**document, "attributes": {**self.attributes, "system": system}}
        return json.dumps(document, ensure_ascii=False, **options)

    def __str__(self) -> str:
        return self.dumps()

    def _get(self, path: str) -> Any:
        found: Any = self.attributes
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def _path(self, stream: str) -> str | None:
        found: str | None = self._get(f"{_OPTIONS}.{stream}.path")
        return found

    def _set_path(self, stream: str, value: str | os.PathLike[str]) -> None:
        self.setattr_shell_option(f"{stream}.type", "file")
        self.setattr_shell_option(f"{stream}.path", os.fspath(value))


class JobspecV1(Jobspec):
    """A jobspec of version 1 (RFC 25)."""

    @classmethod
    def from_command(
        cls,
        command: Iterable[str],
        num_tasks: int = 1,
        cores_per_task: int = 1,
        gpus_per_task: int | None = None,
        num_nodes: int | None = None,
        exclusive: bool = False,
        **options: Any,
    ) -> Self:
        """Return the jobspec of a command.

        *options* are duration, environment (default: that of this process), env_expand, cwd,
        rlimits, name, input, output, error, label_io, unbuffered, queue and bank.
        """
        resources, count = _resources(num_tasks, cores_per_task, gpus_per_task, num_nodes)
        if exclusive:
            if num_nodes is None:
                raise ValueError("exclusive can only be set with a node count")
            resources["exclusive"] = True
        task = {"command": list(command), "slot": "task", "count": count}
        jobspec = cls([resources], [task])
        jobspec._apply(**options)
        return jobspec

    @classmethod
    def from_nest_command(
        cls,
        command: Iterable[str],
        num_slots: int = 1,
        cores_per_slot: int = 1,
        gpus_per_slot: int | None = None,
        num_nodes: int | None = None,
        broker_opts: Iterable[str] | None = None,
        exclusive: bool = False,
        conf: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Self:
        """Return the jobspec of an instance whose initial program is *command*."""
        broker = [*(broker_opts or ()), *(["-c{{tmpdir}}/conf.json"] if conf is not None else ())]
        jobspec = cls.from_command(
            ["flux", "broker", *broker, *command],
            num_slots,
            cores_per_slot,
            gpus_per_slot,
            num_nodes,
            exclusive,
            **options,
        )
        jobspec.setattr_shell_option("per-resource.type", "node")
        jobspec.setattr_shell_option("mpi", "none")
        jobspec.setattr_shell_option("exit-timeout", "none")
        if conf is not None:
            jobspec.add_file("conf.json", conf)
        return jobspec

    @classmethod
    def from_batch_command(
        cls, script: str, jobname: str, args: Iterable[str] | None = None, **options: Any
    ) -> Self:
        """Return the jobspec of a batch script; *options* are those of ``from_nest_command``."""
        if not script.startswith("#!"):
            raise ValueError(f"{jobname} does not appear to start with '#!'")
        words = ["{{tmpdir}}/script", *(args or ())]
        jobspec = cls.from_nest_command(words, **{"name": jobname, **options})
        jobspec.add_file("script", script, _EXECUTABLE & 0o777, "utf-8")
        return jobspec

    def _apply(
        self,
        *,
        duration: float | str | timedelta | None = None,
        environment: Mapping[str, str] | None = None,
        env_expand: Mapping[str, str] | None = None,
        cwd: str | None = None,
        rlimits: Mapping[str, int] | None = None,
        name: str | None = None,
        input: str | None = None,
        output: str | None = None,
        error: str | None = None,
        label_io: bool = False,
        unbuffered: bool = False,
        queue: str | None = None,
        bank: str | None = None,
    ) -> None:
        self.environment = dict(os.environ) if environment is None else environment
        given = {"duration": duration, "cwd": cwd, "input": input, "queue": queue}
        for attribute, value in given.items():
            if value is not None:
                setattr(self, attribute, value)
        self._write_to(output, error, label_io=label_io)
        for key, value in (("job.name", name), ("bank", bank)):
            if value is not None:
                self.setattr(key, value)
        for key, some in (("env-expand", env_expand), ("rlimit", rlimits)):
            if some is not None:
                self.setattr_shell_option(key, dict(some))
        if unbuffered:
            self.unbuffered = True

    def _write_to(self, output: str | None, error: str | None, *, label_io: bool) -> None:
        for stream, path in (("stdout", output), ("stderr", error)):
            if path is not None and path not in {"none", "kvs"}:
                setattr(self, stream, path)
                if label_io:
                    self.setattr_shell_option(f"output.{stream}.label", True)


def _resources(
    tasks: int, cores: int, gpus: int | None, nodes: int | None
) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the requested resource, and the ``count`` of the tasks; raise ``ValueError``."""
    for what, number in (("task count", tasks), ("cores per task", cores), ("node count", nodes)):
        if not (_is_number(number, 1) or (number is None and what == "node count")):
            raise ValueError(f"{what} must be an integer >= 1")
    if gpus is not None and not _is_number(gpus, 0):
        raise ValueError("gpus per task must be an integer >= 0")
    children = [{"type": "core", "count": cores}]
    if gpus:
        children.append({"type": "gpu", "count": gpus})
    slot: dict[str, Any] = {"type": "slot", "count": tasks, "with": children, "label": "task"}
    if nodes is None:
        return slot, {"per_slot": 1}
    if nodes > tasks:
        raise ValueError("node count must not be greater than task count")
    slot["count"] = -(-tasks // nodes)
    count = {"total": tasks} if tasks % nodes else {"per_slot": 1}
    return {"type": "node", "count": nodes, "with": [slot]}, count


def _is_number(value: object, least: int) -> bool:
    return isinstance(value, int) and value >= least


def _below_attributes(key: str) -> str:
    for root in (".", "attributes."):
        if key.startswith(root):
            return key[len(root) :]
    return key if key.startswith(("system.", "user.")) else f"system.{key}"
