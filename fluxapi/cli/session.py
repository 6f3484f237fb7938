"""One conversation with the service: options that say where it is, and the client."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from .arguments import checked, natural
from .exit_codes import failure_of
from .terminal import note
from .times import parse_duration

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["Act", "add_connection", "connected", "runs"]

Act = Callable[["AsyncClient", argparse.Namespace], Awaitable[int]]
"""What a command does with a connected client; gives the exit status."""


def add_connection(
    parser: argparse.ArgumentParser, *, user: bool = True, timeout: bool = True, top: bool = False
) -> None:
    """Add the options that every command but ``serve`` takes.

    ``user`` and ``timeout`` are false where the command has an option of that name.
    """
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
    if timeout:
        group.add_argument(
            "--timeout",
            dest="patience",
            metavar="FSD",
            type=checked(parse_duration),
            default=default,
            help="go on trying for 90s, 5m, … while the service does not answer; default 1m, 0 is "
            "for ever",
        )
    group.add_argument(
        "--retries",
        metavar="N",
        type=natural,
        default=default,
        help="try again at most N times while the service does not answer; 0 is not at all",
    )


def connected(arguments: argparse.Namespace, act: Act, **options: Any) -> int:
    """The exit status of ``act``; raises :class:`~fluxapi.cli.exit_codes.Failure`."""
    from fluxapi.client import AsyncClient, ClientError  # noqa: PLC0415 - serve needs no client

    given = getattr(arguments, "patience", None)
    if given is not None:
        options["timeout"] = given or None
    options.setdefault("on_wait", note)

    async def talk() -> int:
        async with AsyncClient(
            arguments.url,
            user=arguments.login,
            profile=arguments.profile,
            retries=arguments.retries,
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
