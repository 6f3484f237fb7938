"""A broker that a test may kill, stop and start again at the same address."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from fluxapi.instance.broker import BrokerInstance
from tests.running import clean_environment, flux

PATIENCE = 30
PROGRAM = "flux getattr broker.pid; read -r _ || true"


class Broker:
    """One broker on a socket of its own."""

    def __init__(self, folder: Path) -> None:
        self.uri = f"local://{folder}/socket"
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._pid = 0

    def start(self, *options: str) -> None:
        self._process = subprocess.Popen(
            ["flux", "start", f"-o,-Slocal-uri={self.uri}", *options, "sh", "-c", PROGRAM],
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._pid = int(self._process.stdout.readline())

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def send(self, signum: int) -> None:
        os.kill(self._pid, signum)

    def kill(self) -> None:
        """End the broker as a crash does, and what it started with it."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.send(signal.SIGCONT)
                self.send(signal.SIGKILL)
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.close()
            process.wait(PATIENCE)
            process.stdout.close()
            (self._folder / "socket").unlink(missing_ok=True)

    def flux(self, *arguments: str) -> str:
        return flux(self.uri, *arguments)


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    broker = Broker(tmp_path_factory.mktemp("b"))
    broker.start()
    yield broker
    broker.kill()


Connect = Callable[..., Awaitable[BrokerInstance]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Return a function that connects to a broker with a short timeout; close at the end."""
    instances: list[BrokerInstance] = []

    async def connector(uri: str, rpc_timeout: float = 1.0) -> BrokerInstance:
        instance = BrokerInstance(uri, rpc_timeout)
        instances.append(instance)
        await instance.start()
        return instance

    yield connector
    for instance in instances:
        await instance.close()
