"""The settings of the command and the webhooks that report events to other programs."""

from __future__ import annotations

from . import parse
from .setting import Setting

__all__ = ["NOTICES"]

NOTICES: tuple[Setting, ...] = (
    Setting(
        "exec_command",
        "--exec",
        "FLUXAPI_EXEC",
        "",
        "command to run for each event that passes --exec-filter, with the event as JSON on its "
        "standard input; split into words as by a shell, but run without a shell",
        parse.command,
    ),
    Setting(
        "exec_filter",
        "--exec-filter",
        "FLUXAPI_EXEC_FILTER",
        "event=clean",
        "events to run the command for, in the form of the query of /v1/events, such as "
        "event=start,clean&queue=batch",
    ),
    Setting(
        "exec_timeout",
        "--exec-timeout",
        "FLUXAPI_EXEC_TIMEOUT",
        "30",
        "timeout of one run of the command, seconds",
        parse.seconds,
    ),
    Setting(
        "exec_processes",
        "--exec-processes",
        "FLUXAPI_EXEC_PROCESSES",
        "4",
        "limit of simultaneous runs of the command",
        parse.positive,
    ),
    Setting(
        "webhook_allow",
        "--webhook-allow",
        "FLUXAPI_WEBHOOK_ALLOW",
        "",
        "hosts, addresses and networks that webhooks may reach besides public addresses, also over "
        "http",
        parse.targets,
        many=True,
    ),
    Setting(
        "webhooks_file",
        "--webhooks-file",
        "FLUXAPI_WEBHOOKS_FILE",
        None,
        "JSON file that declares webhooks; only its owner may have access",
        parse.path,
    ),
)
