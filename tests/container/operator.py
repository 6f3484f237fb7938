"""Pods of the Flux Operator, re-enacted on one machine: what its two scripts do, in their order.

The facts are those of flux-framework/flux-operator, API v1alpha2: ``api/v1alpha2`` for the fields,
``pkg/flux`` for the scripts, ``controllers/flux`` for what becomes of a Pod. A Pod is a directory
here, its host name an attribute of the broker, and the network is loopback.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.running import clean_environment

__all__ = ["FIELDS", "Cluster", "Pod", "cluster", "unknown_fields"]

CONTAINER = Path(__file__).parents[2] / "container"

_SECURITY: dict[str, Any] = {
    "runAsUser": {},
    "runAsNonRoot": {},
    "allowPrivilegeEscalation": {},
    "capabilities": {},
}
FIELDS: dict[str, Any] = {
    "size": {},
    "cleanup": {},
    "network": {"headlessName": {}, "disableAffinity": {}},
    "flux": {
        "container": {"disable": {}, "image": {}, "securityContext": _SECURITY, "mountPath": {}},
        "minimalService": {},
    },
    "containers": {
        "image": {},
        "launcher": {},
        "command": {},
        "ports": {},
        "environment": {"*": {}},
        "lifeCycle": {"postStartExec": {}, "preStopExec": {}},
        "securityContext": _SECURITY,
        "volumes": {"*": {"secretName": {}, "path": {}, "readOnly": {}}},
    },
}
"""Fields of a MiniCluster's spec, of those that a manifest of ours may use; ``*`` is any name."""

INIT = """
mkdir -p $mount/config/etc/flux/system/cron.d $mount/config/var/lib/flux
echo "$hosts" > $mount/config/etc/flux/system/hostlist
mkdir -p $mount/config/etc/flux/config
cp $broker_config $mount/config/etc/flux/config/broker.toml
mkdir -p $mount/config/run/flux $mount/config/etc/curve $mount/view $mount/software
touch $mount/flux-operator-done.txt
"""
"""``flux-init.sh`` of a cluster whose view is disabled: the init container."""

WAIT = """
configroot=$mount/config
mkdir -p $configroot/curve
cp $certificate $configroot/curve/curve.cert
chmod go-r $configroot/curve/curve.cert
chown -R $(id -u) $configroot/curve/curve.cert
hosts=$(cat $configroot/etc/flux/system/hostlist)
flux R encode --hosts=$hosts --local > $TMPDIR/R
mv $TMPDIR/R $configroot/etc/flux/system/R
mkdir -p $configroot/var/lib/flux
options="-Scron.directory=$configroot/etc/flux/system/cron.d -Stbon.fanout=256 \
  -Srundir=$configroot/run/flux -Sstatedir=$configroot/var/lib/flux \
  -Slocal-uri=local://$configroot/run/flux/local -Stbon.connect_timeout=5s \
  -Slog-stderr-level=6 -Slog-stderr-mode=local -Shostname=$name"
cfg=$configroot/etc/flux/config
if [ $name == $lead ]; then
    flux start -o --config $cfg $options $command
else
    flux start -o --config $cfg $options
fi
"""
"""``wait.sh``: the main container. Unlike the operator's, it ends with the status of Flux."""

BROKER_CONFIG = """
[access]
allow-guest-user = true
allow-root-owner = true
[resource]
path = "{mount}/config/etc/flux/system/R"
noverify = true
[bootstrap]
curve_cert = "{mount}/config/curve/curve.cert"
hosts = [
  {{ host = "{lead}", bind = "tcp://127.0.0.1:{port}", connect = "tcp://127.0.0.1:{port}" }},
  {{ host = "{hosts}" }},
]
"""
"""``broker.toml``, with loopback in place of ``eth0`` and of the names of the Pods, and
host names that are not those of this machine."""


def unknown_fields(value: Any, fields: dict[str, Any], path: str = "spec") -> list[str]:
    """Return the paths in *value* that the operator does not know."""
    if isinstance(value, list):
        return [found for item in value for found in unknown_fields(item, fields, path)]
    if not isinstance(value, dict) or not fields:
        return []
    unknown = []
    for name, item in value.items():
        inner = fields.get(name, fields.get("*"))
        place = f"{path}.{name}"
        unknown += [place] if inner is None else unknown_fields(item, inner, place)
    return unknown


@dataclass
class Pod:
    """One Pod: its directory, and its main container as a process."""

    name: str
    folder: Path
    process: subprocess.Popen[str]

    def stop_hook(self, program: str) -> None:
        """Run the preStop hook as the kubelet does: one program without arguments."""
        path = CONTAINER / f"{Path(program).name.removeprefix('fluxapi-')}.sh"
        environment = clean_environment(TMPDIR=str(self.folder / "tmp"))
        subprocess.run([path], env=environment, check=True, timeout=60)


@dataclass
class Cluster:
    """A MiniCluster that runs."""

    pods: list[Pod]

    def wait(self) -> list[int]:
        """Return the exit statuses of the main containers once all have ended."""
        return [pod.process.wait(60) for pod in self.pods]


def user_of(container: dict[str, Any], default: int) -> int | None:
    """Return the user that a container runs as, where this process may become that user."""
    if os.geteuid() != 0:
        return None
    user: int = container.get("securityContext", {}).get("runAsUser", default)
    return user


@contextlib.contextmanager
def cluster(spec: dict[str, Any], token: str, size: int = 2) -> Iterator[Cluster]:
    """Start the first *size* Pods of a manifest, and end them with the context."""
    folder = Path(tempfile.mkdtemp(prefix="pods."))
    folder.chmod(0o755)
    try:
        pods = _pods(folder, spec, token, size)
        try:
            yield Cluster(pods)
        finally:
            for pod in pods:
                if pod.process.poll() is None:
                    pod.process.terminate()
                with pod.process:
                    pass
    finally:
        shutil.rmtree(folder)


def _pods(folder: Path, spec: dict[str, Any], token: str, size: int) -> list[Pod]:
    (container,) = spec["containers"]
    # The image of the operator's own init container runs as root.
    init_user = user_of(spec["flux"]["container"], 0)
    main_user = user_of(container, 1000)
    bin = folder / "bin"
    bin.mkdir()
    (bin / "fluxapi-entrypoint").symlink_to(CONTAINER / "entrypoint.sh")
    (folder / "token").write_text(token, encoding="utf-8")
    # A file of a mounted Secret has the mode 0644.
    (folder / "token").chmod(0o644)
    subprocess.run(["flux", "keygen", folder / "curve.cert"], check=True, timeout=60)
    (folder / "curve.cert").chmod(0o644)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    pods = []
    for index in range(size):
        pod = folder / str(index)
        mount = pod / "mnt"
        for path in (pod, mount, pod / "tmp"):
            # An emptyDir has the mode 0777.
            path.mkdir()
            path.chmod(0o777)
        hosts = f"fluxapi-[0-{size - 1}]"
        config = folder / f"{index}.toml"
        rest = f"fluxapi-[1-{size - 1}]"
        text = BROKER_CONFIG.format(mount=mount, lead="fluxapi-0", hosts=rest, port=port)
        config.write_text(text, encoding="utf-8")
        environment = clean_environment(
            **container["environment"],
            PATH=f"{bin}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            HOME=str(pod),
            TMPDIR=str(pod / "tmp"),
            HOST="127.0.0.1",
            PORT="0",
            mount=str(mount),
            hosts=hosts,
            name=f"fluxapi-{index}",
            lead="fluxapi-0",
            broker_config=str(config),
            certificate=str(folder / "curve.cert"),
            command=container["command"],
        )
        environment["FLUX_TOKEN_FILE"] = str(folder / "token")
        subprocess.run(
            ["bash", "-c", INIT], env=environment, user=init_user, cwd=pod, check=True, timeout=60
        )
        process = subprocess.Popen(
            ["bash", "-c", WAIT],
            env=environment,
            user=main_user,
            group=main_user,
            extra_groups=None if main_user is None else [],
            cwd=pod,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if index == 0 else subprocess.DEVNULL,
            text=True,
        )
        pods.append(Pod(f"fluxapi-{index}", pod, process))
    return pods
