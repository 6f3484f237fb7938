"""``fluxapi job kill``, ``urgency``, ``raise`` and ``memo``: changes of jobs, as in Flux."""

from __future__ import annotations

import argparse
import json
import sys
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from fluxapi.model.signals import number

from .arguments import add_ids, checked, job_id
from .blocking import interruptible
from .each import each
from .exit_codes import OK, USAGE, Failure
from .session import add_connection, runs
from .terminal import note
from .text import safe
from .urgencies import urgency

if TYPE_CHECKING:
    from fluxapi.client import AsyncClient

__all__ = ["add"]

_MAX_SEVERITY = 7
_OLD = {0: "job held", 31: "job expedited"}


def add(actions: Any) -> None:
    """Declare the actions."""
    kill = actions.add_parser("kill", help="send a signal to jobs", allow_abbrev=False)
    kill.add_argument(
        "-s", "--signal", metavar="SIG", type=checked(number), default=15, help="default TERM"
    )
    add_ids(kill, "+")

    urge = actions.add_parser("urgency", help="set the urgency of a job", allow_abbrev=False)
    urge.add_argument("-v", "--verbose", action="store_true", help="print the old urgency")
    add_ids(urge)
    urge.add_argument(
        "urgency", metavar="N", type=checked(urgency), help="0 to 31, hold, default or expedite"
    )

    throw = actions.add_parser("raise", help="raise an exception for jobs", allow_abbrev=False)
    throw.add_argument(
        "-s",
        "--severity",
        metavar="N",
        type=int,
        choices=range(_MAX_SEVERITY + 1),
        default=0,
        help="0 (fatal, the default) to 7",
    )
    throw.add_argument("-t", "--type", default="cancel", help="type of exception; default cancel")
    throw.add_argument("-m", "--message", metavar="NOTE", help="note, stored with the job")
    throw.add_argument(
        "words", metavar="JOBID", nargs="+", help="job IDs, and then the words of the note"
    )

    memo = actions.add_parser("memo", help="post a memo to a job", allow_abbrev=False)
    memo.add_argument("--volatile", action="store_true", help="the eventlog does not keep the memo")
    add_ids(memo)
    memo.add_argument(
        "pairs",
        metavar="KEY=VALUE",
        nargs="+",
        help="a value is JSON or else text, and - is standard input; dots in KEY make a tree",
    )
    for parser, act in ((kill, _kill), (urge, _urge), (throw, _raise), (memo, _memo)):
        add_connection(parser)
        parser.set_defaults(run=runs(act))


async def _kill(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    return await each(arguments.ids, lambda jobid: flux.signal(jobid, arguments.signal))


async def _urge(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    old = (await flux.get(arguments.id)).urgency
    await flux.urgency(arguments.id, arguments.urgency)
    if arguments.verbose and old is not None:
        note(f"old urgency: {_OLD.get(old, old)}")
    return OK


async def _raise(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    ids, words = _split(arguments.words)
    message = " ".join(words) or None
    if not ids:
        raise Failure(f"{safe(arguments.words[0])!r} is not a job ID.", USAGE)
    if message and arguments.message is not None:
        raise Failure("Give the note as words or with --message, not both.", USAGE)
    text = message if arguments.message is None else arguments.message
    return await each(
        ids,
        lambda jobid: flux.raise_exception(jobid, arguments.type, arguments.severity, note=text),
    )


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the job IDs, up to the first word that is none, and the other words."""
    ids = [*takewhile(_is_id, words)]
    return [job_id(word) for word in ids], words[len(ids) :]


def _is_id(word: str) -> bool:
    try:
        job_id(word)
    except argparse.ArgumentTypeError:
        return False
    return True


async def _memo(flux: AsyncClient, arguments: argparse.Namespace) -> int:
    memo: dict[str, Any] = {}
    for pair in arguments.pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise Failure(f"There is no value for {safe(pair)!r}; use KEY=VALUE.", USAGE)
        _put(memo, key, _value(_input() if text == "-" else text))
    await flux.memo(arguments.id, memo, volatile=arguments.volatile)
    return OK


def _input() -> str:
    with interruptible():
        return sys.stdin.read()


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_reject)
    except (ValueError, RecursionError):
        return text


def _reject(text: str) -> Any:
    raise ValueError(text)


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a value at a path with dots."""
    *path, last = key.split(".")
    if not all((*path, last)):
        raise Failure(f"{safe(key)!r} is not a key.", USAGE)
    for part in path:
        below = tree.setdefault(part, {})
        if not isinstance(below, dict):
            raise Failure(f"{safe(key)!r} is below a value.", USAGE)
        tree = below
    tree[last] = value
