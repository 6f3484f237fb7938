"""Proxies that the tests start for real, each in front of a service, with a prefix."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.running import clean_environment

__all__ = ["APACHE", "NGINX", "Door", "apache", "free_port", "jupyter", "nginx"]

_SBIN = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
NGINX = shutil.which("nginx", path=_SBIN)
APACHE = shutil.which("apache2", path=_SBIN)
_MODULES = Path("/usr/lib/apache2/modules")

_NGINX = """
daemon off;
{user}
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port};
        location /flux/ {{
            proxy_pass {upstream};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            {line}
        }}
    }}
}}
"""

_APACHE = """
ServerName portal.example.org
Listen 127.0.0.1:{port}
PidFile {folder}/pid
ErrorLog /dev/stderr
DefaultRuntimeDir {folder}
{modules}
{user}
# As Open OnDemand does it: the path goes to the node as it is.
<LocationMatch "^/node/(?<host>[^/]+)/(?<port>\\d+)">
    Header edit Location "^[^/]+//[^/]+" ""
    Header edit* Set-Cookie ";\\s*(?i)Path[^;]*" ""
    Header edit  Set-Cookie "^([^;]+)" "$1; Path=/node/%{{MATCH_HOST}}e/%{{MATCH_PORT}}e"
</LocationMatch>
# The prefix is stripped, and nothing tells it to the node.
<LocationMatch "^/rnode/(?<host>[^/]+)/(?<port>\\d+)(?<uri>/.*|)">
    Header edit Location "^([^/]+//[^/]+)|(?=/)|^([\\./]{{1,}}(?<!/))" \\
        "/rnode/%{{MATCH_HOST}}e/%{{MATCH_PORT}}e"
    Header edit* Set-Cookie ";\\s*(?i)Path[^;]*" ""
    Header edit  Set-Cookie "^([^;]+)" "$1; Path=/rnode/%{{MATCH_HOST}}e/%{{MATCH_PORT}}e"
</LocationMatch>
RewriteEngine On
RewriteCond %{{HTTP:Upgrade}} websocket [NC]
RewriteRule ^(/node/([^/]+)/(\\d+)(?:/.*)?)$ ws://$2:$3$1 [P]
RewriteRule ^(/node/([^/]+)/(\\d+)(?:/.*)?)$ http://$2:$3$1 [P]
RewriteCond %{{HTTP:Upgrade}} websocket [NC]
RewriteRule ^/rnode/([^/]+)/(\\d+)(/.*)$ ws://$1:$2$3 [P]
RewriteRule ^/rnode/([^/]+)/(\\d+)(/.*)$ http://$1:$2$3 [P]
"""

_LOADED = (
    *("mpm_event", "authz_core", "headers", "rewrite"),
    *("proxy", "proxy_http", "proxy_wstunnel"),
)


@dataclass(frozen=True)
class Door:
    """The address of a service behind a proxy, without a slash at its end."""

    url: str
    tells_prefix: bool
    """The service knows the prefix, so the paths in its answers have it."""
    login: str = ""
    """The address at which the proxy lets a browser in."""
    token: str = ""
    """The bearer token that the proxy wants of a program."""

    @property
    def prefix(self) -> str:
        """Return the path below which the service is."""
        return urlsplit(self.url).path


def free_port() -> int:
    """Return a port that was free just now; a program that cannot take one from us needs it."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def _running(command: Sequence[str | Path], port: int, **environ: str) -> Iterator[None]:
    """Run a program that listens on the port while the context lasts."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, env=clean_environment(**environ)
    ) as process:
        try:
            while not _answers(port):
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(0.05)
                    pytest.fail(f"{command[0]} did not start")
            yield
        finally:
            process.terminate()


@contextlib.contextmanager
def nginx(folder: Path, upstream: str, line: str = "") -> Iterator[str]:
    """Run nginx, which passes ``/flux/`` to *upstream*; gives its address."""
    assert NGINX is not None
    port = free_port()
    config = folder / "nginx.conf"
    user = "user root;" if os.getuid() == 0 else ""
    text = _NGINX.format(folder=folder, port=port, upstream=upstream, line=line, user=user)
    config.write_text(text, encoding="utf-8")
    with _running([NGINX, "-p", folder, "-e", "stderr", "-c", config], port):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def apache(folder: Path) -> Iterator[str]:
    """Run Apache with the rules of Open OnDemand; gives its address."""
    assert APACHE is not None
    port = free_port()
    config = folder / "apache.conf"
    modules = "\n".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _LOADED)
    user = "User www-data\nGroup www-data" if os.getuid() == 0 else ""
    text = _APACHE.format(folder=folder, port=port, modules=modules, user=user)
    config.write_text(text, encoding="utf-8")
    with _running([APACHE, "-f", config, "-DFOREGROUND"], port):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def jupyter(python: Path, folder: Path, token: str, **environ: str) -> Iterator[str]:
    """Run a Jupyter server as JupyterHub does, below a path; gives its address."""
    port = free_port()
    home = {"HOME": str(folder), "JUPYTER_RUNTIME_DIR": str(folder / "runtime")}
    options = (
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--ServerApp.base_url=/user/ada/",
        f"--IdentityProvider.token={token}",
        "--no-browser",
        "--allow-root",
    )
    with _running([python, "-m", "jupyter", "server", *options], port, **home, **environ):
        yield f"http://127.0.0.1:{port}/user/ada"
