"""A door to the broker of a child on another machine, through ssh.

libflux has a connector for this, but it waits for ssh without a limit, and takes whatever stands in
an address. Here, ssh gets each connection as its standard input and output.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from fluxapi.errors import InstanceUnavailable

from .child_uri import Address
from .polling_thread import ACCEPT_PAUSE_S

__all__ = ["SshDoor", "ssh_command"]

_log = logging.getLogger(__name__)

_MAX_CONNECTIONS = 8
"""Connections through one door; a session has three."""

_MAX_PROBLEM_BYTES = 300
_END_TIMEOUT_S = 1.0


def ssh_command(address: Address, environ: Mapping[str, str], timeout: float) -> list[str]:
    """Return the command that relays standard input and output to the broker at *address*.

    FLUX_SSH names another program than ssh, and FLUX_SSH_RCMD the ``flux`` of the other machine, as
    for Flux itself (src/connectors/ssh/ssh.c).
    """
    program = environ.get("FLUX_SSH") or "ssh"
    options = ["-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={max(int(timeout), 1)}"]
    words = ["env"]
    flux = environ.get("FLUX_SSH_RCMD")
    if not flux:
        flux = "flux"
        local = shutil.which("flux", path=environ.get("PATH"))
        folders = [*([os.path.dirname(local)] if local else []), "/usr/bin", "/bin"]  # noqa: PTH120
        words.append(f"PATH={':'.join(folders)}")
    if libraries := environ.get("LD_LIBRARY_PATH"):
        words.append(f"LD_LIBRARY_PATH={libraries}")
    remote = shlex.join([*words, flux, "relay", address.path])
    is_ssh = os.path.basename(program) == "ssh"  # noqa: PTH119 - a name
    return [program, *(options if is_ssh else []), address.host, remote]


class SshDoor:
    """A socket of this process; each connection to it gets an ssh of its own.

    Attributes:
        uri: The address for libflux.
        problem: The last words of ssh on standard error, or an empty text.
    """

    def __init__(self, command: list[str]) -> None:
        self.uri = ""
        self.problem = ""
        self._command = command
        self._folder = ""
        self._listener: socket.socket | None = None
        self._serving: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Listen; raise ``InstanceUnavailable`` if that is not possible."""
        try:
            await asyncio.to_thread(self._listen)
        except OSError as error:
            raise InstanceUnavailable(f"No socket can be made: {error.strerror}.") from None
        self._serving = asyncio.create_task(self._serve(), name="ssh door")

    async def close(self) -> None:
        """Close the door, and end every ssh."""
        for task in (self._serving, *self._running):
            if task is not None:
                task.cancel()
        tasks = {task for task in (self._serving, *self._running) if task is not None}
        if tasks:
            await asyncio.wait(tasks, timeout=_END_TIMEOUT_S)
        await asyncio.to_thread(self._remove)

    def _listen(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="fluxapi-")
        path = Path(self._folder, "ssh")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(os.fspath(path))
        self._listener.listen(_MAX_CONNECTIONS)
        self._listener.setblocking(False)
        self.uri = f"local://{path}"

    def _remove(self) -> None:
        if self._listener is not None:
            self._listener.close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        assert self._listener is not None  # noqa: S101 - see open()
        while True:
            try:
                client, _ = await loop.sock_accept(self._listener)
            except OSError as error:
                # Such as for lack of descriptors.
                _log.warning("cannot accept a connection of libflux: %s", error.strerror)
                await asyncio.sleep(ACCEPT_PAUSE_S)
                continue
            if len(self._running) >= _MAX_CONNECTIONS:
                client.close()
                continue
            task = asyncio.create_task(self._relay(client), name="ssh")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _relay(self, client: socket.socket) -> None:
        """Run one ssh for a client until either of them ends."""
        client.setblocking(True)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=client.fileno(),
                stdout=client.fileno(),
                stderr=subprocess.PIPE,
            )
        except OSError as error:
            self.problem = f"{self._command[0]}: {error.strerror}"
            _log.warning("cannot connect to a nested instance: %s", self.problem)
            return
        finally:
            client.close()
        try:
            await self._listen_to(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _listen_to(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None  # noqa: S101 - it is a pipe
        while said := await process.stderr.read(4096):
            self.problem = said.decode("utf-8", "replace").strip()[-_MAX_PROBLEM_BYTES:]
        status = await process.wait()
        self.problem = self.problem or f"{self._command[0]} ended with status {status}"
