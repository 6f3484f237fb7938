"""``fluxapi token``: bearer tokens for other programs; create, list and revoke named tokens."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from math import ceil
from typing import TYPE_CHECKING

from fluxapi.cli.arguments import Command, Parsers, add_command, checked
from fluxapi.cli.exit_codes import OK
from fluxapi.cli.session import add_connection, runs
from fluxapi.cli.terminal import note, put
from fluxapi.cli.text import safe
from fluxapi.model.times import parse_duration, short_date

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, Token

__all__ = ["COMMAND", "add"]

COMMAND = Command("token", "print, create, list or revoke tokens", "set up clients", position=1)

_SCOPES = ("view", "operate", "submit", "admin")
_DEFAULT_EXPIRES = "30d"
_HEADINGS = ("NAME", "SCOPE", "CREATED", "EXPIRES", "LAST USED", "ID")


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Print a bearer token, which expires, for the user and token of the environment or the "
        "config file. With create, list or revoke, manage tokens that have a name and a scope.",
    )
    add_connection(parser)
    parser.set_defaults(run=runs(_print_bearer))
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    create = actions.add_parser(
        "create", help="create a token and print it, which is not shown again", allow_abbrev=False
    )
    create.add_argument("--name", required=True, help="name that no other valid token has")
    create.add_argument(
        "--scope",
        choices=_SCOPES,
        default="view",
        help="rights; each scope includes those before it (default: view)",
    )
    create.add_argument(
        "--expires",
        metavar="DURATION",
        type=checked(_lifetime),
        default=_DEFAULT_EXPIRES,
        help="duration such as 12h or 90d, in seconds without a unit, or never (default: "
        f"{_DEFAULT_EXPIRES})",
    )
    listing = actions.add_parser("list", help="list the tokens", allow_abbrev=False)
    listing.add_argument("--json", action="store_true", help="print JSON")
    revoke = actions.add_parser("revoke", help="revoke tokens", allow_abbrev=False)
    revoke.add_argument("names", nargs="+", metavar="NAME", help="name or ID of a token")
    for action, run in ((create, _create), (listing, _list), (revoke, _revoke)):
        add_connection(action)
        action.set_defaults(run=runs(run))


def _lifetime(text: str) -> int | None:
    """Return whole seconds, or ``None`` for ``never``; raise ``ValueError``."""
    if text == "never":
        return None
    seconds = ceil(parse_duration(text))
    if seconds < 1:
        raise ValueError("a token must last at least one second")
    return seconds


async def _print_bearer(flux: AsyncClient, arguments: argparse.Namespace) -> int:  # noqa: ARG001 - the signature of all actions
    made = await flux.create_token()
    put(made.token)
    if sys.stderr.isatty():
        note(f"the token expires at {short_date(made.expires)}")
    return OK


async def _create(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    made = await flux.issue_token(
        arguments.name, scope=arguments.scope, expires_in=arguments.expires
    )
    put(made.secret)
    if not made.kept:
        note(
            "the service has no state directory, so the token ends when the service stops; start "
            "the service with --statedir to keep tokens"
        )
    if sys.stderr.isatty() and made.token.expires is not None:
        note(f"the token expires at {short_date(made.token.expires)}")
    return OK


async def _list(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    tokens = await flux.tokens()
    if arguments.json:
        put(json.dumps([asdict(token) for token in tokens]))
        return OK
    rows = [_HEADINGS, *(_row(token) for token in tokens)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADINGS))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        put("  ".join(cells).rstrip())
    return OK


def _row(token: Token) -> tuple[str, ...]:
    ends = "never" if token.expires is None else short_date(token.expires)
    used = "never" if token.last_used is None else short_date(token.last_used)
    return (
        safe(token.name),
        token.scope,
        short_date(token.created),
        "expired" if token.is_expired else ends,
        used,
        safe(token.id),
    )


async def _revoke(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    for name in arguments.names:
        await flux.revoke_token(name)
    return OK
