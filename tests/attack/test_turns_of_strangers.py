"""The turns of requests without credentials, which are not those of the service itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop
from aiohttp import ClientSession, TCPConnector, web

from fluxapi.app import create_app
from fluxapi.errors import FluxapiError
from fluxapi.http import middleware
from fluxapi.http.listen import open_all
from fluxapi.http.server import Runner
from fluxapi.http.site import Site
from fluxapi.http.tls import Certificate
from fluxapi.process.turn_queue import current_client
from fluxapi.settings import Address, Settings
from tests.certificates import make_certificate, needs_openssl
from tests.handlers.fake import FakeInstance


@needs_openssl
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_stranger_has_no_turns_of_the_service(
    run: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    clients: list[str] = []
    problem = middleware.problem

    def note(request: web.Request, error: FluxapiError) -> web.Response:
        clients.append(current_client())
        return problem(request, error)

    monkeypatch.setattr(middleware, "problem", note)

    async def main() -> None:
        settings = Settings(
            listen=(Address("127.0.0.1", 0),), user="ada", token="not-so-secret", require_auth=True
        )
        app = create_app(settings, FakeInstance(), stop=lambda: None)
        runner = Runner(app, access_log=None, handle_signals=False)
        await runner.setup()
        (listener,) = open_all(settings, {})
        context = Certificate(*make_certificate(tmp_path)).context if scheme == "https" else None
        await Site(runner, listener.socket, context).start()
        url = f"{scheme}://127.0.0.1:{listener.socket.getsockname()[1]}/jobs"
        try:
            async with (
                ClientSession(connector=TCPConnector(ssl=False)) as client,
                client.get(url) as answer,
            ):
                assert answer.status == 401
        finally:
            await runner.cleanup()

    run(main())
    assert clients == ["peer this machine"]
