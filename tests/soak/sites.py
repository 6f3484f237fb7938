"""A service in front of an instance that outlives it, and the faults that can befall the two."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp

from tests.instance.broker.conftest import Broker
from tests.running import Service, service

__all__ = ["EmbeddedSite", "Fault", "FluxSite", "Site"]

Fault = Callable[[random.Random], Awaitable[None]]

_STOP_S = (0.2, 2.5)
"""For how long a program is stopped: less and more than the service waits for an answer."""

_RPC_TIMEOUT_S = 1.0
_MODULES = ("job-list", "job-info", "kvs-watch", "job-ingest")
"""Modules that can be loaded anew by themselves."""

_JOB_MODULES = ("job-list", "sched-simple", "job-exec", "job-manager")
"""Modules that are removed in this order and loaded in the other one: job-list ends without the job
manager's journal."""

_GONE_S = 0.3
_DISK_BYTES = 64 << 20


class Site:
    """The service, which a fault may end and start again at another address."""

    def __init__(self, *flags: str, **environ: str) -> None:
        self._flags = flags
        self._environ = environ
        self._services = contextlib.ExitStack()
        self._service: Service | None = None
        self.crashes = 0
        """How often the instance crashed: it may have forgotten what was in work then."""

    def require_auth(self, user: str, token: str) -> None:
        """Have each service that is started from now on ask for these."""
        self._environ |= {"FLUX_USER": user, "FLUX_TOKEN": token, "FLUX_REQUIRE_AUTH": "true"}

    @property
    def url(self) -> str:
        """The address of the service that was started last."""
        assert self._service is not None
        return self._service.url

    @property
    def faults(self) -> Mapping[str, Fault]:
        """The faults by name."""
        return {
            "service killed": self._kill_service,
            "service restarted": self._restart_service,
            "service stopped": self._stop_service,
        }

    async def start(self) -> None:
        """Start the service."""
        self._services = contextlib.ExitStack()
        begun = service("--log-level=error", *self._flags, **self._environ)
        self._service = await asyncio.to_thread(self._services.enter_context, begun)

    async def close(self) -> None:
        """End the service."""
        await asyncio.to_thread(self._services.close)

    async def close_all(self) -> None:
        """End the service, and what was started for it."""
        await self.close()

    async def jobs(self, session: aiohttp.ClientSession) -> list[dict[str, Any]]:
        """Return the records of all jobs."""
        found: list[dict[str, Any]] = []
        page: str | None = ""
        while page is not None:
            async with session.get(
                f"{self.url}/v1/jobs", params={"page": page} if page else {}
            ) as r:
                answer = await r.json()
            found += answer["jobs"]
            page = answer["next"]
        return found

    def memory(self) -> int:
        """Return the bytes of memory that the service has."""
        assert self._service is not None
        status = Path(f"/proc/{self._service.process.pid}/status").read_text(encoding="utf-8")
        (line,) = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) << 10

    async def _end_service(self, signum: int) -> None:
        assert self._service is not None
        self._service.process.send_signal(signum)
        await asyncio.to_thread(self._service.process.wait)
        await self.close()

    async def kill(self) -> None:
        """Kill the service, and start none."""
        await self._end_service(signal.SIGKILL)

    async def _kill_service(self, _: random.Random) -> None:
        await self._end_service(signal.SIGKILL)
        await self.start()

    async def _restart_service(self, _: random.Random) -> None:
        await self._end_service(signal.SIGTERM)
        await self.start()

    async def _stop_service(self, rng: random.Random) -> None:
        assert self._service is not None
        self._service.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(rng.uniform(*_STOP_S))
        self._service.process.send_signal(signal.SIGCONT)


class EmbeddedSite(Site):
    """The embedded instance, with a state directory that outlives the service.

    With ``small_disk`` its file system is a small one, where this process may mount it.
    """

    def __init__(self, folder: Path, *flags: str, small_disk: bool = False) -> None:
        self._disk = folder / "disk"
        self._disk.mkdir()
        self._is_mounted = small_disk and os.geteuid() == 0 and _mounted(self._disk)
        super().__init__("--instance=embedded", f"--statedir={self._disk / 'state'}", *flags)

    @property
    def faults(self) -> Mapping[str, Fault]:
        """The faults by name; the disk is full only where it is one of its own."""
        if not self._is_mounted:
            return super().faults
        return {
            **super().faults,
            "disk full": self._fill_disk,
            "disk full, service killed": self._fill_disk_and_kill_service,
        }

    async def close_all(self) -> None:
        """End the service and let go of the disk."""
        await self.close()
        if self._is_mounted:
            await asyncio.to_thread(_succeeds, "umount", "-l", str(self._disk))

    @contextlib.contextmanager
    def _full_disk(self) -> Iterator[None]:
        filling = self._disk / "filling"
        with contextlib.suppress(OSError), filling.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        try:
            yield
        finally:
            filling.unlink()

    async def _fill_disk(self, rng: random.Random) -> None:
        with self._full_disk():
            await asyncio.sleep(rng.uniform(*_STOP_S))

    async def _fill_disk_and_kill_service(self, rng: random.Random) -> None:
        with self._full_disk():
            await asyncio.sleep(rng.uniform(*_STOP_S))
            await self._end_service(signal.SIGKILL)
        await self.start()


class FluxSite(Site):
    """A real broker, with a state directory that outlives it."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.broker = Broker(folder)
        self._statedir = folder / "state"
        self._statedir.mkdir()
        super().__init__(f"--rpc-timeout={_RPC_TIMEOUT_S}", *flags, FLUX_URI=self.broker.uri)

    @property
    def faults(self) -> Mapping[str, Fault]:
        """The faults by name."""
        return {
            **super().faults,
            "broker stopped": self._stop_broker,
            "broker stopped, service killed": self._stop_broker_and_kill_service,
            "broker killed": self._kill_broker,
            **{f"{module} reloaded": self._reload(module) for module in _MODULES},
            "job-manager reloaded": self._reload_job_manager,
        }

    async def start(self) -> None:
        """Start the broker unless it runs, and the service."""
        if not self.broker.is_running:
            await self._start_broker()
        await super().start()

    async def close_all(self) -> None:
        """End the service and the broker."""
        await self.close()
        await asyncio.to_thread(self.broker.kill)

    async def submit_without_service(self, count: int) -> None:
        """Submit jobs by Flux's own command."""
        for _ in range(count):
            await self._flux("submit", "true")

    async def flux_jobs(self) -> dict[str, list[str]]:
        """Return the ids of all jobs by name, as Flux tells them."""
        told = await self._flux("jobs", "-a", "-c", "0", "-n", "-o", "{id.f58plain} {name}")
        found: dict[str, list[str]] = {}
        for line in told.splitlines():
            jobid, _, name = line.strip().partition(" ")
            found.setdefault(name, []).append(jobid)
        return found

    async def flux_active(self) -> dict[str, str]:
        """Return the last event of each job that Flux says is active."""
        told = await self._flux("jobs", "-f", "active", "-c", "0", "-n", "-o", "{id.f58plain}")
        return {
            jobid: (await self._flux("job", "eventlog", jobid)).splitlines()[-1]
            for jobid in told.split()
        }

    async def flux_python(self, script: Path) -> None:
        """Run a script with the Python that Flux's bindings are made for."""
        await self._flux("python", str(script))

    async def _flux(self, *command: str) -> str:
        try:
            return await asyncio.to_thread(self.broker.flux, *command)
        except subprocess.CalledProcessError as error:
            print("flux", *command, error.stderr, file=sys.stderr)
            raise

    async def _start_broker(self) -> None:
        await asyncio.to_thread(self.broker.start, f"-Sstatedir={self._statedir}")
        await self._flux("queue", "start", "--all", "--quiet")

    async def _stop_broker(self, rng: random.Random) -> None:
        self.broker.send(signal.SIGSTOP)
        await asyncio.sleep(rng.uniform(*_STOP_S))
        self.broker.send(signal.SIGCONT)

    async def _stop_broker_and_kill_service(self, rng: random.Random) -> None:
        self.broker.send(signal.SIGSTOP)
        await asyncio.sleep(rng.uniform(0, _GONE_S))
        await self._end_service(signal.SIGKILL)
        self.broker.send(signal.SIGCONT)
        await self.start()

    async def _kill_broker(self, _: random.Random) -> None:
        await self._checkpoint()
        await self._recover_broker()

    async def _checkpoint(self) -> None:
        """Have Flux write what it knows: a broker that crashes keeps its last checkpoint."""
        await self._flux("kvs", "put", "--sync", "fluxapi-soak=1")

    async def _recover_broker(self) -> None:
        self.crashes += 1
        await asyncio.to_thread(self.broker.kill)
        await self._start_broker()

    def _reload(self, module: str) -> Fault:
        async def reload(_: random.Random) -> None:
            await self._flux("module", "reload", "--force", module)

        return reload

    async def _reload_job_manager(self, _: random.Random) -> None:
        await self._checkpoint()
        try:
            for module in _JOB_MODULES:
                await self._flux("module", "remove", "--force", module)
            for module in reversed(_JOB_MODULES):
                await self._flux("module", "load", module)
            await self._flux("queue", "start", "--all", "--quiet")
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
            # Flux 0.88 can end its broker, or hang, when these go while jobs run.
            await self._recover_broker()


def _mounted(folder: Path) -> bool:
    """Mount a small file system, which is as full as it is written, and tell whether it worked."""
    options = f"size={_DISK_BYTES},mode=700"
    return _succeeds("mount", "-t", "tmpfs", "-o", options, "none", str(folder))


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
