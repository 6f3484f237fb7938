"""The process of the service: its start, the application, and its end."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fluxapi.http.connection_limit import EXTRA_CONNECTIONS, ConnectionLimit
from fluxapi.http.listen import Listener, open_all
from fluxapi.http.server import Runner
from fluxapi.http.site import Site
from fluxapi.http.tls import Certificate, Renewal
from fluxapi.instance.protocol import Instance, JobEnder
from fluxapi.process.forced_end import ForcedEnd
from fluxapi.process.parent_broker import ParentBroker
from fluxapi.process.user_state import in_container, user_state_folder

from .app import create_app
from .errors import FluxapiError, InstanceUnavailable
from .http import keys
from .observability import announcement, telemetry
from .process import descriptors, parent_broker, stop_signals
from .settings import Settings

__all__ = ["choose_instance", "serve", "tune"]


def choose_instance(settings: Settings) -> Instance:
    """Return the instance of the settings, not started; ``auto`` looks for a broker."""
    kind = settings.instance
    if kind == "auto":
        kind = "flux" if settings.uri else "embedded"
    if kind == "embedded":
        from fluxapi.instance.embedded import EmbeddedInstance  # noqa: PLC0415 - needed only here

        return EmbeddedInstance(statedir=settings.statedir, max_inactive=settings.max_jobs)
    if kind == "archive":
        from fluxapi.archive.instance import ArchivedInstance  # noqa: PLC0415 - needed only here

        assert settings.statedir is not None  # noqa: S101 - the settings have checked it
        return ArchivedInstance(
            settings.statedir,
            settings.archive_instance,
            settings.max_jobs,
            settings.max_child_jobs,
        )
    from fluxapi.instance.broker import BrokerInstance  # noqa: PLC0415 - the flux import is optional

    return BrokerInstance(settings.uri, settings.rpc_timeout, settings.child_transports)


def default_history(instance: Instance) -> Path | None:
    """Return the folder of a history that no setting names, for the embedded instance.

    A Flux keeps its jobs itself, and the files of a container go with it.
    """
    if isinstance(instance, JobEnder) and not in_container(os.environ):
        return user_state_folder(os.environ, "fluxapi")
    return None


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM, SIGINT, SIGHUP or ``POST /service/stop``.

    With a certificate, SIGHUP has it read again, unless it says that the broker or the terminal of
    the service ends.

    Raises:
        SettingsError: An address cannot be listened on, or the certificate cannot be read.
        InstanceUnavailable: The instance cannot be reached at the start, or the service ran inside
            it, and it is gone.
    """
    tune()
    loop = asyncio.get_running_loop()
    ending: asyncio.Future[None] = loop.create_future()
    forced_end = ForcedEnd(settings.shutdown_timeout)

    def stop(error: FluxapiError | None = None) -> None:
        if ending.done():
            return
        app[keys.SHUTDOWN].begin()
        if error is None:
            forced_end.begin(0)
            ending.set_result(None)
        else:
            forced_end.begin(1)
            ending.set_exception(error)

    certificate = Certificate.of(settings)
    has_broker = settings.instance in {"auto", "flux"}
    broker = parent_broker.find(settings.uri) if has_broker else None
    # A broker tells its initial program by SIGHUP to end.
    renewal = Renewal(certificate) if certificate is not None and broker is None else None
    hang_up = stop if renewal is None else _renewed_by(renewal, stop)
    instance = choose_instance(settings)
    history = default_history(instance)
    app = create_app(settings, instance, stop=stop, tracing=telemetry.load(), history=history)
    # Nothing is open so far, so a signal before this line has ended the process at once.
    stop_signals.tell(
        lambda: loop.call_soon_threadsafe(stop), lambda: loop.call_soon_threadsafe(hang_up)
    )
    if broker is not None:
        broker.watch(partial(stop, _orphaned(broker)))
    room = descriptors.make_room(settings.max_streams + EXTRA_CONNECTIONS)
    app[keys.UNDER_WAY].connections = room
    runner = Runner(
        app,
        limit=ConnectionLimit(room, settings.max_peer_connections),
        base_path=settings.base_path,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=app[keys.SHUTDOWN].requests_timeout,
    )
    listeners: list[Listener] = []
    starting = asyncio.ensure_future(_start(runner, settings, listeners, certificate))
    try:
        await asyncio.wait({starting, ending}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
        await ending
    finally:
        starting.cancel()
        await asyncio.wait({starting})
        await runner.cleanup()
        for listener in listeners:
            listener.remove()
        if broker is not None:
            broker.close()
        if renewal is not None:
            await renewal.close()


async def _start(
    runner: Runner, settings: Settings, listeners: list[Listener], certificate: Certificate | None
) -> None:
    """Start to listen, and print the announcement."""
    await runner.setup()
    listeners += open_all(settings)
    for listener in listeners:
        context = certificate.context if certificate and listener.is_encrypted else None
        await Site(runner, listener.socket, context).start()
    app = runner.app
    urls = [listener.url for listener in listeners]
    code = app[keys.CREDENTIALS].codes.issue() if settings.has_login_code else ""
    info, built = app[keys.SESSIONS].root.info, app[keys.ASSETS]
    archive = app[keys.ARCHIVE]
    history = None if archive is None else archive.folder
    block = announcement.text(settings, info, built, urls, code, history=history)
    print(block, flush=True)  # noqa: T201 - for the person at the terminal


def _renewed_by(renewal: Renewal, stop: Callable[[], None]) -> Callable[[], None]:
    """Return a function that requests a renewal, or stops if the terminal hung up."""
    had_terminal = _has_terminal()

    def renew() -> None:
        if had_terminal and not _has_terminal():
            stop()
        else:
            renewal.request()

    return renew


def _has_terminal() -> bool:
    """Return whether a standard stream is a terminal; none is once the terminal hangs up."""
    return any(os.isatty(descriptor) for descriptor in range(3))


def _orphaned(broker: ParentBroker) -> InstanceUnavailable:
    return InstanceUnavailable(
        f"The Flux instance that the service ran in is gone: its broker (process {broker.pid}) "
        "has ended."
    )


def tune() -> None:
    """Make the event loop responsive at the cost of a little memory and fairness.

    The garbage collector runs less often, since jobs in the table hold no cycles. Threads release
    the interpreter lock after 0.5 ms instead of 5, since the Flux threads release it in every call
    into libflux and must get it back from a busy event loop.
    """
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(0.0005)
