"""The differences between the options of Flux's commands and ours, kept by hand.

The page that ``tools/make_flux_options.py`` makes of them says of each option that it is the same,
different, or not supported. An option that is in both parsers needs no entry here unless it
differs; one that is only in Flux's needs one in ``ABSENT``. The key ``*`` is for all commands.
"""

from __future__ import annotations

__all__ = ["ABSENT", "ABSENT_COMMANDS", "COMMANDS", "DIFFERENT", "WRITTEN"]

COMMANDS = {
    "submit": "submit",
    "run": "submit",
    "batch": "batch",
    "alloc": "alloc",
    "bulksubmit": "bulksubmit",
    "jobs": "jobs",
    "pgrep": "pgrep",
    "pkill": "pkill",
    "pstree": "pstree",
    "top": "top",
    "watch": "watch",
    "cancel": "cancel",
    "queue list": "queue list",
    "queue status": "queue status",
    "resource list": "resource list",
    "resource status": "resource status",
    "resource info": "resource info",
    "job attach": "output",
    "job eventlog": "job eventlog",
    "job info": "job info",
    "job kill": "job kill",
    "job last": "job last",
    "job memo": "job memo",
    "job raise": "job raise",
    "job stats": "job stats",
    "job status": "wait",
    "job timeleft": "job timeleft",
    "job urgency": "job urgency",
    "job wait": "job wait",
    "job wait-event": "job wait-event",
    "shutdown": "stop",
}
"""The command of ours for each of Flux's; words after the first name a command below it."""

WRITTEN = {
    "run": "submit --watch",
    "watch": "watch --output",
    "job attach": "output --follow",
    "shutdown": "stop --instance",
}
"""The words of our command that match a command of Flux, if its name alone does not."""

_PATHS = "a path on the nodes; the service does not know the directory of your shell"
_ENV = "begins with no variable, as after `--env=-*`; HOME, USER, LOGNAME, SHELL and PATH are set"
_RLIMIT = "begins with no limit, as after `--rlimit=-*`"
_FILE = "the file is read on your machine"
_SHARED = {
    "--env": _ENV,
    "--env-file": _ENV,
    "--env-remove": _ENV,
    "--rlimit": _RLIMIT,
    "--cwd": f"{_PATHS}; it must be absolute; default: the directory of the broker",
    "--flags": "`debug` and `waitable`; `novalidate` is not supported, since each job is checked",
    "--dry-run": "prints the request as JSON, not the jobspec",
    "--add-file": _FILE,
}
_PATH = "`eventlog`, `exec` and `output`, or their full names"
_ALL_USERS = "default: the jobs of all users"
_COPIES = "only `{cc}` is replaced, in all texts of the job; other braces stay"
_EXEC = "the events of the exec eventlog (`exec.…`) are not supported"
_IO = {"--input": _PATHS, "--output": _PATHS, "--error": _PATHS}

DIFFERENT: dict[str, dict[str, str]] = {
    "submit": {
        **_SHARED,
        **_IO,
        "--watch": "Ctrl-C detaches, and a second one cancels the jobs",
        "--cc": _COPIES,
        "--bcc": _COPIES,
        "--wait-event": _EXEC,
        "--progress": "the bar is on standard error, and shown only on a terminal",
        "-v": "with `--wait` or `--wait-event`, not with `--watch`",
    },
    "run": {
        **_SHARED,
        **_IO,
        "--wait-event": "`--watch` waits for the end; use `--wait-event` without it",
        "-v": "the ID is always printed on standard output, unless `--quiet` is given",
    },
    "batch": {**_SHARED, "--conf": _FILE},
    "alloc": {**_SHARED, "--conf": _FILE, "--bg": "required, since no terminal is attached"},
    "bulksubmit": {
        **_SHARED,
        **_IO,
        "--define": "the expression can use `x`, `os`, `re` and `sys`",
        "--wait-event": "the same event for all jobs; " + _EXEC,
        "-v": "prints each command, too",
    },
    "jobs": {
        "-c": "selects the inactive jobs that were submitted last, not those that ended last",
        "-u": "default: the jobs of all users",
        "-a": "active jobs, and those of `-c`, of all users",
    },
    "watch": {
        "--since": "a cursor of the event stream, for `--events`; use `fluxapi jobs --since`"
    },
    "pgrep": {"-u": _ALL_USERS},
    "pkill": {"-u": _ALL_USERS},
    "job attach": {"--tail": "of each stream"},
    "queue list": {"-o": "without colors, unless standard output is a terminal"},
    "resource list": {"-o": "without the field `rlist` and the format of that name"},
    "resource status": {"-s": "without `housekeeping`"},
    "job eventlog": {"-p": _PATH},
    "job wait-event": {"-p": _PATH, "-W": "for the exec eventlog"},
    "cancel": {
        "--all": "asks for confirmation, unless `--yes` is given",
        "-S": "asks for confirmation, unless `--yes` is given",
        "-u": "asks for confirmation, unless `--yes` is given",
    },
}
"""Options that are in both parsers, and how ours differs, by one of their names."""

_PLUGINS = "plugins of Flux's command line change jobs before Flux sees them, and run only there"
_STOP = "the instance stops as it was started; use `flux shutdown` on its node"

ABSENT: dict[str, dict[str, str]] = {
    "*": {
        "--list-plugins": _PLUGINS,
    },
    "alloc": {
        "--quiet": "only the ID is printed",
        "-v": "only the ID is printed",
    },
    "jobs": {
        "--recurse-all": "`-R` includes the instances of all users that the service may open",
        "--threads": "the service reads its own table, and needs no threads",
    },
    "watch": {
        "--progress": "`fluxapi top` shows progress",
        "--jps": "`fluxapi top` shows rates",
        "-v": "`fluxapi watch --events` shows events",
    },
    "job attach": {
        "-E": "`fluxapi watch --events JOBID` shows events",
        "-X": "events of the exec eventlog are not sent",
        "--show-status": "on a terminal, a message says why the job waits",
        "-w": "use `fluxapi submit --wait-event`",
        "-v": "use `fluxapi watch --events JOBID`",
        "-q": "messages of the job shell go to standard error",
        "-r": "no input is ever sent",
        "-u": "no input is sent",
        "-i": "no input is sent",
        "--debug": "no debugger can attach over HTTP",
    },
    "job info": {
        "-o": "the jobspec is the current one",
        "-b": "the jobspec is the current one",
    },
    "job status": {
        "-v": "the command always prints how a job failed",
        "-j": "use `fluxapi jobs --json JOBID`",
        "-e": "the status of a job that ends by an exception is 1",
    },
    "shutdown": {
        "--skip-gc": _STOP,
        "--gc": _STOP,
        "--dump": _STOP,
        "--background": "the command always returns when the instance begins to stop",
        "--quiet": "only the confirmation is printed",
        "-v": "only the confirmation is printed",
        "-n": "without `--yes`, the command asks on a terminal",
    },
}
"""Options that are only in Flux's parser, and why, by one of their names."""

ABSENT_COMMANDS: dict[str, str] = {
    "job id": "every command accepts IDs in all forms; `fluxapi jobs -o '{id.words}'` prints them",
}
"""Commands of Flux that have none of ours, and why."""
