"""The lines of ``flux resource list`` and ``flux resource status``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fluxapi.model.hostlist import encode_hostlist
from fluxapi.model.idset import encode_idset

from .exit_codes import Failure
from .format import Format
from .node_parts import Part, part_of, queues_of
from .table import without
from .terminal import put
from .text import safe

if TYPE_CHECKING:
    from .answers import Node, Queue

__all__ = ["LIST_HEADINGS", "STATUS_HEADINGS", "list_lines", "status_lines", "wanted_states"]

LIST_HEADINGS = {
    "state": "STATE",
    "queue": "QUEUE",
    "properties": "PROPERTIES",
    "propertiesx": "PROPERTIES",
    "nnodes": "NNODES",
    "ncores": "NCORES",
    "ngpus": "NGPUS",
    "ranks": "RANKS",
    "nodelist": "NODELIST",
}
_LIST_KEYS = ("state", "queue", "properties", "propertiesx")

STATUS_HEADINGS = {
    "state": "STATE",
    "statex": "STATE",
    "nnodes": "NNODES",
    "ranks": "RANKS",
    "nodelist": "NODELIST",
    "reason": "REASON",
    "timestamp": "TIME",
    "status": "STATUS",
    "up": "UP",
    "up.ascii": "UP",
    "color_up": "",
    "color_off": "",
}
_STATES = (
    "all", "online", "avail", "offline", "exclude", "drain", "draining", "drained", "torpid",
    "allocated",
)  # fmt: skip
_DEFAULT_STATES = ("avail", "exclude", "draining", "drained", "torpid")
_SUMS = ("nodelist", "ranks", "nnodes")
_GREEN, _RED, _RESET = "\033[01;32m", "\033[01;31m", "\033[0;0m"


@dataclass
class ListLine:
    """Nodes of one state with the same queues and properties."""

    state: str
    part: Part
    queue: str = ""
    properties: str = ""
    propertiesx: str = ""

    def get(self, name: str) -> Any:
        """Return the value of a field of :data:`LIST_HEADINGS`."""
        return getattr(self if name in _LIST_KEYS else self.part, name)


def list_lines(
    nodes: Sequence[Node],
    queues: Sequence[Queue],
    states: Sequence[str],
    chosen: Format,
    *,
    only: Collection[str],
) -> list[ListLine]:
    """Return the lines: those whose fields of a format are the same are one.

    Without nodes in a state, there is an empty line for each queue of *only*, or of all.
    """
    fields = {part.field for part in chosen.parts if part.field}
    keys = [key for key in _LIST_KEYS if key in fields]
    if len(fields) == 1 and "state" not in fields:
        keys = []
    names = {queue.name for queue in queues}
    found: dict[tuple[str, ...], ListLine] = {}
    members: dict[tuple[str, ...], dict[str, list[Node]]] = {}
    for state in states:
        lines: dict[tuple[str, str, str], list[Node]] = {}
        for node in part_of(nodes, [state]).nodes.values():
            lines.setdefault(_titles(node, queues, names, only), []).append(node)
        empty = list(only) or [queue.name for queue in queues] or [""]
        for titles, some in lines.items() or [((name, "", ""), []) for name in empty]:
            line = ListLine(state, Part(), *titles)
            key = tuple(str(line.get(name)) for name in keys)
            found.setdefault(key, line)
            members.setdefault(key, {}).setdefault(state, []).extend(some)
    for key, line in found.items():
        line.part = _united(members[key])
    place = {state: at for at, state in enumerate(states)}

    def position(line: ListLine) -> tuple[int, int]:
        return place[line.state], min(line.part.nodes, default=-1)

    return sorted(found.values(), key=position)


def _titles(
    node: Node, queues: Sequence[Queue], names: set[str], only: Collection[str]
) -> tuple[str, str, str]:
    """Return the queues of a node, its properties, and those that are no names of queues."""
    mine = [name for name in queues_of(node, queues) if not only or name in only]
    rest = [name for name in node.properties if name not in names]
    return safe(",".join(mine)), safe(",".join(node.properties)), safe(",".join(rest))


def _united(parts: dict[str, list[Node]]) -> Part:
    """Return the nodes of several states, each with what is in any of its states."""
    states: dict[int, set[str]] = {}
    nodes: dict[int, Node] = {}
    for state, some in parts.items():
        for node in some:
            nodes[node.rank] = node
            states.setdefault(node.rank, set()).add(state)
    total = Part()
    for rank, node in nodes.items():
        one = part_of([node], states[rank])
        total.nodes |= one.nodes
        total.counts |= one.counts
    return total


@dataclass
class StatusLine:
    """Nodes of one state, online or not, with the same reason."""

    statex: str
    online: bool
    reason: str = ""
    timestamp: float | str = ""
    nodes: list[Node] = field(default_factory=list)

    @property
    def nnodes(self) -> int:
        """The number of nodes."""
        return len(self.nodes)

    def get(self, name: str) -> Any:
        """Return the value of a field of :data:`STATUS_HEADINGS`."""
        return {
            "state": self.statex + ("" if self.online else "*"),
            "statex": self.statex,
            "nnodes": self.nnodes,
            "ranks": encode_idset(node.rank for node in self.nodes),
            "nodelist": safe(encode_hostlist([node.name for node in self.nodes])),
            "reason": safe(self.reason),
            "timestamp": self.timestamp,
            "status": "online" if self.online else "offline",
            "up": "✔" if self.online else "✗",
            "up.ascii": "y" if self.online else "n",
            "color_up": _GREEN if self.online else _RED,
            "color_off": _RESET,
        }[name]


def wanted_states(text: str) -> set[str] | None:
    """Return the states of ``-s``; print their names and return ``None`` for ``help``."""
    if text == "help":
        put(", ".join(_STATES))
        return None
    states = {state.strip() for state in text.split(",")} if text else set(_DEFAULT_STATES)
    for state in states - set(_STATES):
        raise Failure(f"{safe(state)!r} is not a state of nodes; use {', '.join(_STATES)}.")
    if not states - {"online", "offline"}:
        states |= set(_DEFAULT_STATES)
    if "drain" in states:
        states |= {"draining", "drained"}
    return states


def status_lines(nodes: Iterable[Node], states: set[str], chosen: Format) -> list[StatusLine]:
    """Return the lines: those whose fields of a format are the same, except sums, are one."""
    some = list(nodes)
    key_format = without(chosen, _SUMS)
    key_format.parts = [
        replace(part, spec="") if "+:" in part.text else part for part in key_format.parts
    ]
    found: dict[str, StatusLine] = {}
    for line in _single_lines(some, states):
        kept = found.setdefault(key_format.line(line.get), line)
        if kept is not line:
            kept.nodes = sorted([*kept.nodes, *line.nodes], key=lambda node: node.rank)
    return list(found.values())


def _single_lines(nodes: list[Node], states: set[str]) -> Iterable[StatusLine]:
    onlines = [
        online
        for online, word, other in ((True, "online", "offline"), (False, "offline", "online"))
        if word in states or other not in states
    ]
    shows_drain = bool(states & {"all", "drained", "draining"})
    for state in ("avail", "exclude", "allocated", "torpid"):
        if not states & {state, "all"}:
            continue
        for online in onlines:
            members = [
                node
                for node in nodes
                if (node.state != "down") is online and _is_in(node, state, shows_drain)
            ]
            yield StatusLine(state, online, nodes=members)
    for state in ("draining", "drained"):
        if not states & {state, "all"}:
            continue
        members = [
            node
            for node in nodes
            if node.drained_at is not None and node.allocated is (state == "draining")
        ]
        if not members and True in onlines:
            yield StatusLine(state, online=True)
        for node in members:
            online = node.state != "down"
            if online in onlines:
                yield StatusLine(state, online, node.reason, node.drained_at or 0.0, [node])


def _is_in(node: Node, state: str, shows_drain: bool) -> bool:
    is_drained = node.drained_at is not None
    if state == "avail":
        return not (node.excluded or is_drained or node.torpid)
    if state == "exclude":
        return node.excluded
    if state == "allocated":
        return node.allocated
    return node.torpid and not (is_drained and shows_drain)
