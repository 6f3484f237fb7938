"""Programs that tests start for real: a Flux instance, and the service as a user runs it."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import programs
from tests.waiting import block_until

__all__ = [
    "OLD_FLUX",
    "RELEASES",
    "Service",
    "empty",
    "flux",
    "flux_instance",
    "may_run",
    "needs_flux",
    "needs_old_flux",
    "new_service",
    "read_start",
    "run_flux",
    "service",
    "with_flux",
]

needs_flux = pytest.mark.flux
"""Put the test in the lane ``flux``, which is skipped on a machine without a Flux."""

OLD_FLUX = os.environ.get("FLUX_OLD", "")
"""The ``flux`` of the oldest supported release, beside the one on PATH."""

needs_old_flux = pytest.mark.skipif(
    not OLD_FLUX, reason="FLUX_OLD names no flux: not run on the oldest supported release"
)

RELEASES = [
    pytest.param(shutil.which("flux") or "", id="on_path", marks=needs_flux),
    pytest.param(OLD_FLUX, id="oldest", marks=needs_old_flux),
]
"""The ``flux`` on PATH and the oldest supported one, as parameters."""

_PATIENCE = 240

_NO_AUTHORITIES = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
"""No certificates of the system: aiohttp reads them whenever it is imported, for 0.1 s."""


def with_flux(program: str) -> dict[str, str]:
    """Return what makes ``program`` the flux on PATH."""
    return {"PATH": os.pathsep.join([str(Path(program).parent), os.environ["PATH"]])}


def clean_environment(**variables: str) -> dict[str, str]:
    """Return this process's environment without variables of Flux or fluxapi."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("FLUX", "HOST", "PORT"))}
    return kept | variables


def own_environment(**variables: str) -> dict[str, str]:
    """Return :func:`clean_environment` for a program of fluxapi.

    It trusts no authority but those that it is told of.
    """
    return clean_environment(**{**_NO_AUTHORITIES, **variables})


@functools.cache
def may_run(user: int | None) -> bool:
    """Return whether *user* (``None``: this one) can run fluxapi with the Python of the tests.

    Others cannot where it is in a home directory, for example.
    """
    try:
        tried = subprocess.run(
            [sys.executable, "-c", "import fluxapi.cli"],
            user=user,
            cwd="/",
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return tried.returncode == 0


@contextlib.contextmanager
def flux_instance(
    size: int = 4,
    config: str = "",
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    hosts: str = "",
) -> Iterator[str]:
    """Run a Flux instance of ``size`` brokers while the context lasts, and yield its URI.

    Its brokers take themselves to be on ``hosts``, if that is given.

    Its initial program prints FLUX_URI and waits for its input to end. Jobs that run then end with
    their broker: Flux would cancel them by four commands, for 0.4 s of a processor.
    """
    command = ["flux", "start", f"--test-size={size}"]
    if hosts:
        command.append(f"--test-hosts={hosts}")
    if config:
        assert folder is not None
        path = folder / "flux.toml"
        path.write_text(config, encoding="utf-8")
        command.append(f"-o,--config-path={path}")  # any release takes it so
    # Only queues that have names are stopped at first.
    start = "flux queue start --all --quiet" if config else "true"
    program = f"echo $FLUX_URI; {start}; echo started; read -r _ || true"
    with subprocess.Popen(
        [*command, "sh", "-c", program],
        env=clean_environment(FLUX_DISABLE_JOB_CLEANUP="1", **(environ or {})),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        uri = process.stdout.readline().strip()
        assert process.stdout.readline() == "started\n"
        try:
            yield uri
        finally:
            process.communicate(timeout=_PATIENCE)


def flux(uri: str, *command: str, input: str | None = None, **environ: str) -> str:
    """Return the output of ``flux COMMAND`` on the instance at ``uri``, which reads ``input``."""
    done = run_flux(*command, input=input, FLUX_URI=uri, **environ)
    done.check_returncode()
    return done.stdout


def run_flux(
    *command: str, input: str | None = None, cwd: str | Path | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run ``flux COMMAND`` to its end, and return how it ended and what it wrote."""
    env = clean_environment(**environ)
    pipe = subprocess.PIPE
    stdin = subprocess.DEVNULL if input is None else pipe
    with programs.start_flux(
        *command, env=env, cwd=cwd, stdin=stdin, stdout=pipe, stderr=pipe, encoding="utf-8"
    ) as process:
        try:
            out, err = process.communicate(input, _PATIENCE)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def empty(uri: str) -> None:
    """Leave no job in a Flux instance."""
    flux(uri, "cancel", "--all", "--quiet")
    flux(uri, "queue", "idle", "--quiet")
    flux(uri, "job", "purge", "--force", "--num-limit=0")


def read_start(output: Iterable[str] | None) -> tuple[list[str], str]:
    """Read the block that the service prints once it answers; the lines and the address."""
    assert output is not None
    lines: list[str] = []
    for line in output:
        lines.append(line.rstrip("\n"))
        if " answers at " in line:
            return lines, lines[-1].split(" answers at ")[1]
    return pytest.fail(f"the service did not start: {lines}")


@dataclass
class Service:
    """A ``fluxapi serve`` process and the address that it printed."""

    process: subprocess.Popen[str]
    url: str
    lines: list[str]

    def get(self, path: str) -> Any:
        """Return the JSON at ``path``."""
        return json.loads(self.read(path))

    def read(self, path: str) -> bytes:
        """Return the body of the answer at ``path``."""
        url = self.url.rstrip("/") + path
        with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:  # noqa: S310 - it is ours
            body: bytes = answer.read()
            return body

    def wait_until_ready(self) -> None:
        """Return once the table holds the whole backlog."""
        block_until(self._is_ready)

    def _is_ready(self) -> bool:
        try:
            self.get("/ready")
        except urllib.error.HTTPError:
            return False
        return True

    def end(self, signum: int = signal.SIGTERM) -> int:
        """Send a signal; the exit status."""
        self.process.send_signal(signum)
        return self.process.wait(_PATIENCE)


@contextlib.contextmanager
def _served(
    start: Callable[..., subprocess.Popen[str]], words: Sequence[str], environ: Mapping[str, str]
) -> Iterator[Service]:
    with start(
        *words, env=own_environment(**environ), stdout=subprocess.PIPE, text=True
    ) as process:
        lines, url = read_start(process.stdout)
        try:
            yield Service(process, url, lines)
        finally:
            if process.poll() is None:
                process.terminate()


def service(
    *flags: str, program: Sequence[str] = ("fluxapi",), **environ: str
) -> contextlib.AbstractContextManager[Service]:
    """Run ``python -m`` with *program* and ``serve`` on a free port while the context lasts."""
    return _served(programs.start, [*program, "serve", "--port", "0", *flags], environ)


def new_service(*flags: str, **environ: str) -> contextlib.AbstractContextManager[Service]:
    """Run a service like :func:`service`, but with a new interpreter (:mod:`tests.programs`)."""
    return _served(programs.start_new, ["fluxapi", "serve", "--port", "0", *flags], environ)
