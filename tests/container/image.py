"""The image, built for real by podman on a Debian with the Flux of this machine."""

from __future__ import annotations

import ast
import contextlib
import fcntl
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Image", "Running", "build"]

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "ca-certificates,libarchive13,libhwloc15,libjansson4,liblua5.3-0,libncursesw6,libpython3.11,"
    "libsqlite3-0,libsystemd0,libuuid1,libzmq5,procps,python3,python3-cffi,python3-pip,python3-ply,"
    "python3-venv,python3-yaml,sudo"
)
"""The packages that Flux needs at run time, and the ``sudo`` of the images of Flux."""

NEEDS = ("podman", "debootstrap", "flux", "node", "npm")
BASE = "localhost/fluxapi-test-base"
MAX_LIMIT = 8192
PLACES = {"cert", "extra-index-url", "find-links", "index-url", "no-index", "trusted-host"}
"""Options of pip that say where packages come from."""

HOME_OF_ROOT = "/root"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass
class Running:
    """A container whose service answers."""

    image: Image
    name: str
    url: str
    log: list[str]

    @property
    def token(self) -> str:
        """Return the token that the start generated."""
        (line,) = [line for line in self.log if " with token " in line]
        return line.rpartition(" with token ")[2].strip()

    def call(self, path: str, body: Any = None, token: str | None = None, host: str = "") -> Any:
        """Return the JSON at a path, or the text of a job's output."""
        word = b64encode(f"fluxuser:{token or self.token}".encode()).decode()
        headers = {"Authorization": f"Basic {word}", "Content-Type": "application/json"}
        if host:
            headers["Host"] = host
        if path.endswith("/output"):
            headers["Accept"] = "text/plain"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers)  # noqa: S310 - it is ours
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            text = answer.read().decode()
        return text if path.endswith("/output") else json.loads(text)

    def output_of(self, *command: str, token: str | None = None) -> str:
        """Run a command as a job; return what it wrote."""
        job = self.call("/v1/jobs", {"command": list(command)}, token)["id"]
        self.call(f"/v1/jobs/{job}/wait?timeout=60", token=token)
        return str(self.call(f"/v1/jobs/{job}/output", token=token))

    def stop(self) -> int:
        """Stop the container as ``docker stop`` does; return its exit status."""
        self.image.podman("stop", "--time", "60", self.name)
        status = self.image.podman("inspect", "--format", "{{.State.ExitCode}}", self.name)
        return int(status)


@dataclass
class Image:
    """A built image, and the podman that runs it."""

    name: str
    command: tuple[str, ...]

    def podman(self, *arguments: str) -> str:
        """Return what ``podman ARGUMENTS`` prints."""
        done = subprocess.run(
            [*self.command, *arguments], capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextlib.contextmanager
    def run(self, options: Sequence[str] = (), flags: Sequence[str] = ()) -> Iterator[Running]:
        """Run a container until the context ends; *flags* are those of ``fluxapi serve``."""
        port = next((flag for flag in flags if flag.isdigit()), "5000")
        name = self.podman("run", "--detach", f"-p=127.0.0.1::{port}", *options, self.name, *flags)
        try:
            log: list[str] = []
            with subprocess.Popen(
                [*self.command, "logs", "--follow", name],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as following:
                assert following.stdout is not None
                for line in following.stdout:
                    log.append(line)
                    if " answers at " in line:
                        break
                else:
                    pytest.fail(f"the service did not start: {log}")
                following.terminate()
            address = self.podman("port", name).rpartition(" ")[2]
            yield Running(self, name, f"http://{address}", log)
        finally:
            self.podman("rm", "--force", "--time", "60", name)


def build(folder: Path) -> Image:
    """Build the image, or skip the test for a reason; one process builds at a time."""
    missing = [program for program in NEEDS if shutil.which(program) is None]
    if missing:
        pytest.skip(f"no image is built: there is no {' and no '.join(missing)} here")
    if os.geteuid() != 0:
        pytest.skip("no image is built: debootstrap needs root")
    # Podman would ask for more than a container may have that is itself limited.
    limits = []
    for name, kind in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        hard = resource.getrlimit(kind)[1]
        most = MAX_LIMIT if hard == resource.RLIM_INFINITY else min(MAX_LIMIT, hard)
        limits.append(f"{name}={most}:{most}")
    config = folder / "containers.conf"
    config.write_text(f"[containers]\ndefault_ulimits = {json.dumps(limits)}\n", encoding="utf-8")
    os.environ["CONTAINERS_CONF"] = str(config)
    with (Path(tempfile.gettempdir()) / "fluxapi-test-image.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        base = _base(folder)
        command = _podman(base)
        arguments = [
            f"--build-arg={name}_{part}={value}"
            for name in ("flux", "node", "python")
            for part, value in zip(("image", "tag"), base.split(":"), strict=True)
        ]
        done = subprocess.run(
            [
                *(*command, "build", "--format=docker", "--network=host", "--tag=fluxapi-test"),
                *(*arguments, *_registries(folder), "--file=container/Dockerfile", "."),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return Image("localhost/fluxapi-test", command)


def _base(folder: Path) -> str:
    """Return the name of an image with Debian, Flux and Node, made where it is not there."""
    program = shutil.which("flux")
    assert program is not None
    prefix = Path(program).resolve().parents[1]
    version = subprocess.run(["flux", "version"], capture_output=True, text=True, check=True).stdout
    key = hashlib.sha256(f"{version}{prefix}{PACKAGES}".encode()).hexdigest()[:12]
    name = f"{BASE}:{key}"
    if subprocess.run(["podman", "image", "exists", name], check=False).returncode == 0:
        return name
    root = folder / "base"
    options = ("--variant=minbase", f"--include={PACKAGES}")
    made = subprocess.run(
        ["debootstrap", *options, "bookworm", root],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip(f"no image is built: debootstrap cannot get Debian: {made.stdout[-200:]}")
    copied: list[Path] = [prefix, CERTIFICATES]
    for tool in ("node", "npm"):
        found = shutil.which(tool)
        assert found is not None
        path = Path(found).resolve()
        copied.append(path if tool == "node" else path.parents[1])
        link = root / "usr/local/bin" / tool
        link.symlink_to(path)
    for path in copied:
        place = root / str(path).lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-aT", path, place], check=True, timeout=300)
    # Accounts as in the images of Ubuntu and of Flux.
    for line in ("useradd -m -u 1000 ubuntu", "useradd -m -u 2000 fluxuser"):
        subprocess.run(["chroot", root, *line.split()], check=True, timeout=60)
    (root / "etc/sudoers.d/fluxuser").write_text("fluxuser ALL=(ALL) NOPASSWD:ALL\n", "utf-8")
    environment = (
        f"ENV PATH={prefix}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    )
    with subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE) as archive:
        subprocess.run(
            ["podman", "import", "--change", environment, "-", name],
            stdin=archive.stdout,
            capture_output=True,
            timeout=300,
            check=True,
        )
    shutil.rmtree(root)
    return name


def _podman(base: str) -> tuple[str, ...]:
    """Return the podman that can start a container here, with the runtime that can."""
    said = ""
    for options in ((), ("--runtime", "runc"), ("--cgroup-manager", "cgroupfs")):
        done = subprocess.run(
            ["podman", *options, "run", "--rm", "-p=127.0.0.1::5000", base, "true"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode == 0:
            return ("podman", *options)
        said = done.stderr.strip().rpartition("\n")[2]
    return pytest.skip(f"no container starts here: {said}")


def _registries(folder: Path) -> list[str]:
    """Return options of the build that let pip and npm use the registries of this machine."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    lines, mounts = ["[global]"], set()
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.rpartition(".")
        if section not in {"global", ":env:"} or option not in PLACES:
            continue
        text = str(ast.literal_eval(value))
        lines.append(f"{option} = " + "\n    ".join(text.split()))
        for path in re.findall(r"(?:^|\s)(?:file://)?(/\S+)", text):
            if Path(path).is_dir():
                mounts.add(str(Path(path).parent if "file://" in text else path))
    pip, npm = folder / "pip.conf", folder / "npmrc"
    pip.write_text("\n".join(dict.fromkeys(lines)) + "\n", encoding="utf-8")
    npm.write_text(f"cafile={CERTIFICATES}\n", encoding="utf-8")
    mounts |= {f"{pip}:/etc/pip.conf", f"{npm}:{HOME_OF_ROOT}/.npmrc"}
    return [
        f"--volume={mount if ':' in mount else f'{mount}:{mount}'}:ro" for mount in sorted(mounts)
    ]
