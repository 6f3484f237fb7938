"""The parts of aiohttp that the server and the client of fluxapi extend are what they were.

A new aiohttp that fails here needs a look at the file; then raise the bound in ``pyproject.toml``.
"""

from __future__ import annotations

import ast
import asyncio
import functools
import inspect
from collections import deque
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.client_proto import ResponseHandler

from fluxapi.http import pipeline, server, site, whole_response

PACKAGE = Path(server.__file__).parents[1]

PRIVATE: dict[type, set[str]] = {
    web.AppRunner: {"_make_server"},
    web.SockSite: {"_sock", "_runner", "_backlog", "_ssl_context"},
    web.Server: {"_loop", "_kwargs"},
    web.BaseRequest: {"_finish", "_prepare_hook"},
    web.Response: {"_cookies", "_eof_sent", "_keep_alive"},
    web.RequestHandler: {
        "_waiter",
        "_current_request",
        "_request_in_progress",
        "_manager",
        "_loop",
        "_force_close",
        "_keepalive_handle",
        "_task_handler",
        "_drain_helper",
        "_messages",
        "_payload_parser",
        "_request_count",
        "_upgraded",
        "_parser",
        "_buffer_paused",
        "_max_msg_queue_size",
        "_msg_queue_resume_size",
        "_pause_reading_for_buffer",
    },
}
"""Every private attribute that the files use, by the class that owns it."""

OVERRIDDEN: dict[type, dict[str, list[str]]] = {
    web.RequestHandler: {
        "connection_made": ["transport"],
        "connection_lost": ["exc"],
        "data_received": ["data"],
        "pause_reading": [],
        "_pause_reading_for_buffer": [],
        "resume_reading": ["resume_parser"],
        "pause_writing": [],
        "resume_writing": [],
        "set_parser": ["parser", "data_received_cb"],
        "_drain_helper": [],
        "finish_response": ["request", "resp", "start_time"],
        "handle_error": ["request", "status", "exc", "message"],
        "log_exception": ["args", "kw"],
        "force_close": [],
        "shutdown": ["timeout"],
        "start": [],
    },
    web.BaseRequest: {"_finish": [], "_prepare_hook": ["response"]},
    web.Server: {"__call__": []},
    web.SockSite: {"start": [], "stop": []},
    aiohttp.ClientResponse: {"start": ["connection"]},
}
"""Methods that the files override or call, with their parameters after ``self``."""


def own_names(source: str) -> set[str]:
    """Return the private attributes that the file itself sets or declares."""
    return {
        node.target.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    } | {
        "_stall",
        "_limit",
        "_base_path",
        "_acceptor",
        "_refuse_chunks",
        "_refuse_head",
        "_awaits_head",
        "_skip_in_turn",
        "_take",
        "_last_body",
        "_tell_unwritten",
    }


def used_names(source: str) -> set[str]:
    """Return the private attributes that the file reads or writes."""
    return {
        node.attr
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
    }


def test_the_list_is_the_files() -> None:
    sources = [
        Path(inspect.getfile(module)).read_text(encoding="utf-8")
        for module in (pipeline, server, site, whole_response)
    ]
    found = set().union(*(used_names(source) - own_names(source) for source in sources))
    assert found == set.union(*PRIVATE.values())


@pytest.mark.parametrize("owner", OVERRIDDEN, ids=lambda owner: owner.__name__)
def test_the_methods_take_what_they_took(owner: type) -> None:
    found = {
        name: list(inspect.signature(getattr(owner, name)).parameters)[1:]
        for name in OVERRIDDEN[owner]
    }
    assert found == OVERRIDDEN[owner]


async def test_the_private_parts_are_there_and_mean_the_same() -> None:
    seen: list[web.RequestHandler] = []

    async def look(request: web.Request) -> web.Response:
        protocol = request.protocol
        seen.append(protocol)
        assert protocol._request_in_progress
        assert protocol._current_request is request
        assert isinstance(protocol._task_handler, asyncio.Task)
        assert protocol._waiter is None
        assert not protocol._force_close
        return web.Response()

    app = web.Application()
    app.router.add_get("/", look)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        manager = await runner._make_server()
        assert type(manager) is web.Server
        assert manager._loop is asyncio.get_running_loop()
        assert set(PRIVATE[web.Server]) <= vars(manager).keys()
        # The class is set on a finished server, which slots would not allow.
        assert not hasattr(web.Server, "__slots__")
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address, port = runner.addresses[0][:2]
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://{address}:{port}/") as response,
        ):
            await response.read()
            (protocol,) = seen
            await asyncio.sleep(0)
            assert protocol._manager is runner.server
            assert all(hasattr(protocol, name) for name in PRIVATE[web.RequestHandler])
            assert isinstance(protocol._waiter, asyncio.Future)
            assert not protocol._request_in_progress
            assert protocol._keepalive_handle is not None
    finally:
        await runner.cleanup()


def test_no_other_file_extends_classes_of_aiohttp() -> None:
    extends = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "aiohttp" in (text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ClassDef)
        and any(ast.unparse(base).startswith(("web.", "aiohttp.")) for base in node.bases)
    ]
    assert set(extends) == {
        "client/response.py",
        "http/server.py",
        "http/site.py",
        "webhooks/connector.py",
    }


async def test_the_class_of_connections_of_a_client_can_be_chosen() -> None:
    connector = aiohttp.TCPConnector()
    try:
        assert isinstance(connector._factory, functools.partial)
        assert connector._factory.func is ResponseHandler
        assert isinstance(connector._factory()._buffer, deque)
    finally:
        await connector.close()
