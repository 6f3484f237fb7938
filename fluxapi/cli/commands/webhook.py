"""``fluxapi webhook``: have the service tell other programs what happens."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fluxapi.cli.arguments import Command, Parsers, add_command, checked
from fluxapi.cli.exit_codes import FAILED, OK
from fluxapi.cli.session import add_connection, runs
from fluxapi.cli.terminal import note, put
from fluxapi.cli.text import plural, safe
from fluxapi.model.times import short_date

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient, CreatedWebhook, Webhook

__all__ = ["COMMAND", "add"]

COMMAND = Command(
    "webhook", "notify other programs by HTTP requests", "run the service", position=3
)

_KINDS = ("job", "group-done", "first-failure", "queue-stopped", "node-drained")
_HEADINGS = ("NAME", "STATE", "SENT", "WAIT", "DEAD", "LAST SENT", "TELLS", "URL", "ID")
_LETTER_HEADINGS = ("NUMBER", "GIVEN UP", "TRIES", "TYPE", "SUBJECT", "REASON")
_FILTERS = ("state", "result", "event", "id")
_SINGLE_FILTERS = ("user", "job_name", "queue", "group", "node")


def add(parsers: Parsers) -> None:
    """Declare the command and its arguments."""
    parser = add_command(
        parsers,
        COMMAND,
        "Manage webhooks, to which the service posts signed messages, each at least once. "
        "docs/how-to/webhooks.md describes the messages.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser(
        "add",
        help="create a webhook and print its secret, which is not shown again",
        allow_abbrev=False,
    )
    _add_options(create)
    listing = actions.add_parser("list", help="list the webhooks", allow_abbrev=False)
    listing.add_argument("--json", action="store_true", help="print JSON")
    remove = _named(
        actions, "remove", "remove webhooks, with the messages that wait for them", many=True
    )
    test = _named(actions, "test", "send a test message now, and print the result")
    rotate = _named(
        actions,
        "rotate",
        "print a new secret; for a day, messages also have a signature with the old one",
    )
    enable = _named(actions, "enable", "enable a disabled webhook")
    dead = _named(actions, "dead", "list the messages that were given up")
    dead.add_argument("--json", action="store_true", help="print JSON")
    retry = _named(actions, "retry", "resend messages that were given up")
    retry.add_argument(
        "numbers", nargs="*", type=int, metavar="NUMBER", help="number of a message (default: all)"
    )
    for action, run in (
        (create, _create),
        (listing, _list),
        (remove, _remove),
        (test, _test),
        (rotate, _rotate),
        (enable, _enable),
        (dead, _dead),
        (retry, _retry),
    ):
        add_connection(action, user=action is not create)
        action.set_defaults(run=runs(run))


def _named(actions: Any, name: str, summary: str, *, many: bool = False) -> Any:
    parser = actions.add_parser(name, help=summary, allow_abbrev=False)
    if many:
        parser.add_argument("names", nargs="+", metavar="NAME", help="name or ID of a webhook")
    else:
        parser.add_argument("name", metavar="NAME", help="name or ID of the webhook")
    return parser


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="URL", help="target, which begins with https://")
    parser.add_argument("--name", help="name that no other webhook has (default: its ID)")
    parser.add_argument(
        "--tell",
        action="append",
        choices=_KINDS,
        help="kind of message that it gets; may be repeated (default: job, the events of jobs)",
    )
    parser.add_argument(
        "--secret-file",
        metavar="FILE",
        type=checked(_read_secret),
        dest="secret",
        help="file with the secret that signs messages (default: a new secret)",
    )
    for option, words in (
        ("state", "state of the job after the event"),
        ("result", "result of the job"),
        ("event", "name of the event, such as clean or exception"),
        ("id", "job ID"),
    ):
        parser.add_argument(
            f"--{option}", action="append", metavar=option.upper(), help=f"{words}; may be repeated"
        )
    parser.add_argument("-u", "--user", help="user who submitted the job or group")
    parser.add_argument(
        "--job-name", metavar="NAME", help="name of the job, in which * stands for any characters"
    )
    parser.add_argument("-q", "--queue", help="queue")
    parser.add_argument("--group", help="name or ID of a group")
    parser.add_argument("--node", metavar="HOST", help="node")


def _read_secret(text: str) -> str:
    try:
        return Path(text).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
    raise ValueError(f"{text}: {reason}")


async def _create(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    fields: dict[str, Any] = {}
    for name in (*_FILTERS, *_SINGLE_FILTERS):
        value = getattr(arguments, name)
        if value:
            is_word = name in {"state", "result"}
            fields["name" if name == "job_name" else name] = (
                [word.upper() for word in value] if is_word else value
            )
    made = await flux.create_webhook(
        arguments.target,
        name=arguments.name,
        kinds=arguments.tell,
        filter=fields or None,
        secret=arguments.secret,
    )
    return _print_secret(made)


def _print_secret(made: CreatedWebhook) -> int:
    put(made.secret)
    if not made.kept:
        note(
            "the service has no state directory, so the webhook ends when the service stops; start "
            "the service with --statedir to keep webhooks"
        )
    if sys.stderr.isatty():
        note(f"webhook {safe(made.webhook.name)}; the secret is not shown again")
    return OK


async def _list(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    webhooks = await flux.webhooks()
    if arguments.json:
        put(json.dumps([asdict(webhook) for webhook in webhooks]))
        return OK
    _print_table(_HEADINGS, [_row(webhook) for webhook in webhooks])
    for webhook in webhooks:
        if webhook.last_error is not None:
            note(f"{safe(webhook.name)}: {safe(webhook.last_error)}")
    return OK


def _row(webhook: Webhook) -> tuple[str, ...]:
    state = "ok" if webhook.last_error is None else "failing"
    if not webhook.enabled:
        state = "disabled"
    sent = "never" if webhook.last_delivered is None else short_date(webhook.last_delivered)
    return (
        safe(webhook.name),
        state,
        str(webhook.delivered),
        str(webhook.pending) + ("+" if webhook.behind else ""),
        str(webhook.dead),
        sent,
        safe(",".join(webhook.kinds)),
        safe(webhook.url),
        safe(webhook.id),
    )


def _print_table(headings: Sequence[str], found: Sequence[Sequence[str]]) -> None:
    rows = [headings, *found]
    widths = [max(len(row[at]) for row in rows) for at in range(len(headings))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        put("  ".join(cells).rstrip())


async def _remove(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    for name in arguments.names:
        await flux.remove_webhook(name)
    return OK


async def _test(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    result = await flux.check_webhook(arguments.name)
    if result.delivered:
        put(f"delivered in {result.seconds * 1000:.0f} ms (status {result.status})")
        return OK
    note(f"not delivered: {safe(result.reason or 'it failed')}")
    return FAILED


async def _rotate(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    return _print_secret(await flux.rotate_webhook(arguments.name))


async def _enable(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    await flux.enable_webhook(arguments.name)
    return OK


async def _dead(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    letters = await flux.dead_letters(arguments.name)
    if arguments.json:
        import msgspec  # noqa: PLC0415 - needed only here

        put(json.dumps(msgspec.to_builtins(letters)))
        return OK
    rows = [
        (
            str(it.number),
            short_date(it.dead),
            str(it.attempts),
            safe(it.type),
            safe(it.subject),
            safe(it.reason),
        )
        for it in letters
    ]
    _print_table(_LETTER_HEADINGS, rows)
    return OK


async def _retry(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    count = await flux.retry_webhook(arguments.name, arguments.numbers or None)
    if count:
        put(f"{plural(count, 'message')} {'is' if count == 1 else 'are'} sent again")
    else:
        put("no message is sent again")
    missing = len(set(arguments.numbers)) - count
    if missing > 0:
        are = "is not a dead letter" if missing == 1 else "are not dead letters"
        note(
            f"{missing} of these numbers {are}, or there is no room to resend more; "
            f"fluxapi webhook dead {safe(arguments.name)} lists the dead letters"
        )
        return FAILED
    return OK
