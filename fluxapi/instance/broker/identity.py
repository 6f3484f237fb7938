"""The properties of an instance that do not change, from the attributes of its broker."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from fluxapi.errors import FluxapiError, FluxRefused, InstanceUnavailable
from fluxapi.instance import release
from fluxapi.instance.protocol import Capabilities, InstanceInfo
from fluxapi.model.hostlist import decode_hostlist

__all__ = ["attribute", "count_jobs", "identify", "listens", "until_running"]

_RANK_0 = 0
_LOCAL = "local://"
_SOCKETS = Path("/proc/net/unix")
_ACCEPTS = 0x10000
"""The flag of a socket that accepts connections (``__SO_ACCEPTCON`` of Linux)."""


class _Ask(Protocol):
    async def __call__(self, topic: str, body: dict[str, Any], **options: Any) -> Any: ...


async def identify(ask: _Ask, uri: str | None) -> InstanceInfo:
    """Return the properties of the instance at *uri*; raise ``SettingsError`` for an old Flux."""
    version = await attribute(ask, "version")
    release.check(version)
    names = ("size", "security.owner", "broker.starttime")
    values = await asyncio.gather(*(attribute(ask, name) for name in names), _hostname(ask))
    size, owner, starttime, hostname = values
    return InstanceInfo(
        kind="flux",
        version=version,
        uri=uri,
        size=int(size),
        hostname=hostname,
        owner=int(owner),
        starttime=float(starttime),
        statedir=await _statedir(ask),
        cwd=await _folder(ask, hostname, uri),
        capabilities=Capabilities(children=True),
    )


async def attribute(ask: _Ask, name: str) -> str:
    """Return an attribute of the broker."""
    answer = await ask("attr.get", {"name": name})
    return str(answer["value"])


async def count_jobs(ask: _Ask) -> int | None:
    """Return the number of jobs that the job manager knows, or ``None`` if it does not tell."""
    try:
        stats = await ask("job-manager.stats-get", {})
        count = stats["active_jobs"] + stats["inactive_jobs"]
    except (FluxapiError, KeyError, TypeError):
        return None
    return count if isinstance(count, int) and count >= 0 else None


async def until_running(ask: _Ask) -> None:
    """Wait until the instance runs.

    The wait may be longer than that for other calls; the broker answers the request for an
    attribute meanwhile.
    """
    while not await _runs(ask):
        await attribute(ask, "size")


async def _runs(ask: _Ask) -> bool:
    """Wait until the instance runs; return whether it does when the call times out."""
    try:
        await ask("state-machine.wait", {})
    except InstanceUnavailable:
        return False
    return True


async def _statedir(ask: _Ask) -> str | None:
    """Return the leader's state directory, unless it is removed at the end of the instance."""
    try:
        statedir, cleanup = await asyncio.gather(
            *(
                ask("attr.get", {"name": name}, node=_RANK_0)
                for name in ("statedir", "statedir-cleanup")
            )
        )
    except FluxapiError:
        return None
    return None if cleanup["value"] == "1" else str(statedir["value"])


async def _folder(ask: _Ask, hostname: str, uri: str | None) -> str | None:
    """Return the working directory of a broker on this host, if it is visible from here."""
    # A program may pose as a broker, and its text would be a path to any file.
    process = Path("/proc", str(int(await attribute(ask, "broker.pid"))))
    return await asyncio.to_thread(_folder_of, process, hostname, uri)


def _folder_of(process: Path, hostname: str, uri: str | None) -> str | None:
    try:
        # A broker may go by the name of another host, as in an instance for tests.
        if hostname != socket.gethostname() and not listens(process, uri or ""):
            return None
        name = (process / "comm").read_text(encoding="utf-8")
        # From another container, this is another process.
        return str((process / "cwd").readlink()) if "flux-broker" in name else None
    except (OSError, UnicodeDecodeError):
        return None


def listens(process: Path, uri: str) -> bool:
    """Return whether a process listens on the socket of a local URI; raise ``OSError``.

    A broker does; where the socket leads to another host, another program does.
    """
    if not uri.startswith(_LOCAL):
        return False
    wanted = os.fsencode(unquote(uri.removeprefix(_LOCAL)))
    # Every user may have sockets, whose names may have any bytes, also a newline.
    entries = [line.split(maxsplit=7) for line in _SOCKETS.read_bytes().split(b"\n")[1:]]
    inodes = {
        f"socket:[{entry[6].decode('ascii', 'replace')}]"
        for entry in entries
        if entry[7:] == [wanted] and _accepts(entry[3])
    }
    for link in (process / "fd").iterdir():
        # A file may be closed meanwhile.
        with suppress(FileNotFoundError):
            if str(link.readlink()) in inodes:
                return True
    return False


def _accepts(flags: bytes) -> bool:
    """Return whether the flags of a socket, in hex, say that it accepts connections."""
    try:
        return bool(int(flags, 16) & _ACCEPTS)
    except ValueError:
        return False


async def _hostname(ask: _Ask) -> str:
    """Return the broker's host: the attribute or, before 0.82, the host of its rank."""
    try:
        return await attribute(ask, "hostname")
    except FluxRefused as error:
        if error.members["errno"] != errno.ENOENT:
            raise
    rank, hosts = await asyncio.gather(attribute(ask, "rank"), attribute(ask, "hostlist"))
    return decode_hostlist(hosts)[int(rank)]
