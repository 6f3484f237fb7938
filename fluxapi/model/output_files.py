"""The files that a job writes its output to, by its jobspec and its output eventlog.

The jobspec names a file by a template with ``{{…}}`` tags. The job shell renders it, opens the
file, and then writes the rendered path into the output eventlog (a ``redirect`` entry, RFC 24). A
job can write into its eventlog, too, so a path counts only if it is a rendering of the template.

The rules are those of flux-core: ``src/shell/output/``, ``src/shell/shell.c``, ``mustache.c``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from .eventlog import Event
from .idset import IdSet
from .jobid import encode_f58, encode_fancy
from .jobid_forms import id_tags
from .path_template import MAX_PATH_LENGTH, Template, Values
from .resources import Node

__all__ = [
    "MAX_FILES",
    "STREAMS",
    "OutputFile",
    "Placement",
    "Redirect",
    "output_files",
    "redirected",
    "tasks",
    "templates",
]

STREAMS = ("stdout", "stderr")

MAX_FILES = 1024
"""Files of one job that are listed; the tasks and nodes after them are left out."""

_MAX_TASKS = 1 << 20

_TASK_TAGS = {"task.id", "task.rank", "taskid"}
_LOCAL_TAGS = {"task.index", "task.localid"}

_OTHER_PATH = (
    "The path that the job shell reports is not the one that the jobspec names. The service reads "
    "files only by the jobspec."
)
_NO_FOLDER = (
    "The path is relative, and the jobspec names no working directory: the file is usually in the "
    "directory in which the broker of its node was started. Submit with a working directory to see "
    "such output."
)
_LONG_FOLDER = "The path is relative to a working directory whose name is longer than any path."


class OutputFile(msgspec.Struct, frozen=True):
    """A file that receives output.

    Attributes:
        streams: The streams that go to the file.
        ranks: The ranks of the tasks (an idset).
        path: Its absolute path, or the text of the redirect if there is a ``problem``.
        rank: The broker rank of the node whose job shell writes it.
        host: The name of this node.
        timestamp: The time of the redirect, in seconds since the epoch.
        problem: A sentence that says why it is not read; empty if it may be.
    """

    streams: tuple[str, ...]
    ranks: str
    path: str
    rank: int = -1
    host: str = ""
    timestamp: float = 0.0
    problem: str = ""


class Placement(msgspec.Struct, frozen=True):
    """The nodes of a job by shell rank, and the tasks on each; ``None`` if not known.

    ``own_files``: tasks and nodes can have files of their own; otherwise their tags stay in the
    names.
    """

    nodes: Sequence[Node]
    tasks: Sequence[Sequence[int]] | None = None
    own_files: bool = True


class Redirect(msgspec.Struct, frozen=True):
    """A ``redirect`` entry: a stream of some tasks goes to the file of this path."""

    stream: str
    ranks: str
    path: str
    timestamp: float


def redirected(entries: Sequence[Event]) -> dict[str, Redirect]:
    """Return the first redirect of each stream among the entries of an output eventlog."""
    found: dict[str, Redirect] = {}
    for entry in entries:
        context = entry.context or {}
        stream, path = context.get("stream"), context.get("path")
        if entry.name == "redirect" and isinstance(path, str) and stream in STREAMS:
            ranks = str(context.get("rank", ""))[:MAX_PATH_LENGTH]
            # A longer path is no rendering of a template.
            path = path[: MAX_PATH_LENGTH + 1]
            found.setdefault(stream, Redirect(stream, ranks, path, entry.timestamp))
    return found


def templates(jobspec: Mapping[str, Any]) -> dict[str, str]:
    """Return the template of each stream that the jobspec sends to a file."""
    options = _member(jobspec, "attributes", "system", "shell", "options", "output")
    found: dict[str, str] = {}
    template: Any = None
    for stream in STREAMS:
        # Standard error goes where standard output goes, unless the jobspec says otherwise.
        target = _member(options, stream)
        template = _member(target, "path") or template
        if _member(target, "type") == "kvs":
            template = None
        if isinstance(template, str) and template:
            found[stream] = template
    return found


def output_files(
    jobid: int,
    jobspec: Mapping[str, Any],
    redirects: Mapping[str, Redirect],
    placement: Placement,
) -> list[OutputFile] | None:
    """Return the files of the streams in *redirects*; ``None`` if tasks must be placed first."""
    named, folder = templates(jobspec), _member(jobspec, "attributes", "system", "cwd")
    found: dict[tuple[str, str, int], OutputFile] = {}
    for stream, redirect in redirects.items():
        count = _count(redirect.ranks)
        job = _Job(jobid, jobspec, placement, count)
        template = Template(named.get(stream, "")[: MAX_PATH_LENGTH + 1])
        values = _rendering(template, redirect.path, job)
        if values is None:
            key = (stream, redirect.path, -1)
            found[key] = _unread((stream,), redirect, _OTHER_PATH)
            continue
        paths = _paths(template, values, placement, redirect.ranks, count)
        if paths is None:
            return None
        for path, ranks, node in paths:
            whole, problem = _joined(folder, path)
            key = ("", whole, node.rank if node else -1)
            known = found.get(key)
            streams = (*known.streams, stream) if known else (stream,)
            found[key] = OutputFile(
                streams=streams,
                ranks=ranks,
                path=whole,
                rank=node.rank if node else -1,
                host=node.name if node else "",
                timestamp=redirect.timestamp,
                problem=problem or ("" if node else "The node that writes it is not known."),
            )
    return list(found.values())


def _joined(folder: Any, path: str) -> tuple[str, str]:
    """Return a path below the working *folder* of a job, and why it cannot be read, if so."""
    if path.startswith("/"):
        return path, ""
    if not isinstance(folder, str):
        return path, _NO_FOLDER
    if len(folder) > MAX_PATH_LENGTH:
        return path, _LONG_FOLDER
    return posixpath.join(folder, path), ""


def tasks(taskmap: Any, nodes: int) -> list[list[int]] | None:
    """Return the tasks on each of so many *nodes*, by a task map (RFC 34); ``None`` if invalid."""
    blocks = taskmap.get("map") if isinstance(taskmap, dict) else taskmap
    if not isinstance(blocks, list):
        return None
    found: list[list[int]] = [[] for _ in range(nodes)]
    task = 0
    for block in blocks:
        if not _is_block(block, nodes):
            return None
        first, width, per_node, repeat = block
        if task + width * per_node * repeat > _MAX_TASKS:
            return None
        for _ in range(repeat):
            for node in range(first, first + width):
                found[node] += range(task, task + per_node)
                task += per_node
    return found


def _is_block(block: Any, nodes: int) -> bool:
    if not (isinstance(block, list) and len(block) == 4):  # noqa: PLR2004 - see above
        return False
    if not all(type(number) is int and 0 <= number <= _MAX_TASKS for number in block):
        return False
    return bool(block[0] + block[1] <= nodes and min(block[1:]) > 0)


def _paths(
    template: Template, values: Values, placement: Placement, ranks: str, count: int
) -> list[tuple[str, str, Node | None]] | None:
    """Return each rendered path, the ranks of its tasks, and the node that writes it."""
    names = set(template.tags)
    leader = placement.nodes[0] if placement.nodes else None
    per_task = names & (_TASK_TAGS | _LOCAL_TAGS)
    per_node = any(name.startswith("node.") for name in names)
    per_shell = "tmpdir" in names and len(placement.nodes) > 1
    if not placement.own_files or not (per_task or per_node or per_shell):
        return [(template.render(values), ranks, leader)]
    if placement.tasks is not None:
        placed: Sequence[Sequence[int]] = placement.tasks
    elif len(placement.nodes) == 1:
        placed = [range(count)]
    else:
        return None
    found: dict[tuple[str, int], list[Sequence[int]]] = {}
    for place in range(len(placement.nodes)):
        of_node = _of_node(values, placement, place)
        for index, task in enumerate(placed[place]):
            path = template.render(_of_task(of_node, task, index))
            if (path, place) not in found and len(found) == MAX_FILES:
                break
            found.setdefault((path, place), []).append(range(task, task + 1))
            if not per_task:
                found[path, place] = [placed[place]]
                break
    return [
        (path, _encoded(members), placement.nodes[place])
        for (path, place), members in found.items()
    ]


def _encoded(members: Sequence[Sequence[int]]) -> str:
    """Return the tasks in the lists *members* as an idset; a range of a million is not expanded."""
    return IdSet(
        (part[0], part[-1]) if isinstance(part, range) else (task, task)
        for part in members
        for task in (part[:1] if isinstance(part, range) else part)
    ).encode()


def _of_node(values: Values, placement: Placement, place: int) -> Values:
    """Return *values* with those of the tags of a node."""
    node = placement.nodes[place]
    known = {
        "node.id": str(place),
        "node.name": node.name,
        "node.broker_rank": str(node.rank),
        "node.ncores": str(len(node.cores)),
        "node.cores": node.cores.encode(),
        "node.gpus": node.gpus.encode(),
    }
    if placement.tasks is not None:
        known["node.ntasks"] = str(len(placement.tasks[place]))
    return lambda name: known.get(name) or values(name)


def _of_task(values: Values, task: int, index: int) -> Values:
    """Return *values* with those of the tags of a task, which is the *index*-th of its node."""
    known = {
        **dict.fromkeys(_TASK_TAGS, str(task)),
        **dict.fromkeys(_LOCAL_TAGS, str(index)),
    }
    return lambda name: known.get(name) or values(name)


class _Job(NamedTuple):
    id: int
    jobspec: Mapping[str, Any]
    placement: Placement
    ntasks: int


def _rendering(template: Template, path: str, job: _Job) -> Values | None:
    """Return the values of the tags with which *path* is a rendering of *template*, if it is."""
    text = template.text
    if not text or max(len(text), len(path)) > MAX_PATH_LENGTH:
        return None
    folder = _member(job.jobspec, "attributes", "system", "cwd")
    targets = {path}
    if isinstance(folder, str) and not text.startswith("/"):
        # The embedded instance reports absolute paths.
        targets.add(path.removeprefix(folder.rstrip("/") + "/"))
    known = [_static(job, fancy=fancy) for fancy in (True, False)]
    # Before 0.70 there were fewer tags, and the others stay as they are.
    known += [partial(_old, base) for base in known]
    for base in known:
        for target in targets:
            folder_of_job = _solve(template, target, base)
            values = _with(base, folder_of_job)
            if template.render(values) == target:
                return values
            if len(job.placement.nodes) == 1:
                first = _of_task(_of_node(values, job.placement, 0), 0, 0)
                if template.render(first) == target:
                    return values
    return None


def _old(base: Values, name: str) -> str | None:
    return base(name) if name == "name" or name.startswith(("id", "jobid")) else None


def _with(base: Values, tmpdir: str | None) -> Values:
    return lambda name: tmpdir if name == "tmpdir" else base(name)


def _solve(template: Template, path: str, base: Values) -> str | None:
    """Return the value of ``{{tmpdir}}``, which only the job shell knows, from the *path*."""
    before, tag, _ = template.text.partition("{{tmpdir}}")
    if not tag:
        return None
    count = template.text.count(tag)
    others = len(template.render(_with(base, "")))
    length, rest = divmod(len(path) - others, count)
    start = len(Template(before).render(base))
    return path[start : start + length] if length > 0 and not rest else None


def _static(job: _Job, *, fancy: bool) -> Values:
    """Return the values of the tags that are the same for all tasks and nodes."""
    jobid, count = job.id, str(job.ntasks)
    f58 = encode_fancy(jobid) if fancy else encode_f58(jobid)
    known = {
        **id_tags(jobid, f58),
        "ntasks": count,
        "size": count,
        "name": _name(job.jobspec)[:MAX_PATH_LENGTH],
    }
    known["nnodes"] = str(len(job.placement.nodes))
    return known.get


def _name(jobspec: Mapping[str, Any]) -> str:
    name = _member(jobspec, "attributes", "system", "job", "name")
    if isinstance(name, str):
        return name
    command = next(iter(_commands(jobspec)), "unknown")
    return command.rpartition("/")[2]


def _commands(jobspec: Mapping[str, Any]) -> Iterator[str]:
    found = jobspec.get("tasks")
    for task in found if isinstance(found, list) else ():
        command = _member(task, "command")
        for word in command if isinstance(command, list) else ():
            if isinstance(word, str):
                yield word


def _count(ranks: str) -> int:
    try:
        return min(len(IdSet.parse(ranks)), _MAX_TASKS)
    except ValueError:
        return 0


def _unread(streams: tuple[str, ...], redirect: Redirect, problem: str) -> OutputFile:
    return OutputFile(
        streams, redirect.ranks, redirect.path, timestamp=redirect.timestamp, problem=problem
    )


def _member(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value
