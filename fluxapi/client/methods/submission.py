"""Submission of jobs."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fluxapi.client import bulk
from fluxapi.client.errors import BulkItem
from fluxapi.client.job import JobId
from fluxapi.client.options import BatchOptions, Command, SubmitOptions
from fluxapi.client.pagination import Paged
from fluxapi.client.results import CheckedJob, JobFinding
from fluxapi.client.signatures import with_options

from .base import Methods

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = ["SubmissionMethods"]

_log = logging.getLogger("fluxapi.client")


class SubmissionMethods(Methods):
    """The methods that submit jobs."""

    @with_options(SubmitOptions)
    async def submit(
        self,
        command: Command | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[SubmitOptions],
    ) -> str:
        """Submit a job and return its ID.

        Pass a command with options, or ``jobspec=…`` instead of both. Every submission has an
        idempotency key, so a retry does not submit the job twice. Pass a key of your own to extend
        this to another run of your program.

        Args:
            command: Program and arguments: a list, or text that is split as by a shell.
            idempotency_key: Key of the submission; default is a new one.
            num_tasks: Number of tasks; default is one on each of ``num_nodes``, or one in all.
            cores_per_task: Cores for each task; default 1.
            gpus_per_task: GPUs for each task.
            num_cores: Cores in total, in place of ``num_tasks`` and ``cores_per_task``.
            tasks_per_node: Tasks on each node; needs ``num_nodes`` or ``num_cores``.
            tasks_per_core: Tasks on each core; needs ``num_nodes`` or ``num_cores``.
            gpus_per_node: GPUs of each node; needs ``num_nodes``.
            num_nodes: Nodes to spread the tasks over.
            exclusive: Take whole nodes; needs ``num_nodes``.
            duration: Time limit in seconds, or text such as ``30m``; 0 is none.
            environment: Variables, added to HOME, USER, LOGNAME, SHELL and PATH.
            env_expand: Variables whose values the job shell expands, such as ``{{rank}}``.
            cwd: Working directory, a path on the nodes.
            rlimits: Resource limits by name in lower case; -1 is unlimited.
            name: Name of the job.
            group: Name or ID of the group of the job.
            input: File on the nodes to read as standard input.
            output: File on the nodes for standard output; default is to keep it in Flux.
            error: File on the nodes for standard error; default is that of ``output``.
            label_io: Label each line of output files with its task.
            unbuffered: Buffer input and output as little as possible.
            queue: Queue to submit to.
            bank: Bank to charge.
            stdin: Standard input of every task: text, or an object with base64 data.
            shell_options: Options of the job shell by name.
            attributes: Attributes of the jobspec (RFC 25) by name.
            dependencies: Dependencies (RFC 26): URIs such as ``afterok:f2QK3Zz``, or objects.
            constraints: Query as of ``flux submit --requires``, such as ``fast & -gpu``, or
                constraint object (RFC 31), such as ``{"properties": ["fast"]}``.
            resources: The resources section of the jobspec (RFC 14), in place of tasks, cores, GPUs
                and nodes.
            urgency: 0 to 31, ``hold``, ``default`` or ``expedite``.
            waitable: Let ``flux job wait`` collect the job.
            debug: Have the job manager post debug events.
            is_launcher: The command is a workflow program that submits jobs itself.
            jobspec: A complete jobspec (RFC 25), in place of a command and options.

        Returns:
            The ID of the job.
        """
        fields = {name: value for name, value in options.items() if value is not None}
        if command is not None:
            fields["command"] = command
        key = idempotency_key or bulk.new_key()
        with bulk.keyed(key):
            return (await self._transport.post("/jobs", fields, _Made, key=key)).id

    async def check(self, job: Mapping[str, Any]) -> CheckedJob:
        """Check a job without submitting it, and return the findings.

        Args:
            job: The fields of the job, with the names of the arguments of :meth:`submit`.
        """
        body = {"job": dict(job)}
        found = await self._transport.post("/jobs/check", body, _Checked, repeatable=True)
        return CheckedJob(
            found.valid,
            [(it.pointer, it.detail) for it in found.errors],
            found.findings,
            found.warnings,
            found.size,
            found.unknown,
        )

    @with_options(BatchOptions)
    async def batch(
        self,
        script: str | os.PathLike[str],
        args: Sequence[str] = (),
        *,
        idempotency_key: str | None = None,
        on_warning: Callable[[str], object] | None = None,
        **options: Unpack[BatchOptions],
    ) -> str:
        """Submit a batch script as ``flux batch`` does, and return the ID of its job.

        Pass the text of the script, or a ``Path`` to its file. The script runs as the program of a
        Flux instance of its own; its ``#flux:`` directives set options, and the options given here
        win. Without ``output``, its output goes to the file ``flux-{{id}}.out``.

        The service may mend a script, or run it as a single task; each sentence about that is
        passed to ``on_warning``, and is logged by default.

        Args:
            script: The text of the script, or a path.
            args: Arguments of the script.
            idempotency_key: Key of the submission; default is a new one.
            on_warning: Function to call with each warning.
            num_slots: Resource slots; default is ``num_nodes`` whole nodes, or 1.
            cores_per_slot: Cores for each slot; default 1.
            gpus_per_slot: GPUs for each slot.
            script_name: Name of the script, which is the default of ``name``.
            wrap: Put ``#!/bin/sh`` before a script that has no interpreter.
            conf: Configuration of the instance.
            broker_opts: Options of the brokers of the instance.
            dump: File that the instance writes its content to when it ends.
            **options: The other options are those of :meth:`submit`.
        """
        fields: dict[str, Any] = {}
        if not isinstance(script, str):
            path = Path(script)
            fields["script_name"] = path.name
            # Without the translation of line ends: the service says that it mends them.
            script = (await asyncio.to_thread(path.read_bytes)).decode("utf-8")
        fields |= {name: value for name, value in options.items() if value is not None}
        fields |= {"script": script, "script_args": list(args)}
        key = idempotency_key or bulk.new_key()
        with bulk.keyed(key):
            made = await self._transport.post("/jobs", fields, _Made, key=key)
        for warning in made.warnings:
            (on_warning or _log.warning)(warning)
        return made.id

    def submit_many(
        self,
        jobs: Iterable[Command | Mapping[str, Any]] | AsyncIterable[Command | Mapping[str, Any]],
        *,
        chunk: int = 1000,
        group: str | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncIterator[BulkItem]:
        """Submit many jobs, ``chunk`` per request, and yield their results in order.

        A job is a command, or a mapping of a command and options. Jobs are read lazily. A rejected
        job has an ``error`` and does not affect the others.

        The jobs are in the group with this name or ID, else in a group of their own, whose ID the
        results have; a job can name another one.

        The idempotency key and its position identify a job, so a retry submits no job twice. If a
        ``ClientError`` ends the submission, it carries the known items in ``submitted`` and the
        key; submit the same jobs with that key to continue.
        """
        key = idempotency_key or bulk.new_key()
        return Paged(bulk.submit_many(self._transport, jobs, chunk, key, group))

    async def bulk(
        self,
        job: Command | Mapping[str, Any],
        *,
        copies: int | None = None,
        cc: str | None = None,
        group: str | None = None,
        idempotency_key: str | None = None,
    ) -> list[BulkItem]:
        """Submit ``copies`` of a job, or one for each ID in ``cc``, such as ``0-9``.

        With ``cc``, ``{cc}`` in the job is replaced by the ID, as in ``flux submit --cc``. The jobs
        are in the group with this name or ID, else in a group of their own.
        """
        if copies is None and cc is None:
            copies = 1
        given = {"job": bulk.submission(job), "copies": copies, "cc": cc, "group": group}
        body = {name: value for name, value in given.items() if value is not None}
        key = idempotency_key or bulk.new_key()
        return await bulk.submit_copies(self._transport, body, key)


class _Made(msgspec.Struct):
    id: JobId
    warnings: list[str] = []


class _FieldError(msgspec.Struct):
    pointer: str
    detail: str


class _Checked(msgspec.Struct):
    valid: bool
    errors: list[_FieldError]
    warnings: list[str]
    size: dict[str, Any]
    findings: list[JobFinding]
    unknown: list[str]
