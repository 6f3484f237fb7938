"""Connecting a command to the service: connection options and the client."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from fluxapi.model.times import parse_duration

from .arguments import checked, natural
from .exit_codes import failure_of
from .terminal import note

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["Act", "add_connection", "client", "connected", "path_of", "runs"]

Act = Callable[["AsyncClient", argparse.Namespace], Awaitable[int]]
"""The action of a command on a connected client; returns the exit status."""


def add_connection(
    parser: argparse.ArgumentParser,
    *,
    user: bool = True,
    timeout: bool = True,
    instance: bool = True,
    top: bool = False,
) -> None:
    """Add the options of every command except ``serve``.

    ``user``, ``timeout`` and ``instance`` are false if the command has an option of that name.
    """
    default: Any = None if top else argparse.SUPPRESS
    group = parser.add_argument_group("connection")
    group.add_argument(
        "--url",
        default=default,
        help="address of the service, or unix:PATH [FLUXAPI_URL]; default http://127.0.0.1:5000",
    )
    group.add_argument(
        "--ca-file",
        metavar="FILE",
        default=default,
        help="certificate authorities (PEM) to trust for https [FLUXAPI_CA_FILE]; default those "
        "of the system",
    )
    if user:
        group.add_argument(
            "--user",
            dest="login",
            metavar="NAME",
            default=default,
            help="user name [FLUX_USER]; the token is read from FLUX_TOKEN, FLUXAPI_TOKEN_FILE or "
            "the config file",
        )
    if instance:
        group.add_argument(
            "--instance",
            metavar="PATH",
            default=default,
            help="an instance below that of the service: the IDs of the jobs that lead to it, such "
            "as f2QK3Zz/fA1b",
        )
    group.add_argument(
        "--profile", metavar="NAME", default=default, help="table of the config file"
    )
    if timeout:
        group.add_argument(
            "--timeout",
            dest="retry_for",
            metavar="FSD",
            type=checked(parse_duration),
            default=default,
            help="time to retry while the service does not answer, such as 90s or 5m; default 1m, "
            "0 is forever",
        )
    group.add_argument(
        "--retries",
        metavar="N",
        type=natural,
        default=default,
        help="maximum number of retries while the service does not answer; 0 disables them",
    )


def client(arguments: argparse.Namespace, below: Sequence[str] = (), **options: Any) -> AsyncClient:
    """Return a client by the connection options; *below*: IDs of jobs that lead to a child."""
    from fluxapi.client import AsyncClient  # noqa: PLC0415 - serve needs no client

    given = getattr(arguments, "retry_for", None)
    if given is not None:
        options["timeout"] = given or None
    else:
        options.setdefault("connect_timeout", getattr(arguments, "connect_for", None))
    options.setdefault("on_wait", note)
    options.setdefault("retries", arguments.retries)
    return AsyncClient(
        arguments.url,
        user=arguments.login,
        ca_file=arguments.ca_file,
        profile=arguments.profile,
        instance=path_of(arguments, below),
        **options,
    )


def path_of(arguments: argparse.Namespace, below: Sequence[str] = ()) -> str:
    """Return the path of the instance of a command; *below*: IDs of jobs that lead to a child."""
    path = (arguments.instance or "").strip("/")
    return "/".join([*([path] if path else []), *below])


def connected(arguments: argparse.Namespace, act: Act, **options: Any) -> int:
    """Run *act* and return its exit status; raise :class:`~fluxapi.cli.exit_codes.Failure`."""
    from fluxapi.client import ClientError  # noqa: PLC0415 - as above

    async def talk() -> int:
        async with client(arguments, **options) as flux:
            return await act(flux, arguments)

    try:
        return asyncio.run(talk())
    except ClientError as error:
        if "setopt" in arguments:
            from .option_words import submission_failure  # noqa: PLC0415 - imported when needed

            raise submission_failure(error) from None
        raise failure_of(error) from None


def runs(act: Act) -> Callable[[argparse.Namespace], int]:
    """Return a command that runs *act* on a connected client."""

    def run(arguments: argparse.Namespace) -> int:
        return connected(arguments, act)

    return run
