"""One conversation with the service: options that say where it is, and the client."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from .exits import failure_of

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["Act", "add_connection", "connected", "runs"]

Act = Callable[["AsyncClient", argparse.Namespace], Awaitable[int]]
"""What a command does with a connected client; gives the exit status."""

_RETRIES = 2
"""About a second: whoever typed the command sees soon that nobody answers."""


def add_connection(
    parser: argparse.ArgumentParser, *, user: bool = True, top: bool = False
) -> None:
    """The options that every command but ``serve`` takes; ``user``: whether ``--user`` is one."""
    default: Any = None if top else argparse.SUPPRESS
    group = parser.add_argument_group("the service")
    group.add_argument(
        "--url", default=default, help="its address [FLUXAPI_URL]; default http://127.0.0.1:5000"
    )
    if user:
        group.add_argument(
            "--user",
            dest="login",
            metavar="NAME",
            default=default,
            help="who asks [FLUX_USER]; the token comes from FLUX_TOKEN, FLUXAPI_TOKEN_FILE or the "
            "config file",
        )
    group.add_argument(
        "--profile", metavar="NAME", default=default, help="a table of the config file to use"
    )


def connected(arguments: argparse.Namespace, act: Act, **options: Any) -> int:
    """The exit status of ``act``; raises :class:`~fluxapi.cli.exits.Failure`."""
    from fluxapi.client import AsyncClient, ClientError  # noqa: PLC0415 - serve needs no client

    async def talk() -> int:
        async with AsyncClient(
            arguments.url,
            user=arguments.login,
            profile=arguments.profile,
            retries=_RETRIES,
            **options,
        ) as flux:
            return await act(flux, arguments)

    try:
        return asyncio.run(talk())
    except ClientError as error:
        raise failure_of(error) from None


def runs(act: Act) -> Callable[[argparse.Namespace], int]:
    """A command that is ``act`` on a connected client."""

    def run(arguments: argparse.Namespace) -> int:
        return connected(arguments, act)

    return run
