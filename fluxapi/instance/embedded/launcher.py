"""Starts jobs in separate threads, since this can block."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import msgspec

from fluxapi.model.idset import encode_idset
from fluxapi.model.jobid import encode_f58
from fluxapi.process.private_files import own_folder

from .files import LabeledFile, OpenError, open_for_job
from .launch_threads import LaunchThreads
from .mustache import Tags
from .remover import Remover
from .request import Request, StreamTarget, parse_request
from .scheduler import Allocated
from .spawn import Command, limits, spawn, watched
from .sweeper import COOKIE

__all__ = ["LaunchError", "Launched", "Launcher", "Plan", "Task"]

_FALLBACK_CWD = "/tmp"  # noqa: S108 - used by Flux if the directory of a job does not exist
_MAX_NOTE_LENGTH = 1024
_SHORT_JOBSPEC = 1 << 13
"""Bytes of a jobspec up to which its request is cached."""

_OPENING_THREADS = 4
"""Jobs with input or output files, or with limits, that are started concurrently."""


@dataclass(slots=True)
class Plan:
    """A job to start; ``aborted`` tells the thread to skip it.

    ``may_wait`` is true if the start may wait for something else, such as a file that the job
    names.
    """

    jobid: int
    jobspec: bytes
    allocated: Allocated
    may_wait: bool = False
    aborted: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """A started process: ``exited`` is readable after its exit, the others are pipes or −1."""

    rank: int
    pid: int
    exited: int
    stdout: int
    stderr: int


@dataclass(frozen=True, slots=True)
class LaunchError:
    """The reason why a job could not be started: the note of its exception and its exit code."""

    note: str
    code: int


@dataclass(slots=True)
class Launched:
    """A started job. ``redirects`` are output files by stream, ``labels`` those that get labels,
    which whoever has this closes.

    ``warnings`` go into the output log. With an ``error``, ``tasks`` are those that had started.
    """

    tasks: list[Task] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)
    labels: dict[str, LabeledFile] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    tmpdir: Path | None = None
    error: LaunchError | None = None


class Launcher:
    """A launcher that starts jobs in threads of its own, and reports on the event loop.

    Jobs with input or output files, or with limits, start in other threads than the others, since
    opening a file can take long and must not delay other jobs. ``rundir`` contains the temporary
    directories of jobs, which ``remover`` removes; ``cookie`` marks their processes.
    """

    def __init__(self, cookie: str, rundir: Path, hostname: str, remover: Remover) -> None:
        self._threads = LaunchThreads("fluxapi-launch", 1)
        self._openings = LaunchThreads("fluxapi-open", _OPENING_THREADS)
        self._cookie = cookie
        self._rundir = rundir
        self._hostname = hostname
        self._remover = remover
        self._loop = asyncio.get_running_loop()

    def launch(self, plan: Plan, done: Callable[[Plan, Launched], None]) -> None:
        """Start the job, and always call *done* on the event loop afterward."""
        threads = self._openings if plan.may_wait else self._threads
        threads.submit(partial(self._run, plan, done))

    def remove(self, tmpdir: Path) -> None:
        """Delete the temporary directory of a job that has ended."""
        self._remover.remove(tmpdir)

    def _run(self, plan: Plan, done: Callable[[Plan, Launched], None]) -> None:
        launched = Launched()
        if not plan.aborted:
            try:
                self._launch(plan, launched)
            except _Failed as failure:
                launched.error = LaunchError(str(failure)[:_MAX_NOTE_LENGTH], failure.code)
            except Exception as error:  # noqa: BLE001 - whatever it is, the job must end
                launched.error = LaunchError(f"shell_init: {error}"[:_MAX_NOTE_LENGTH], 1)
        self._loop.call_soon_threadsafe(done, plan, launched)

    def _launch(self, plan: Plan, launched: Launched) -> None:
        request = _request(plan.jobspec, self._hostname)
        # A program that cleans /tmp, or a job, may have removed it since the last job.
        own_folder(self._rundir)
        tmpdir = self._rundir / f"jobtmp-0-{encode_f58(plan.jobid)}"
        self._remover.remove_empty()
        tmpdir.mkdir(mode=0o700)
        launched.tmpdir = tmpdir
        tags = Tags(
            plan.jobid,
            request.name,
            request.ntasks,
            self._hostname,
            len(plan.allocated.cores),
            encode_idset(plan.allocated.cores),
            encode_idset(plan.allocated.gpus),
            str(tmpdir),
        )
        _write_files(request, tmpdir)
        cwd = self._enter(request.cwd, launched)
        environment = self._environment(plan, request, tags)
        try:
            soft = limits(request.rlimits)
        except ValueError as error:
            raise _Failed(str(error)) from None
        with _Streams(request, tags, cwd, launched, {COOKIE: self._cookie}) as streams:
            for rank in range(request.ntasks):
                if plan.aborted:
                    break
                argv = [tags.render(word, rank) for word in request.command]
                local = {"FLUX_TASK_LOCAL_ID": str(rank), "FLUX_TASK_RANK": str(rank)}
                stdout, stderr = streams.pair()
                command = Command(
                    argv, environment | local, cwd, streams.stdin, stdout[1], stderr[1], soft
                )
                try:
                    pid = self._spawn(command, rank)
                    launched.tasks.append(Task(rank, pid, watched(pid), stdout[0], stderr[0]))
                except BaseException:
                    _close(stdout[0], stderr[0])
                    raise
                finally:
                    streams.release(stdout, stderr)

    def _spawn(self, command: Command, rank: int) -> int:
        try:
            return spawn(command)
        except OSError as error:
            code = {errno.ENOENT: 127, errno.EACCES: 126, errno.EPERM: 126}.get(error.errno or 0, 1)
            raise _Failed(
                f"task {rank} (host {self._hostname}): start failed: "
                f"{command.argv[0][:256]}: {os.strerror(error.errno or 0)}",
                code,
            ) from None

    def _enter(self, cwd: str | None, launched: Launched) -> str | None:
        if cwd is None:
            return None
        try:
            if not stat.S_ISDIR(os.stat(cwd).st_mode):  # noqa: PTH116 - errno is wanted
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
            if not os.access(cwd, os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            launched.warnings.append(
                f"host {self._hostname}: Could not change dir to {cwd[:256]}: {error.strerror}. "
                f"Going to {_FALLBACK_CWD} instead"
            )
            return _FALLBACK_CWD
        return cwd

    def _environment(self, plan: Plan, request: Request, tags: Tags) -> dict[str, str]:
        """Return the variables of the jobspec and of Flux, without those of the service."""
        expanded = {name: tags.render(text) for name, text in request.env_expand.items()}
        jobid = encode_f58(plan.jobid)
        environment = {
            **request.environment,
            **expanded,
            "FLUX_JOB_ID": jobid,
            "FLUX_JOB_ID_PATH": f"/{jobid}",
            "FLUX_JOB_SIZE": str(request.ntasks),
            "FLUX_JOB_NNODES": "1",
            "FLUX_JOB_TMPDIR": tags.tmpdir,
            COOKIE: self._cookie,
        }
        if "HOSTNAME" in environment:
            environment["HOSTNAME"] = self._hostname
        if plan.allocated.gpus:
            environment["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, plan.allocated.gpus))
            environment.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
        return environment


def _request(jobspec: bytes, hostname: str) -> Request:
    if len(jobspec) > _SHORT_JOBSPEC:
        return parse_request(jobspec, hostname)[0]
    return _short_request(jobspec, hostname)


@lru_cache(maxsize=64)
def _short_request(jobspec: bytes, hostname: str) -> Request:
    # The copies of a bulk request have the same jobspec, as have many steps of a workflow.
    return parse_request(jobspec, hostname)[0]


class _Failed(Exception):
    """The job cannot start; the text is the note, ``code`` the exit code."""

    def __init__(self, note: str, code: int = 1) -> None:
        super().__init__(note)
        self.code = code


class _Streams:
    """The standard streams of a job's tasks: shared files, or a pipe for each task."""

    def __init__(
        self,
        request: Request,
        tags: Tags,
        cwd: str | None,
        launched: Launched,
        environment: dict[str, str],
    ) -> None:
        self._request = request
        self._environment = environment
        self._tags = tags
        self._cwd = cwd
        self._launched = launched
        self._files: dict[str, int] = {}
        self.stdin = -1

    def __enter__(self) -> _Streams:  # noqa: PYI034 - Self is not in 3.10
        try:
            self._open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _close(self.stdin, *self._files.values())

    def pair(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the service's end (−1 for a file) and the task's end of stdout and stderr."""
        stdout = self._one("stdout", self._request.stdout)
        try:
            return stdout, self._one("stderr", self._request.stderr)
        except OSError:
            _close(*stdout)
            raise

    def release(self, *ends: tuple[int, int]) -> None:
        """Close the task's ends of pipes after its start."""
        _close(*(theirs for ours, theirs in ends if ours >= 0))

    def _one(self, name: str, target: StreamTarget) -> tuple[int, int]:
        if target.path is not None and not target.label:
            return -1, self._files[self._launched.redirects[name]]
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        return reader, writer

    def _path(self, template: str) -> str:
        return os.path.join(self._cwd or os.getcwd(), self._tags.render(template))  # noqa: PTH109,PTH118

    def _open(self) -> None:
        """Open each file of the job once, even if both streams use it."""
        request = self._request
        mode = os.O_APPEND if request.append else os.O_TRUNC
        wanted: dict[tuple[str, str], int] = {}
        if request.stdin is not None:
            wanted["input", self._path(request.stdin)] = os.O_RDONLY
        targets = {"stdout": request.stdout, "stderr": request.stderr}
        for name, target in targets.items():
            if target.path is not None:
                path = self._launched.redirects[name] = self._path(target.path)
                wanted["output", path] = os.O_WRONLY | os.O_CREAT | mode
        opened = self._opened(wanted)
        self._files = {path: fd for (kind, path), fd in opened.items() if kind == "output"}
        [self.stdin] = [fd for (kind, _), fd in opened.items() if kind == "input"] or [
            os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        ]
        labeled: dict[str, LabeledFile] = {}
        for name, path in self._launched.redirects.items():
            if targets[name].label:
                if path not in labeled:
                    labeled[path] = _labeled(path, self._files[path])
                self._launched.labels[name] = labeled[path]

    def _opened(self, wanted: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
        if not wanted:
            return {}
        try:
            files = open_for_job(
                [(path, flags) for (_, path), flags in wanted.items()], self._environment
            )
        except OpenError as error:
            kind, path = list(wanted)[error.place]
            raise _unopened(kind, path, error.reason) from None
        return dict(zip(wanted, files, strict=True))


def _labeled(path: str, fd: int) -> LabeledFile:
    try:
        return LabeledFile(path, fd)
    except OSError as error:
        raise _unopened("output", path, error.strerror) from None


def _unopened(kind: str, path: str, reason: str | None) -> _Failed:
    return _Failed(f"error opening {kind} file '{path[:256]}': {reason}")


def _close(*fds: int) -> None:
    for fd in fds:
        if fd >= 0:
            os.close(fd)


def _write_files(request: Request, tmpdir: Path) -> None:
    """Unpack the jobspec's RFC 37 files into the job's temporary directory."""
    for name, value in request.files.items():
        path = Path(os.path.normpath(tmpdir / name))
        if not path.is_relative_to(tmpdir) or path == tmpdir:
            raise _Failed(f"files: {name[:256]}: is not below the job's temporary directory")
        try:
            data, mode = _file_content(value)
            path.parent.mkdir(parents=True, exist_ok=True)
            # A job of the same user may have created a link there, which must not be followed.
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(data)
                os.fchmod(fd, mode)
        except (OSError, ValueError) as error:
            raise _Failed(f"files: {name[:256]}: {error}") from None


def _file_content(value: object) -> tuple[bytes, int]:
    if not isinstance(value, dict):
        return msgspec.json.encode(value), 0o600
    mode = value.get("mode", 0o600)
    if not isinstance(mode, int) or stat.S_IFMT(mode) not in {0, stat.S_IFREG}:
        raise ValueError("only regular files are supported")
    data, encoding = value.get("data", ""), value.get("encoding")
    if encoding is None:
        return msgspec.json.encode(data), mode & 0o777
    if not isinstance(data, str) or encoding not in {"utf-8", "base64"}:
        raise ValueError("the encoding must be utf-8 or base64, the data a string")
    return base64.b64decode(data) if encoding == "base64" else data.encode(), mode & 0o777
