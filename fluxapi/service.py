"""One running service: an instance, the application in front of it, and how both end."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys

from aiohttp import web

from . import __version__, keys, telemetry
from .app import create_app
from .errors import SettingsError
from .instance.protocol import Instance
from .server import Runner
from .settings import Settings

__all__ = ["choose_instance", "serve", "tune"]

_ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that end the service. A broker that is to end sends SIGHUP to its initial program."""


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the two lines that the person at the terminal reads


def choose_instance(settings: Settings) -> Instance:
    """The instance that the settings ask for, not started; ``auto`` looks for a broker."""
    kind = settings.instance
    if kind == "auto":
        kind = "flux" if settings.uri else "embedded"
        if kind == "embedded":
            _say("No Flux broker (FLUX_URI is not set): jobs run on this machine, embedded.")
    if kind == "embedded":
        from .instance.embedded import EmbeddedInstance  # noqa: PLC0415 - needed only here

        return EmbeddedInstance(statedir=settings.statedir, max_inactive=settings.max_jobs)
    from .instance.broker import BrokerInstance  # noqa: PLC0415 - the flux import is optional

    return BrokerInstance(settings.uri, rpc_timeout=settings.rpc_timeout)


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM, SIGINT, SIGHUP or ``POST /service/stop``.

    Raises ``SettingsError`` when the address cannot be had and ``InstanceUnavailable`` when the
    instance cannot be reached at the start.
    """
    tune()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in _ENDS:
        # nohup means what it says.
        if signum != signal.SIGHUP or signal.getsignal(signum) is not signal.SIG_IGN:
            loop.add_signal_handler(signum, stopping.set)
    app = create_app(
        settings, choose_instance(settings), stop=stopping.set, tracing=telemetry.load()
    )
    runner = Runner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=settings.shutdown_timeout,
    )
    try:
        await runner.setup()
        sock = _listen(settings)
        await web.SockSite(runner, sock).start()
        if not app[keys.ASSETS]:
            _say("The dashboard was not built, so its pages are bare: make builds it.")
        _say(f"fluxapi {__version__} answers at {_url(sock)}")
        await stopping.wait()
    finally:
        await runner.cleanup()


def tune() -> None:
    """Trade a little memory and fairness for a steady event loop.

    The collector looks less often, since the table's jobs hold no cycles; threads hand over the
    interpreter after 0.5 ms instead of 5, since every call of the Flux threads into libflux gives
    it up and has to get it back from a busy loop.
    """
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(0.0005)


def _listen(settings: Settings) -> socket.socket:
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The wildcard of IPv6 answers on IPv4 too, as servers commonly do.
    both = host == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            (host, settings.port), family=family, backlog=1024, dualstack_ipv6=both
        )
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on {settings.host} port {settings.port}: {_reason(error)}. "
            "Choose another with --host and --port; port 0 takes any free one."
        ) from None


def _reason(error: OSError) -> str:
    """Why, without the address again that Python adds; a name that is not found has its own."""
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
