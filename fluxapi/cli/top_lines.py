"""The lines that ``fluxapi top`` shows: counts and rates, nodes, active jobs. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from fluxapi.model.duration import duration
from fluxapi.model.job import GROUPS
from fluxapi.model.job_fields import BAD_VALUE
from fluxapi.model.jobid import parse
from fluxapi.model.reason import Situation, reason

from .fields import JobFields, heading
from .format import Format
from .formats import BUILTIN
from .outage import NO_OUTAGE, Outage
from .text import plural, safe
from .tree import is_instance

if TYPE_CHECKING:
    from fluxapi.client import Job, Stats

__all__ = ["Line", "TopView", "screen_lines"]

_STATES = ("PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELED", "TIMEOUT")
_STYLES = {"down": "bold red", "drained": "yellow", "draining": "yellow", "excluded": "dim"}
_BAR_COLUMNS = 20
_LINES_PER_NODE_LINE = 4
"""Nodes use at most one line in this many."""

_FORMAT = Format(BUILTIN["default"][1].replace("{contextual_info}", "{info}"), heading)


class Line(NamedTuple):
    """One line of text with a style of rich."""

    text: str
    style: str = ""


@dataclass
class TopView:
    """The data to show of one instance.

    Attributes:
        jobs: The active jobs by ID, of which ``first`` is the first visible one.
        path: The path of the instance; ``""`` is that of the service.
        selected: The ID of the job under the cursor, or ``""``.
        message: A sentence for the user, until the next key.
        ended: Why the instance has ended, or ``""``.
        outage: A sentence and a time if it does not answer.
        queues: The properties that each queue with a name requires of its nodes.
        queue: The name of the queue to show, or ``""`` for all.
        has_details: Show the number of jobs with each result.
    """

    url: str
    info: Mapping[str, Any] = field(default_factory=dict)
    stats: Stats | None = None
    nodes: Sequence[Mapping[str, Any]] = ()
    jobs: Mapping[str, Job] = field(default_factory=dict)
    connected: bool = True
    first: int = 0
    path: str = ""
    selected: str = ""
    message: str = ""
    ended: str = ""
    outage: Outage = NO_OUTAGE
    queues: Mapping[str, Collection[str]] = field(default_factory=dict)
    queue: str = ""
    has_details: bool = True

    @property
    def shown_jobs(self) -> list[Job]:
        """The active jobs of the queue, in the order of the screen."""
        shown = (job for job in self.jobs.values() if self.queue in ("", job.queue))
        return sorted(shown, key=_order)

    @property
    def shown_nodes(self) -> Sequence[Mapping[str, Any]]:
        """The nodes of the queue."""
        required = set(self.queues.get(self.queue, ()))
        if not required:
            return self.nodes
        return [node for node in self.nodes if required <= set(node.get("properties", ()))]

    def turn(self, by: int) -> None:
        """Show the next queue, or the one before; all queues come after the last one."""
        names = ["", *self.queues]
        at = names.index(self.queue) if self.queue in names else 0
        self.queue = names[(at + by) % len(names)]
        self.selected, self.first = "", 0

    def select(self, by: int) -> None:
        """Move the cursor by *by* jobs; one step past an end leads to the other end."""
        jobs = self.shown_jobs
        if not jobs:
            return
        at = _position(jobs, self.selected)
        if at < 0 and by < 0:
            at = 0
        last = len(jobs) - 1
        to = (at + by) % len(jobs) if abs(by) == 1 else max(0, min(at + by, last))
        self.selected = jobs[to].id

    @property
    def selected_instance(self) -> Job | None:
        """The job under the cursor if it is a Flux instance that runs."""
        job = self.jobs.get(self.selected)
        return job if job is not None and is_instance(job) else None


def screen_lines(view: TopView, height: int | None, now: float, count: int = 20) -> list[Line]:
    """Return the lines that fit into ``height``; without one, those with ``count`` jobs."""
    now = min(now, view.outage.since)
    lines = [*_head(view, now), Line("")]
    room = None if height is None else max(height - len(lines) - 3, 0)
    nodes = list(
        _nodes(view.shown_nodes, None if room is None else max(room // _LINES_PER_NODE_LINE, 1))
    )
    lines += nodes
    left = count if height is None else max(height - len(lines) - 2, 0)
    lines += _jobs(view, left, now)
    return lines if height is None else lines[:height]


def _head(view: TopView, now: float) -> Iterator[Line]:
    info = view.info
    what = f"{info.get('instance', '')} {info.get('version', '')}".strip()
    age = f", up {duration(now - info['starttime'])}" if info.get("starttime") else ""
    owner = f" of {info['owner']}" if info.get("owner") else ""
    cut = "" if view.connected or view.ended else " · NOT CONNECTED, retrying"
    where = f"{view.path} · " if view.path else ""
    line = safe(f"fluxapi top · {where}{what}{owner} on {info.get('hostname', view.url)}{age}{cut}")
    yield Line(line, "bold red" if cut else "bold")
    if view.ended:
        yield Line(safe(f"ENDED · {view.ended}"), "bold red")
    elif view.outage.sentence:
        yield Line(view.outage.sentence, "bold red")
    if view.message:
        yield Line(safe(view.message), "yellow")
    stats = view.stats
    if stats is None:
        return
    yield Line(_job_counts(view, stats))
    yield Line(
        f"rates  {stats.submissions_per_second:,.1f} submissions/s · "
        f"{stats.events_per_second:,.1f} events/s"
    )
    if view.queue:
        yield _use(_counts(view.shown_nodes))
    elif stats.nodes is not None:
        yield _use(msgspec.to_builtins(stats.nodes))
    elif view.nodes:
        # The service reads the figures while it is watched, and has none for the first client.
        yield _use(_counts(view.nodes))


def _use(nodes: Mapping[str, Any]) -> Line:
    states = ", ".join(
        f"{number} {safe(name)}" for name, number in nodes["states"].items() if number
    )
    cores, gpus = nodes["cores"], nodes["gpus"]
    bar = _bar(cores["allocated"], cores["total"])
    return Line(
        f"nodes  {nodes['allocated']}/{nodes['total']} in use ({states}) · "
        f"cores {bar} {cores['allocated']}/{cores['total']}"
        + (f" · gpus {gpus['allocated']}/{gpus['total']}" if gpus["total"] else "")
    )


def _counts(nodes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of a list of nodes."""

    def use(kind: str) -> dict[str, int]:
        return {name: sum(node[kind][name] for node in nodes) for name in ("total", "allocated")}

    return {
        "total": len(nodes),
        "allocated": sum(1 for node in nodes if node.get("allocated")),
        "states": Counter(node["state"] for node in nodes),
        "cores": use("cores"),
        "gpus": use("gpus"),
    }


def _job_counts(view: TopView, stats: Stats) -> str:
    """Return the line with the number of jobs; of one queue, only the active ones are known."""
    if view.queue:
        states: Mapping[str, int] = Counter(job.state for job in view.shown_jobs)
        head = f"queue {safe(view.queue)}"
    else:
        states, head = stats.states, f"{stats.total:,} in total"
    names = _STATES if view.has_details and not view.queue else _STATES[:2]
    counts = {**stats.results}
    for name, members in GROUPS.items():
        counts[name] = sum(states.get(member, 0) for member in members)
    # Put the sum first: a narrow terminal truncates the results, most of which are 0.
    return " · ".join([f"jobs   {head}", *(f"{counts.get(it, 0):,} {it.lower()}" for it in names)])


def _bar(part: int, whole: int) -> str:
    filled = round(_BAR_COLUMNS * min(max(part, 0), whole) / whole) if whole > 0 else 0
    return "█" * filled + "░" * (_BAR_COLUMNS - filled)


def _nodes(nodes: Sequence[Mapping[str, Any]], room: int | None) -> Iterator[Line]:
    """Yield nodes: down and drained ones first, then the busiest."""
    ordered = sorted(
        nodes,
        key=lambda node: (node["state"] == "up", -node["cores"]["allocated"], node["rank"]),
    )
    shown = ordered if room is None or len(ordered) <= room else ordered[: room - 1]
    width = max((len(safe(node["name"])) for node in shown), default=0)
    for node in shown:
        cores = node["cores"]
        gpus = f"  {node['gpus']['allocated']}/{node['gpus']['total']} gpus"
        line = (
            f"{safe(node['name']):<{width}}  {safe(node['state']):<8}  "
            f"{_bar(cores['allocated'], cores['total'])}  "
            f"{cores['allocated']}/{cores['total']} cores"
            f"{gpus if node['gpus']['total'] else ''}  {safe(node.get('reason', ''))}"
        )
        yield Line(line.rstrip(), _STYLES.get(node["state"], ""))
    hidden = len(ordered) - len(shown)
    if hidden:
        yield Line(f"and {plural(hidden, 'more node')}", "dim")


def _jobs(view: TopView, room: int, now: float) -> list[Line]:
    """Return the visible active jobs: running ones, newest first, then pending ones in order."""
    jobs = view.shown_jobs
    at = _position(jobs, view.selected)
    if at >= 0 and room:
        # Scroll as little as shows the job under the cursor.
        view.first = max(min(view.first, at), at - room + 1)
    begin = view.first = min(view.first, max(len(jobs) - room, 0))
    situation = _situation(view.stats)
    rows = [JobFields(_explained(job, situation, now), now) for job in jobs[begin : begin + room]]
    fitted = _FORMAT.fitted([row.get for row in rows], header=True)
    if not jobs:
        where = f" in the queue {safe(view.queue)}" if view.queue else ""
        return [Line(""), Line(f"no active jobs{where}", "dim")]
    shown = f"{begin + 1}–{begin + len(rows)} of " if len(rows) < len(jobs) else ""
    lines = [
        Line(f"{shown}{plural(len(jobs), 'active job')}", "dim"),
        Line(fitted.header().rstrip(), "reverse"),
    ]
    return lines + [
        Line(fitted.line(row.get), _style(row.job, is_selected=row.job.id == view.selected))
        for row in rows
    ]


def _situation(stats: Stats | None) -> Situation:
    if stats is None:
        return Situation()
    try:
        return Situation.of(stats.queues, msgspec.to_builtins(stats.nodes))
    except BAD_VALUE:
        from fluxapi.client import BadAnswer  # noqa: PLC0415 - already imported

        words = "The response is not that of a fluxapi service: its queues are incomplete."
        raise BadAnswer(words) from None


def _explained(job: Job, situation: Situation, now: float) -> Job:
    """Return the job with the reason why it waits, which the job stream does not include."""
    why = reason(job.to_dict(), situation, now)
    return msgspec.structs.replace(job, reason=why) if why else job


def _order(job: Job) -> tuple[int, float, int]:
    if job.t_run:
        return 0, -job.t_run, -parse(job.id)
    return 1, -(job.priority or 0), parse(job.id)


def _position(jobs: Sequence[Job], jobid: str) -> int:
    """Return the position of a job, or -1 if it is not there."""
    return next((at for at, job in enumerate(jobs) if job.id == jobid), -1)


def _style(job: Job, *, is_selected: bool) -> str:
    """Return the style of a row; an instance is blue, as in ``flux top``."""
    color = "green" if job.state == "RUN" else ""
    if is_instance(job):
        color = "bold blue"
    return f"{color} reverse".lstrip() if is_selected else color
