"""The tree of instances, as far as the service knows it: open ones, and those in their tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Any

from fluxapi.model.job import Job
from fluxapi.model.jobid import encode_f58
from fluxapi.model.message import Message, Sentence, coded
from fluxapi.model.usernames import username
from fluxapi.process.timeslice import TimeSlice
from fluxapi.table.job_lists import slices

from .child import Child, ChildState, foreign_reason, has_ended, instance_uri, job_ended
from .children import PARENT_HAS_ENDED, Children
from .registry import SessionRegistry
from .session import ROOT, InstanceSession

__all__ = ["InstanceTree", "Node"]


class Node:
    """One instance: the job that it is, and its session if it is open.

    Attributes:
        path: The IDs of the jobs that lead to it; ``""`` is the root.
        job: Its job in the table of its parent; ``None`` for the root, or if it is gone.
        parent: Its parent; ``None`` for the root, or if nothing is known of one.
    """

    def __init__(
        self,
        path: str,
        job: Job | None,
        child: Child | None,
        session: InstanceSession | None,
        parent: Node | None = None,
        *,
        is_past: bool = False,
    ) -> None:
        self._is_past = is_past
        self.path = path
        self.job = job
        self.child = child
        self.session = session
        self.parent = parent
        self.counts: dict[str, Any] | None = None
        self.utilization: dict[str, dict[str, int]] | None = None

    @property
    def depth(self) -> int:
        """Return the number of levels above it."""
        return self.path.count("/") + 1 if self.path else 0

    @property
    def state(self) -> ChildState:
        """Return the state in the words of the API."""
        if self.path == ROOT and self.session is not None:
            return "ready" if self.session.is_reachable else "unreachable"
        if self._ended_with_parent or self._end is not None:
            return "ended"
        if self.child is not None and self.child.state != "closed":
            return self.child.state
        is_hidden = self._foreign_reason is not None or self.lost_ancestor is not None
        return "unreachable" if is_hidden else "closed"

    @property
    def problem(self) -> Sentence | None:
        """Return why it is unreachable or has ended, or ``None``."""
        if self.path == ROOT and self.session is not None:
            return None if self.session.is_reachable else self.session.problem
        if self._ended_with_parent:
            return PARENT_HAS_ENDED
        if self._end is not None:
            return self._end
        known = (None if self.child is None else self.child.problem) or self._foreign_reason
        if known is not None:
            return known
        above = self.lost_ancestor
        if above is None or self.state != "unreachable":
            return None
        return above.silence

    @property
    def remedy(self) -> Message | None:
        """Return the remedy if it is unreachable, or ``None``."""
        if self.state != "unreachable":
            return None
        if self.session is not None:
            return self.remedy_of_loss
        if self._foreign_reason is not None:
            return Message("remedies", "ask_owner")
        if self.lost_ancestor is not None:
            return Message("remedies", "figures_of_then")
        return Message("remedies", "open_again")

    @property
    def remedy_of_loss(self) -> Message:
        """Return the remedy if it stops answering while it is open."""
        if self.path == ROOT:
            return Message("remedies", "start_flux")
        parent, _, jobid = self.path.rpartition("/")
        if parent == ROOT:
            return Message("remedies", "cancel_job_of_root", {"job": jobid})
        return Message("remedies", "cancel_job", {"job": jobid, "parent": parent})

    @property
    def as_of(self) -> float | None:
        """Return the time as of which its jobs are known if it is lost or has ended."""
        return self.t_end if self.state == "ended" else self.lost_since

    @property
    def silence(self) -> Message:
        """Return why the instances below it cannot be reached if it is lost."""
        if self.path == ROOT:
            return Message("reasons", "root_silent")
        return Message("reasons", "above_silent", {"path": self.path})

    @property
    def lost_ancestor(self) -> Node | None:
        """Return the nearest instance above it that is lost, unless it answers by itself."""
        if self.session is not None and self.session.is_reachable:
            return None
        above = self.parent
        while above is not None and (above.session is None or above.session.is_reachable):
            above = above.parent
        return above

    @property
    def lost_since(self) -> float | None:
        """Return since when it, or one above it, does not answer; ``None`` if nobody knows."""
        session = self.session
        if session is not None and not session.ended:
            since = session.journal.unanswered_since
            if since is not None:
                return since
        above = self.lost_ancestor if self.state == "unreachable" else None
        return None if above is None else above.lost_since

    @property
    def t_end(self) -> float | None:
        """Return when it ended, seconds since the epoch; ``None`` if it runs or nobody knows."""
        if self.job is not None and self.job.t_cleanup:
            return self.job.t_cleanup
        return self.parent.t_end if self.parent is not None and self._ended_with_parent else None

    @property
    def _ended_with_parent(self) -> bool:
        """Return whether its parent has ended, whatever the table of the parent says of it."""
        return self.path != ROOT and (self.parent is None or self.parent.state == "ended")

    @property
    def _end(self) -> Message | None:
        """Return that its job has ended if it could not be reached before, or ``None``."""
        child, above = self.child, None if self.parent is None else self.parent.session
        if self._is_past or child is None or child.state != "unreachable":
            return None
        # A parent that does not answer does not tell whether its jobs run.
        if above is None or not above.is_reachable or not has_ended(self.job):
            return None
        return job_ended(child.jobid)

    @property
    def _foreign_reason(self) -> Message | None:
        return None if self.job is None or self._is_past else foreign_reason(self.job)

    def record(self) -> dict[str, Any]:
        """Return the instance in the form of the API."""
        parent, _, jobid = self.path.rpartition("/")
        document: dict[str, Any] = {"path": self.path, "depth": self.depth, "state": self.state}
        if self.path != ROOT:
            document |= {"parent": parent, "id": jobid}
        for name, sentence in (("reason", self.problem), ("remedy", self.remedy)):
            if sentence:
                document |= coded(name, sentence)
        if self.job is not None:
            document |= _of_job(self.job)
        for name, moment in (("t_end", self.t_end), ("lost_since", self.lost_since)):
            if moment is not None:
                document[name] = moment
        if self.session is not None:
            info = self.session.info
            document |= {"size": info.size, "version": info.version, "hostname": info.hostname}
            document["jobs"] = self.session.table.stats()
        elif self.counts is not None:
            document["jobs"] = self.counts
        utilization = self._current_utilization
        if utilization is not None:
            document["utilization"] = utilization
        return document

    @property
    def _current_utilization(self) -> dict[str, dict[str, int]] | None:
        if self.session is None:
            return self.utilization
        nodes = self.session.observer.nodes
        return None if nodes is None else _utilization(nodes)


class InstanceTree:
    """The instances of one service."""

    def __init__(self, registry: SessionRegistry, children: Children) -> None:
        self._registry = registry
        self._children = children

    async def walk(self) -> AsyncIterator[Node]:
        """Yield all known instances: each before those below it, by the IDs of their jobs."""
        turn = TimeSlice()
        waiting = [ROOT]
        while waiting:
            path = waiting.pop()
            await turn.share()
            node = self.find(path)
            if node is None:
                continue
            yield node
            if node.session is not None:
                waiting += reversed([path async for path in self._below(node.session, turn)])

    def find(self, path: str) -> Node | None:
        """Return the instance at *path*, or ``None`` if nothing is known of one."""
        session = self._registry.find(path)
        if path == ROOT:
            return Node(ROOT, None, None, session)
        child = self._children.get(path)
        parent_path, _, jobid = path.rpartition("/")
        parent = self._registry.find(parent_path)
        job = None if parent is None else parent.find_job(jobid)
        is_past = parent is not None and (
            (job is not None and job.id in _past_children(parent))
            or (path in self._children.past and has_ended(job))
        )
        is_known = is_past or (job is not None and instance_uri(job) is not None)
        if child is None and session is None and not is_known:
            return None
        # A path with a child or a job here is not deep, so neither is the recursion.
        return Node(path, job, child, session, self.find(parent_path), is_past=is_past)

    async def _below(self, session: InstanceSession, turn: TimeSlice) -> AsyncIterator[str]:
        """Yield the paths of the instances that are jobs of *session*."""
        prefix = f"{session.path}/" if session.path else ""
        found = {child.path for child in self._children if child.parent_path == session.path}
        table = session.table
        found.update(f"{prefix}{encode_f58(jobid)}" for jobid in _past_children(session))
        for ids in slices(table.index.state, "RUN"):
            for jobid in ids:
                await turn.share()
                job = table.get(jobid)
                if job is not None and instance_uri(job) is not None:
                    found.add(f"{prefix}{encode_f58(jobid)}")
        for path in sorted(found, key=_by_id):
            yield path


def _past_children(session: InstanceSession) -> Collection[int]:
    """Return the jobs of a past instance that were instances, too."""
    # As isinstance of PastParent would tell, in a fiftieth of its time.
    found: Collection[int] = getattr(session.instance, "past_children", ())
    return found


def _of_job(job: Job) -> dict[str, Any]:
    """Return the members of the record that come from the job of an instance."""
    found: dict[str, Any] = {"name": job.name, "username": username(job.userid)}
    if job.allocation is not None:
        found["nnodes"] = job.allocation.nnodes
    if job.t_run:
        found["t_run"] = job.t_run
    return found


def _utilization(nodes: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Return how many nodes, cores and GPUs there are, and how many are allocated to jobs."""
    kinds = {"nodes": nodes, "cores": nodes["cores"], "gpus": nodes["gpus"]}
    return {
        kind: {"total": it["total"], "allocated": it["allocated"]} for kind, it in kinds.items()
    }


def _by_id(path: str) -> tuple[int, str]:
    # Later jobs have greater IDs, and a greater ID has as many digits or more.
    return len(path), path
