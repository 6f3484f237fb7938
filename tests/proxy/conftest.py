"""The doors: a service behind each proxy, and an environment with Jupyter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.environments import install_once, make_environment
from tests.running import needs_flux, service

from .programs import APACHE, NGINX, Door, apache, jupyter, nginx

HERE = Path(__file__).parent
EMBEDDED = "--instance=embedded"
USER, TOKEN = "ada", "not-so-secret"

needs_nginx = pytest.mark.skipif(NGINX is None, reason="there is no nginx here")
needs_apache = pytest.mark.skipif(APACHE is None, reason="there is no apache2 here")

DOORS = [
    pytest.param("nginx_tells", marks=needs_nginx),
    pytest.param("nginx_is_silent", marks=needs_nginx),
    pytest.param("nginx_keeps", marks=needs_nginx),
    pytest.param("ondemand_node", marks=needs_apache),
    pytest.param("ondemand_rnode", marks=needs_apache),
    "jupyter_tile",
    pytest.param("jupyter_in_flux", marks=needs_flux),
]


@pytest.fixture(scope="session")
def jupyter_python() -> Path:
    """Return the Python of an environment with Jupyter and fluxapi, installed once."""
    pins = HERE / "requirements.txt"

    def install(folder: Path) -> None:
        make_environment(folder, "Jupyter", "-r", pins)

    folder = install_once("jupyter", [pins], install)
    return folder / "bin" / "python"


Start = Callable[..., str]
"""Starts a service with more flags, and returns its address."""


def _starter(running: ExitStack, *flags: str, **environ: str) -> Start:
    return lambda *more: running.enter_context(service(EMBEDDED, *flags, *more, **environ)).url


def _nginx_tells(folder: Path, running: ExitStack, start: Start) -> Door:
    upstream = start()
    line = "proxy_set_header X-Forwarded-Prefix /flux;"
    return Door(f"{running.enter_context(nginx(folder, f'{upstream}/', line))}/flux", True)


def _nginx_is_silent(folder: Path, running: ExitStack, start: Start) -> Door:
    upstream = start()
    return Door(f"{running.enter_context(nginx(folder, f'{upstream}/'))}/flux", False)


def _nginx_keeps(folder: Path, running: ExitStack, start: Start) -> Door:
    address = urlsplit(start("--base-path=/flux"))
    assert address.path == "/flux"
    upstream = f"{address.scheme}://{address.netloc}"
    return Door(f"{running.enter_context(nginx(folder, upstream))}/flux", True)


def _ondemand(kind: str) -> Callable[[Path, ExitStack, Start], Door]:
    def make(folder: Path, running: ExitStack, start: Start) -> Door:
        portal = running.enter_context(apache(folder))
        upstream = urlsplit(start())
        place = f"{portal}/{kind}/{upstream.hostname}/{upstream.port}"
        return Door(place, kind == "node")

    return make


_MAKERS: dict[str, Callable[[Path, ExitStack, Start], Door]] = {
    "nginx_tells": _nginx_tells,
    "nginx_is_silent": _nginx_is_silent,
    "nginx_keeps": _nginx_keeps,
    "ondemand_node": _ondemand("node"),
    "ondemand_rnode": _ondemand("rnode"),
}


@pytest.fixture(scope="module", params=DOORS)
def door(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Door]:
    """Return a service behind a proxy."""
    folder = tmp_path_factory.mktemp(request.param)
    with ExitStack() as running:
        if request.param.startswith("jupyter"):
            environ: dict[str, str] = {}
            if request.param == "jupyter_in_flux":
                environ["FLUX_URI"] = request.getfixturevalue("flux_uri")
            python: Path = request.getfixturevalue("jupyter_python")
            url = running.enter_context(jupyter(python, folder, TOKEN, **environ))
            login = f"{url}/api/status?token={TOKEN}"
            yield Door(f"{url}/fluxapi", tells_prefix=True, login=login, token=TOKEN)
        else:
            yield _MAKERS[request.param](folder, running, _starter(running))


@pytest.fixture(params=[door for door in DOORS if "jupyter" not in str(door)])
def guarded_door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Door]:
    """Return a service behind a proxy, with authentication."""
    with ExitStack() as running:
        start = _starter(running, "--require-auth", FLUX_USER=USER, FLUX_TOKEN=TOKEN)
        yield _MAKERS[request.param](tmp_path, running, start)
