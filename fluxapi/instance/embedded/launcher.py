"""Everything about starting a job that can block, in one thread of its own."""

from __future__ import annotations

import asyncio
import base64
import errno
import os
import shutil
import stat
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from fluxapi.model.idset import encode_idset
from fluxapi.model.jobid import encode_f58

from .mustache import Tags
from .request import Request, StreamTarget
from .scheduler import Allocated
from .spawn import Command, exit_fd, limits, spawn
from .sweeper import COOKIE

__all__ = ["LaunchError", "Launched", "Launcher", "Plan", "Task"]

_FALLBACK_CWD = "/tmp"  # noqa: S108 - where Flux goes when the directory of a job is not there
_NOTE_LENGTH = 1024
_OUTPUT_MODE = 0o644


@dataclass(slots=True)
class Plan:
    """A job to start; ``aborted`` tells the thread that it is not wanted any more."""

    jobid: int
    request: Request
    allocated: Allocated
    aborted: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """A started process: ``exited`` is readable at its end, the others are its pipes or −1."""

    rank: int
    pid: int
    exited: int
    stdout: int
    stderr: int


@dataclass(frozen=True, slots=True)
class LaunchError:
    """Why a job could not be started: the note of its exception and its exit code."""

    note: str
    code: int


@dataclass(slots=True)
class Launched:
    """A started job. ``redirects`` are output files by stream, ``labels`` those that get labels.

    ``warnings`` go into the output log. With an ``error``, ``tasks`` are those that had started.
    """

    tasks: list[Task] = field(default_factory=list)
    redirects: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Path] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    tmpdir: Path | None = None
    error: LaunchError | None = None


class Launcher:
    """Starts jobs in ``executor``'s thread and reports on the loop.

    ``rundir`` holds their temporary directories; ``cookie`` marks their processes.
    """

    def __init__(self, executor: Executor, cookie: str, rundir: Path, hostname: str) -> None:
        self._executor = executor
        self._cookie = cookie
        self._rundir = rundir
        self._hostname = hostname
        self._loop = asyncio.get_running_loop()

    def launch(self, plan: Plan, done: Callable[[Plan, Launched], None]) -> None:
        """Start the job; ``done`` is called on the loop, always."""
        self._executor.submit(self._run, plan, done)

    def remove(self, tmpdir: Path) -> None:
        """Delete the temporary directory of a job that has ended."""
        self._executor.submit(_remove, tmpdir)

    def _run(self, plan: Plan, done: Callable[[Plan, Launched], None]) -> None:
        launched = Launched()
        if not plan.aborted:
            try:
                self._launch(plan, launched)
            except _Failed as failure:
                launched.error = LaunchError(str(failure)[:_NOTE_LENGTH], failure.code)
            except Exception as error:  # noqa: BLE001 - whatever it is, the job must end
                launched.error = LaunchError(f"shell_init: {error}"[:_NOTE_LENGTH], 1)
        self._loop.call_soon_threadsafe(done, plan, launched)

    def _launch(self, plan: Plan, launched: Launched) -> None:
        request = plan.request
        tmpdir = self._rundir / f"jobtmp-0-{encode_f58(plan.jobid)}"
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
        environment = self._environment(plan, tags)
        try:
            soft = limits(request.rlimits)
        except ValueError as error:
            raise _Failed(str(error)) from None
        with _Streams(request, tags, cwd, launched) as streams:
            for rank in range(request.ntasks):
                argv = [tags.render(word, rank) for word in request.command]
                local = {"FLUX_TASK_LOCAL_ID": str(rank), "FLUX_TASK_RANK": str(rank)}
                stdout, stderr = streams.pair()
                command = Command(
                    argv, environment | local, cwd, streams.stdin, stdout[1], stderr[1], soft
                )
                try:
                    pid = self._spawn(command, rank)
                    launched.tasks.append(Task(rank, pid, exit_fd(pid), stdout[0], stderr[0]))
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

    def _environment(self, plan: Plan, tags: Tags) -> dict[str, str]:
        """The jobspec's variables and those of Flux, nothing of the service's own."""
        request = plan.request
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


class _Failed(Exception):
    """The job cannot start; the text is the note, ``code`` the exit code."""

    def __init__(self, note: str, code: int = 1) -> None:
        super().__init__(note)
        self.code = code


class _Streams:
    """The standard streams of a job's tasks: files that they share, or a pipe for each."""

    def __init__(self, request: Request, tags: Tags, cwd: str | None, launched: Launched) -> None:
        self._request = request
        self._tags = tags
        self._cwd = cwd
        self._launched = launched
        self._files: dict[str, int] = {}
        self.stdin = -1

    def __enter__(self) -> _Streams:  # noqa: PYI034 - Self is not in 3.10
        try:
            path = os.devnull
            if self._request.stdin is not None:
                path = self._path(self._request.stdin)
            self.stdin = _open(path, os.O_RDONLY, "input")
            self._redirect("stdout", self._request.stdout)
            self._redirect("stderr", self._request.stderr)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        _close(self.stdin, *self._files.values())

    def pair(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """For stdout and stderr of a task: our end (−1 for a file) and its end."""
        stdout = self._one("stdout", self._request.stdout)
        try:
            return stdout, self._one("stderr", self._request.stderr)
        except OSError:
            _close(*stdout)
            raise

    def release(self, *ends: tuple[int, int]) -> None:
        """Close the task's ends of pipes, now that it has them."""
        _close(*(theirs for ours, theirs in ends if ours >= 0))

    def _one(self, name: str, target: StreamTarget) -> tuple[int, int]:
        if target.path is not None and not target.label:
            return -1, self._files[self._launched.redirects[name]]
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        return reader, writer

    def _path(self, template: str) -> str:
        return os.path.join(self._cwd or os.getcwd(), self._tags.render(template))  # noqa: PTH109,PTH118

    def _redirect(self, name: str, target: StreamTarget) -> None:
        if target.path is None:
            return
        path = self._path(target.path)
        self._launched.redirects[name] = path
        if path not in self._files:
            mode = os.O_APPEND if self._request.append else os.O_TRUNC
            self._files[path] = _open(path, os.O_WRONLY | os.O_CREAT | mode, "output")
        if target.label:
            self._launched.labels[name] = Path(path)


def _open(path: str, flags: int, kind: str) -> int:
    try:
        # A named pipe that nobody has open must not stop all other jobs from starting.
        fd = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, _OUTPUT_MODE)
    except OSError as error:
        raise _Failed(f"error opening {kind} file '{path[:256]}': {error.strerror}") from None
    os.set_blocking(fd, True)
    return fd


def _close(*fds: int) -> None:
    for fd in fds:
        if fd >= 0:
            os.close(fd)


def _remove(tmpdir: Path) -> None:
    try:
        tmpdir.rmdir()  # Most jobs have left it empty.
    except OSError:
        shutil.rmtree(tmpdir, ignore_errors=True)


def _write_files(request: Request, tmpdir: Path) -> None:
    """Unpack the jobspec's RFC 37 files into the job's temporary directory."""
    for name, value in request.files.items():
        path = Path(os.path.normpath(tmpdir / name))
        if not path.is_relative_to(tmpdir) or path == tmpdir:
            raise _Failed(f"files: {name[:256]}: is not below the job's temporary directory")
        try:
            data, mode = _file_content(value)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(mode)
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
