"""The fields of a job under the names, values and headings of ``flux jobs -o``.

Names, headings and values are those of flux-core 0.88 (``flux/job/info.py``), so that a format
that works there works here. The fields ``instance.*`` need the figures of the instance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fluxapi.model.humanize import note
from fluxapi.model.jobid import parse
from fluxapi.model.jobid_forms import FORMS, encode_as
from fluxapi.model.times import fsd

from .field_values import (
    NO_RESULT,
    RESULT_EMOJI,
    RESULT_LETTERS,
    STATE_EMOJI,
    STATE_LETTERS,
    JobId,
    Tree,
    annotation,
    dependency,
    exit_reason,
)
from .ids import encode_id
from .named_jobs import with_shown_ids
from .text import safe, safe_tree

if TYPE_CHECKING:
    from fluxapi.client import Job

    from .instance_fields import InstanceFigures

__all__ = ["HEADINGS", "OWN", "JobFields", "heading"]

_PENDING = frozenset({"DEPEND", "PRIORITY", "SCHED"})


class JobFields:
    """The fields of one job at the time ``now``, in seconds since the epoch."""

    def __init__(self, job: Job, now: float, figures: InstanceFigures | None = None) -> None:
        self.job = job
        self.now = now
        self.figures = figures
        self.id = JobId(parse(job.id))

    def get(self, field: str) -> Any:
        """Return the value of a field that :func:`heading` knows."""
        found = _FIELDS.get(field)
        if found is not None:
            return found(self)
        first, _, rest = field.partition(".")
        if first == "instance":
            return "" if self.figures is None else self.figures.get(field)
        path = rest.split(".") if first == "annotations" else field.split(".")
        return annotation(self.job.annotations or {}, path)

    @property
    def runtime(self) -> float:
        """Seconds from start to end, or until now."""
        job = self.job
        if not job.t_run:
            return 0.0
        return (job.t_cleanup or self.now) - job.t_run

    @property
    def t_remaining(self) -> float:
        """Seconds until a running job reaches its time limit."""
        if self.job.status != "RUN":
            return 0.0
        return max((self.job.expiration or 0.0) - self.now, 0.0)

    @property
    def dependencies(self) -> str:
        """The dependencies, comma-separated; a begin time is in the local time zone."""
        return ",".join(dependency(item, self.now) for item in self.job.dependencies or ())

    @property
    def contextual_info(self) -> str:
        """The dependencies, start estimate or hold of a pending job; else the nodes of the job."""
        job = self.job
        if job.state == "PRIORITY":
            return "priority-wait"
        if job.state == "DEPEND":
            return f"depends:{self.dependencies}"
        if job.state == "SCHED":
            return self._waits_for()
        return safe(job.nodelist or "")

    @property
    def reason(self) -> str:
        """The reason why a pending job waits, from the service."""
        return with_shown_ids(safe(self.job.reason or ""), self.job)

    @property
    def note(self) -> str:
        """The sentence of the pages on why a job waits, or why it did not complete."""
        return with_shown_ids(safe(note(self.job.to_dict())), self.job)

    @property
    def info(self) -> str:
        """The reason why a pending job waits; else the nodes of the job."""
        return self.reason or self.contextual_info

    def _waits_for(self) -> str:
        estimate = annotation(self.job.annotations or {}, ["sched", "t_estimate"])
        if isinstance(estimate, (int, float)):
            left = estimate - self.now
            return f"eta:{'now' if left < 0 else fsd(left)}"
        if self.job.urgency == 0:
            return "held"
        return "priority-hold" if self.job.priority == 0 else ""

    @property
    def contextual_time(self) -> float:
        """The time limit of a pending job; else its run time, in seconds."""
        return self.job.duration or 0.0 if self.job.state in _PENDING else self.runtime

    @property
    def inactive_reason(self) -> str:
        """The reason why an inactive job ended, as text."""
        job = self.job
        if job.state != "INACTIVE":
            return ""
        exception = job.exception
        text = safe(exception.note or "") if exception and exception.occurred else ""
        kind = exception.type if exception and exception.occurred else None
        if job.result == "CANCELED":
            return f"Canceled: {text}" if kind == "cancel" and text else "Canceled"
        if job.result == "TIMEOUT":
            return "Timeout"
        if (
            job.result == "FAILED"
            and exception is not None
            and kind not in {None, "exec"}
            and exception.severity == 0
        ):
            return f"Exception: type={safe(kind or '')}" + (f" note={text}" if text else "")
        return exit_reason(job.returncode, failed=job.result == "FAILED")

    def to_dict(self) -> dict[str, Any]:
        """Return the record of ``flux jobs --json``, without unset fields."""
        record = {name: _raw(self, name) for name in _JSON_ORDER}
        kept = {
            name: value
            for name, value in record.items()
            if value != "" and not (_is_time(name) and value == 0)
        }
        kept["jobid"] = encode_id(self.id)
        kept["annotations"] = self.job.annotations or {}
        exception = self.job.exception
        kept["exception"] = (
            {
                "occurred": True,
                "severity": exception.severity,
                "type": exception.type,
                "note": exception.note,
            }
            if exception is not None and exception.occurred
            else {"occurred": False}
        )
        if self.job.uri:
            kept["uri"] = self.job.uri
        return kept


def _is_time(name: str) -> bool:
    return name.startswith("t_") or name in {"runtime", "expiration"}


def _raw(fields: JobFields, name: str) -> Any:
    """Return a member of the JSON record; texts are exact, since JSON escapes them."""
    if name == "id":
        return int(fields.id)
    if name in {"runtime", "t_remaining"}:
        return getattr(fields, name)
    if name == "dependencies":
        return [dependency(item, fields.now) for item in fields.job.dependencies or ()]
    value = getattr(fields.job, name)
    if value is None:
        return 0.0 if name == "duration" else ""
    return value


_JSON_ORDER = (
    "t_depend", "t_priority", "t_sched", "t_run", "t_cleanup", "t_inactive", "duration",
    "expiration", "name", "cwd", "queue", "project", "bank", "ntasks", "ncores", "nnodes",
    "priority", "ranks", "nodelist", "success", "result", "waitstatus", "id", "t_submit",
    "t_remaining", "state", "username", "userid", "urgency", "runtime", "status", "returncode",
    "dependencies",
)  # fmt: skip

Getter = Callable[[JobFields], Any]


def _attribute(name: str, default: Any = "") -> Getter:
    def get(fields: JobFields) -> Any:
        value = getattr(fields.job, name)
        if value is None:
            return default
        return safe(value) if isinstance(value, str) else value

    return get


def _exception(name: str) -> Getter:
    def get(fields: JobFields) -> Any:
        exception = fields.job.exception
        if fields.job.state != "INACTIVE" or exception is None:
            return ""
        value = getattr(exception, name)
        if value is None:
            return ""
        return safe(value) if isinstance(value, str) else value

    return get


def _local_uri(fields: JobFields) -> str:
    scheme, _, rest = (fields.job.uri or "").partition("://")
    if scheme != "ssh":
        return safe(fields.job.uri or "")
    return safe(f"local:///{rest.partition('/')[2]}")


def _status_letters(fields: JobFields) -> str:
    job = fields.job
    if job.result:
        return RESULT_LETTERS.get(job.result, "")
    return STATE_LETTERS.get(job.state, "")


def _status_emoji(fields: JobFields) -> str:
    job = fields.job
    if job.result:
        return RESULT_EMOJI.get(job.result, NO_RESULT)
    return STATE_EMOJI.get(job.state, NO_RESULT)


def _id_as(form: str) -> Getter:
    return lambda it: encode_as(it.id, form, encode_id(it.id))


_TABLE: tuple[tuple[str, str, Getter], ...] = (
    ("id", "JOBID", lambda it: it.id),
    *((f"id.{form}", "JOBID", _id_as(form)) for form in FORMS),
    ("userid", "UID", _attribute("userid")),
    ("username", "USER", _attribute("username")),
    ("urgency", "URG", _attribute("urgency")),
    ("priority", "PRI", _attribute("priority")),
    ("state", "STATE", _attribute("state")),
    ("state_single", "S", lambda it: STATE_LETTERS.get(it.job.state, "")),
    ("state_emoji", "STATE", lambda it: STATE_EMOJI.get(it.job.state, "")),
    ("name", "NAME", _attribute("name")),
    ("cwd", "CWD", _attribute("cwd")),
    ("queue", "QUEUE", _attribute("queue")),
    ("project", "PROJECT", _attribute("project")),
    ("bank", "BANK", _attribute("bank")),
    ("group", "GROUP", _attribute("group")),
    ("group_name", "GROUP-NAME", _attribute("group_name")),
    ("cc", "CC", _attribute("cc")),
    ("ntasks", "NTASKS", _attribute("ntasks")),
    ("ncores", "NCORES", _attribute("ncores")),
    ("duration", "DURATION", _attribute("duration", 0.0)),
    ("nnodes", "NNODES", _attribute("nnodes")),
    ("expiration", "EXPIRATION", _attribute("expiration", 0.0)),
    ("t_remaining", "T_REMAINING", lambda it: it.t_remaining),
    ("ranks", "RANKS", _attribute("ranks")),
    ("nodelist", "NODELIST", _attribute("nodelist")),
    ("success", "SUCCESS", _attribute("success")),
    ("result", "RESULT", _attribute("result")),
    ("result_abbrev", "RS", lambda it: RESULT_LETTERS.get(it.job.result or "", "")),
    ("result_emoji", "RESULT", lambda it: RESULT_EMOJI.get(it.job.result or "", NO_RESULT)),
    ("t_submit", "T_SUBMIT", _attribute("t_submit", 0.0)),
    ("t_depend", "T_DEPEND", _attribute("t_depend", 0.0)),
    ("t_priority", "T_PRIORITY", _attribute("t_priority", 0.0)),
    ("t_sched", "T_SCHED", _attribute("t_sched", 0.0)),
    ("t_run", "T_RUN", _attribute("t_run", 0.0)),
    ("t_cleanup", "T_CLEANUP", _attribute("t_cleanup", 0.0)),
    ("t_inactive", "T_INACTIVE", _attribute("t_inactive", 0.0)),
    ("runtime", "RUNTIME", lambda it: it.runtime),
    ("status", "STATUS", _attribute("status")),
    ("status_abbrev", "ST", _status_letters),
    ("status_emoji", "STATUS", _status_emoji),
    ("waitstatus", "WSTATUS", _attribute("waitstatus")),
    ("returncode", "RC", _attribute("returncode")),
    ("exception.occurred", "EXCEPTION-OCCURRED", _exception("occurred")),
    ("exception.severity", "EXCEPTION-SEVERITY", _exception("severity")),
    ("exception.type", "EXCEPTION-TYPE", _exception("type")),
    ("exception.note", "EXCEPTION-NOTE", _exception("note")),
    ("annotations", "ANNOTATIONS", lambda it: Tree(safe_tree(it.job.annotations or {}))),
    ("dependencies", "DEPENDENCIES", lambda it: it.dependencies),
    ("contextual_info", "INFO", lambda it: it.contextual_info),
    ("contextual_time", "TIME", lambda it: it.contextual_time),
    ("inactive_reason", "INACTIVE-REASON", lambda it: it.inactive_reason),
    ("reason", "REASON", lambda it: it.reason),
    ("note", "NOTE", lambda it: it.note),
    ("info", "INFO", lambda it: it.info),
    ("uri", "URI", _attribute("uri")),
    ("uri.local", "URI", _local_uri),
)

_FIELDS: dict[str, Getter] = {name: get for name, _, get in _TABLE}

OWN = frozenset({"reason", "note", "info", "group", "group_name", "cc"})
"""Fields that ``flux jobs`` does not have: why a job waits, that or why it did not complete, the
former or its nodes, its group, and its number by ``--cc``.
"""

HEADINGS: dict[str, str] = {
    **{name: title for name, title, _ in _TABLE},
    "sched": "SCHED",
    "user": "USER",
    "annotations.sched.t_estimate": "T_ESTIMATE",
    "annotations.sched.reason_pending": "REASON",
    "annotations.sched.resource_summary": "RESOURCES",
    "sched.t_estimate": "T_ESTIMATE",
    "sched.reason_pending": "REASON",
    "sched.resource_summary": "RESOURCES",
    "instance.stats.total": "NJOBS",
    "instance.utilization": "CORE%",
    "instance.gpu_utilization": "GPU%",
    "instance.progress": "PROG",
    **{
        f"instance.resources.{which}.{what}": noun if which == "all" else short
        for which, short in (
            ("all", ""), ("up", "UP"), ("down", "DOWN"), ("allocated", "USED"), ("free", "FREE"),
        )
        for what, noun in (("ncores", "CORES"), ("ngpus", "GPUS"), ("nnodes", "NODES"))
    },
}  # fmt: skip
"""The heading of each field; annotations may have others, see :func:`heading`."""


def heading(field: str) -> str | None:
    """Return the heading of a field; ``None`` for an unknown field."""
    if field in HEADINGS:
        return HEADINGS[field]
    first, dot, rest = field.partition(".")
    if not dot:
        return None
    if first in {"sched", "user"}:
        return field.upper()
    if first == "annotations":
        return rest.upper()
    if first == "instance":
        return rest.upper().removeprefix("RESOURCES.")
    return None
