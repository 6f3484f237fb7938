"""The options of a job, with the names of ``flux submit``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

from fluxapi.model.batch_options import DUMP_FILE
from fluxapi.model.idset import IdSet
from fluxapi.model.signals import early_signal
from fluxapi.model.time_limit import limit_seconds

from .arguments import checked, natural
from .notification import add_notify
from .text import safe
from .times import when

__all__ = [
    "add_batch_options",
    "add_following",
    "add_idempotency_key",
    "add_job_options",
    "add_many",
]

_URGENCIES = ("hold", "default", "expedite")
_MAX_URGENCY = 31
_BARE = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+", re.ASCII)
_ONE_UNIT = re.compile(r"[0-9.]+(?:ms|[smhd])", re.ASCII)


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a job, with the names of ``flux submit``."""
    add = parser.add_argument_group("resources").add_argument
    add("-n", "--ntasks", metavar="N", type=_count, help="number of tasks; default 1")
    add("-c", "--cores-per-task", metavar="N", type=_count, help="cores per task; default 1")
    add("-g", "--gpus-per-task", metavar="N", type=natural, help="GPUs per task")
    add(
        "-N",
        "--nodes",
        metavar="N",
        type=_count,
        help="number of nodes; without -n, run one task per node on exclusive nodes",
    )
    _add_limits(add)
    _add_per_resource(parser)
    _add_attributes(parser).add_argument(
        "--taskmap", metavar="SCHEME[:VALUE]", help="scheme that maps tasks to nodes"
    )
    _add_input_and_output(parser).add_argument(
        "--stdin",
        metavar="FILE",
        help="send this local file as standard input; - is standard input",
    )


def add_batch_options(parser: argparse.ArgumentParser, *, has_output: bool = True) -> None:
    """Add the options of an instance, with the names of ``flux batch``.

    ``has_output`` is false for ``flux alloc``, whose input and output are a terminal.
    """
    add = parser.add_argument_group("resources").add_argument
    add("-n", "--nslots", metavar="N", type=_count, help="number of resource slots; default 1")
    add("-c", "--cores-per-slot", metavar="N", type=_count, help="cores per slot; default 1")
    add("-g", "--gpus-per-slot", metavar="N", type=natural, help="GPUs per slot")
    add(
        "-N",
        "--nodes",
        metavar="N",
        type=_count,
        help="number of nodes; without -n, allocate whole nodes",
    )
    _add_limits(add)
    _add_attributes(parser)
    _add_input_and_output(parser, has_output=has_output)
    add = parser.add_argument_group("the instance of the job").add_argument
    add(
        "--conf",
        metavar="CONF",
        action="append",
        help="configure it: KEY=VALUE, a local file (.toml or .json), or the content of one",
    )
    add("--broker-opts", metavar="OPT,…", action="append", help="pass options to its brokers")
    add(
        "--dump",
        metavar="FILE",
        nargs="?",
        const=DUMP_FILE,
        help=f"write its content to this file when it ends; default {DUMP_FILE}",
    )


def _add_per_resource(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "resources, and tasks per resource",
        "These options exclude -n, -c and -g; -N alone allocates whole nodes.",
    )
    add = group.add_argument
    add("--cores", metavar="N", type=_count, help="number of cores in total")
    add("--tasks-per-node", metavar="N", type=_count, help="tasks on each node")
    add("--tasks-per-core", metavar="N", type=_count, help="tasks on each core")
    add("--gpus-per-node", metavar="N", type=natural, help="GPUs of each node; needs -N")


def _add_limits(add: Callable[..., object]) -> None:
    add(
        "--resources-shape",
        metavar="SHAPE",
        help="resources in the syntax of RFC 46, such as slot=4/core=2; the other resource "
        "options are ignored",
    )
    add(
        "--resources-json",
        metavar="FILE",
        help="local file with the resources section of a jobspec; the other resource options "
        "are ignored",
    )
    add("-x", "--exclusive", action="store_true", help="allocate whole nodes; requires -N")
    add(
        "-t",
        "--time-limit",
        metavar="MIN|FSD",
        type=checked(_limit),
        help="time limit in minutes, or with units: 90s, 1.5h, 2h30m, 2d, 2:30:00",
    )
    add("--requires", metavar="CONSTRAINT", action="append", help="constraint on nodes (RFC 35)")


def _add_attributes(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    group = parser.add_argument_group("job")
    add = group.add_argument
    add("--job-name", metavar="NAME", help="job name; default is the program name")
    add(
        "--group",
        metavar="NAME",
        help="group of the job; the jobs of one --cc, --bcc or bulk submission always form a group",
    )
    add("-q", "--queue", metavar="NAME", help="queue to submit to")
    add("-B", "--bank", metavar="NAME", help="bank to charge")
    add(
        "--urgency",
        metavar="N",
        type=checked(_urgency),
        help="job urgency: 0 to 31, hold (0), default (16) or expedite (31)",
    )
    add(
        "--dependency",
        metavar="URI",
        action="append",
        help="dependency, such as afterok:f2QK3Zz (RFC 26)",
    )
    add(
        "--begin-time",
        metavar="+FSD|TIME",
        type=when(future=True),
        help="start no earlier than this time: +1h, 3pm, tomorrow, or ISO 8601 (YYYY-MM-DDThh:mm)",
    )
    add(
        "--signal",
        metavar="[SIG][@TIME]",
        type=checked(early_signal),
        help="send SIG (default USR1) TIME (default 60s) before the time limit",
    )
    add("--flags", metavar="FLAG,…", action="append", help="set job flags: waitable, debug")
    add(
        "-S",
        "--setattr",
        metavar="KEY[=VALUE]",
        action="append",
        help="set a jobspec attribute; VALUE is JSON or text, ^KEY=FILE reads JSON from a file",
    )
    add(
        "-o",
        "--setopt",
        metavar="KEY[=VALUE]",
        action="append",
        help="set a job shell option; VALUE is JSON or text",
    )
    return group


def _add_input_and_output(
    parser: argparse.ArgumentParser, *, has_output: bool = True
) -> argparse._ArgumentGroup:
    group = parser.add_argument_group("environment and I/O")
    add = group.add_argument
    add("--cwd", metavar="DIRECTORY", help="working directory on the nodes")
    add(
        "--env",
        metavar="RULE",
        action="append",
        help="set a variable (NAME=VALUE, where $OTHER is the value of another), copy from this "
        "shell (NAME, or a pattern with *), remove (-PATTERN), or read rules from a file (^FILE); "
        "default: copy nothing",
    )
    add(
        "--env-file",
        metavar="FILE",
        dest="env",
        action=_Prefixed,
        prefix="^",
        help="read --env rules from a file",
    )
    add(
        "--env-remove",
        metavar="PATTERN",
        dest="env",
        action=_Prefixed,
        prefix="-",
        help="remove variables that match a pattern with *, or /REGEX",
    )
    add(
        "--rlimit",
        metavar="RULE,…",
        action="append",
        help="set a limit (NAME=VALUE), copy that of this shell (NAME), or remove it (-NAME)",
    )
    add(
        "-u", "--unbuffered", action="store_true", help="disable buffering of output where possible"
    )
    if has_output:
        add("--input", metavar="FILE", help="read standard input from this file on the nodes")
        add("--output", metavar="FILE", help="write standard output to this file on the nodes")
        add("--error", metavar="FILE", help="write standard error to this file on the nodes")
        add(
            "-l",
            "--label-io",
            action="store_true",
            help="prefix each line of output with its task rank",
        )
    add(
        "--add-file",
        metavar="[NAME[:MODE]=]FILE",
        action="append",
        help="send this local file, or with NAME= a text that contains a newline or \\n; the job "
        'can read it as {{tmpdir}}/NAME, a batch script as "$(dirname "$0")/NAME"',
    )
    return group


def add_many(parser: argparse.ArgumentParser) -> None:
    """Add the options that submit several copies of a job."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--cc",
        metavar="IDSET",
        type=checked(_idset),
        help="submit one job for each ID; replace {cc} with the ID, and set FLUX_JOB_CC",
    )
    group.add_argument(
        "--bcc", metavar="IDSET", type=checked(_idset), help="like --cc, without FLUX_JOB_CC"
    )


def add_idempotency_key(parser: argparse.ArgumentParser, same: str) -> None:
    """Add the option that keeps repetitions of a command with the *same* content from submitting.

    :func:`fluxapi.cli.session.connected` names it in errors.
    """
    parser.add_argument(
        "--idempotency-key",
        metavar="KEY",
        help=f"submit no job twice when the command is repeated with the same KEY and {same}",
    )


def add_following(parser: argparse.ArgumentParser) -> None:
    """Add the options for what is written at and after submission."""
    group = parser.add_argument_group("after submission")
    add = group.add_argument
    add(
        "--wait",
        dest="wait_event",
        action="store_const",
        const="clean",
        help="wait until the jobs have ended",
    )
    add(
        "--wait-event",
        metavar="NAME",
        type=checked(_event),
        help="wait until each job has had this event, such as start, or has ended",
    )
    add_notify(group, "with --wait, --wait-event or --watch, at the end")
    add(
        "--watch",
        action="store_true",
        help="follow the output and exit with the status of the job; Ctrl-C detaches, and a second "
        "one cancels the job; without --stdin or --input, standard input is empty",
    )
    add(
        "--log",
        metavar="FILE",
        help="write IDs, messages and output to this local file; {cc} is replaced",
    )
    add(
        "--log-stderr",
        metavar="FILE",
        help="write messages and standard error to this local file; {cc} is replaced",
    )
    add(
        "--progress",
        action="store_true",
        help="show a progress bar of submitted jobs, and of ended and failed ones with --wait",
    )
    add("--jps", action="store_true", help="with --progress: show jobs per second, not the time")
    add("--quiet", action="store_true", help="do not print job IDs")
    add(
        "-v",
        "--verbose",
        action="count",
        help="with --wait: report how each job ended; -vv also reports its events",
    )


def _event(text: str) -> str:
    if text.startswith("exec."):
        raise ValueError("the events of the exec eventlog are not available; use start or finish")
    return text


class _Prefixed(argparse.Action):
    """An action that turns ``--env-file=F`` into ``--env=^F`` and keeps the order of rules."""

    def __init__(self, option_strings: list[str], dest: str, prefix: str, **options: Any) -> None:
        super().__init__(option_strings, dest, **options)
        self.prefix = prefix

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - the signature is argparse's
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        rules = [*(getattr(namespace, self.dest) or ()), f"{self.prefix}{values}"]
        setattr(namespace, self.dest, rules)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{safe(text)!r} is not a whole number above 0")
    return int(text)


def _limit(text: str) -> str:
    """Return a time limit with its unit; a bare number is minutes, as in ``flux submit``."""
    try:
        return f"{float(text) * 60:.15g}s" if _BARE.fullmatch(text) else _with_unit(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{safe(text)!r} is not a duration: write 30 (minutes), 90s, 1.5h, 2h30m or 2:30:00"
        ) from None


def _with_unit(text: str) -> str:
    seconds = limit_seconds(text)
    if seconds is None:
        raise ValueError(text)
    # A service of an earlier release takes one unit.
    return text if _ONE_UNIT.fullmatch(text) else f"{seconds:.15g}s"


def _urgency(text: str) -> int | str:
    if text in _URGENCIES:
        return text
    if text.isascii() and text.isdigit() and int(text) <= _MAX_URGENCY:
        return int(text)
    raise ValueError(f"{text!r} is not an urgency: use 0 to 31, hold, default or expedite")


def _idset(text: str) -> list[int]:
    ids = list(IdSet.parse(text))
    if not ids:
        raise ValueError("an idset such as 0-9 or 1,3,5-7 is needed")
    return ids
