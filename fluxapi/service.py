"""The process of the service: its start, the application, and its end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
import sys
import threading
from functools import partial

from aiohttp import web

from fluxapi.http.connection_limit import EXTRA_CONNECTIONS, ConnectionLimit
from fluxapi.http.server import Runner
from fluxapi.instance.protocol import Instance
from fluxapi.process.parent_broker import ParentBroker

from .app import create_app
from .errors import FluxapiError, InstanceUnavailable, SettingsError
from .http import keys
from .observability import announcement, telemetry
from .process import descriptors, parent_broker, stop_signals
from .settings import Settings

__all__ = ["choose_instance", "serve", "tune"]

_log = logging.getLogger(__name__)


def choose_instance(settings: Settings) -> Instance:
    """Return the instance of the settings, not started; ``auto`` looks for a broker."""
    kind = settings.instance
    if kind == "auto":
        kind = "flux" if settings.uri else "embedded"
    if kind == "embedded":
        from fluxapi.instance.embedded import EmbeddedInstance  # noqa: PLC0415 - needed only here

        return EmbeddedInstance(statedir=settings.statedir, max_inactive=settings.max_jobs)
    from fluxapi.instance.broker import BrokerInstance  # noqa: PLC0415 - the flux import is optional

    return BrokerInstance(settings.uri, rpc_timeout=settings.rpc_timeout)


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM, SIGINT, SIGHUP or ``POST /service/stop``.

    Raises:
        SettingsError: The address cannot be listened on.
        InstanceUnavailable: The instance cannot be reached at the start, or the service ran inside
            it, and it is gone.
    """
    tune()
    loop = asyncio.get_running_loop()
    ending: asyncio.Future[None] = loop.create_future()

    def stop(error: FluxapiError | None = None) -> None:
        if ending.done():
            return
        app[keys.SHUTDOWN].begin()
        if error is None:
            _end_by_force_after(settings.shutdown_timeout, 0)
            ending.set_result(None)
        else:
            _end_by_force_after(settings.shutdown_timeout, 1)
            ending.set_exception(error)

    instance = choose_instance(settings)
    app = create_app(settings, instance, stop=stop, tracing=telemetry.load())
    # Nothing is open so far, so a signal before this line has ended the process at once.
    stop_signals.tell(lambda: loop.call_soon_threadsafe(stop))
    broker = None if settings.instance == "embedded" else parent_broker.find(settings.uri)
    if broker is not None:
        broker.watch(partial(stop, _orphaned(broker)))
    room = descriptors.make_room(settings.max_streams + EXTRA_CONNECTIONS)
    runner = Runner(
        app,
        limit=ConnectionLimit(room, settings.max_peer_connections),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=app[keys.SHUTDOWN].requests_timeout,
    )
    starting = asyncio.ensure_future(_start(runner, settings))
    try:
        await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        await ending
    finally:
        starting.cancel()
        await asyncio.wait({starting})
        await runner.cleanup()
        if broker is not None:
            broker.close()


async def _start(runner: Runner, settings: Settings) -> None:
    """Start to listen, and print the announcement."""
    await runner.setup()
    sock = _listen(settings)
    await web.SockSite(runner, sock).start()
    app = runner.app
    block = announcement.text(settings, app[keys.SESSIONS].root.info, app[keys.ASSETS], _url(sock))
    print(block, flush=True)  # noqa: T201 - for the person at the terminal


def _orphaned(broker: ParentBroker) -> InstanceUnavailable:
    return InstanceUnavailable(
        f"The Flux instance that the service ran in is gone: its broker (process {broker.pid}) "
        "has ended."
    )


def _end_by_force_after(seconds: float, status: int) -> None:
    """End the process after *seconds*, even if threads or files are stuck."""

    def end() -> None:
        _log.warning(
            "the service did not stop within %g s (--shutdown-timeout); "
            "it exits without closing the rest",
            seconds,
        )
        os._exit(status)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def tune() -> None:
    """Trade a little memory and fairness for a responsive event loop.

    The garbage collector runs less often, since jobs in the table hold no cycles. Threads release
    the interpreter lock after 0.5 ms instead of 5, since the Flux threads release it in every call
    into libflux and must get it back from a busy event loop.
    """
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(0.0005)


def _listen(settings: Settings) -> socket.socket:
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The IPv6 wildcard accepts IPv4 as well, as is common for servers.
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
    """Return the reason without the address, which Python adds; keep that of a failed lookup."""
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    return os.strerror(error.errno)


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
