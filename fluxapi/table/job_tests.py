"""The tests of single jobs by one filter each."""

from __future__ import annotations

from fluxapi.model.hostlist import holds_host
from fluxapi.model.job import GROUPS, RESULTS, Job
from fluxapi.model.jobid import encode_f58
from fluxapi.model.usernames import username

from .index import Index
from .name_pattern import is_pattern, test_of
from .table import Test

__all__ = ["is_held", "name_test", "node_test", "state_test", "text_test", "user_test"]

_PENDING = frozenset(GROUPS["PENDING"])

_MAX_KNOWN_NODELISTS = 1024
"""Nodelists whose results a test remembers; a subscription uses one test for days."""


def is_held(job: Job) -> bool:
    """Return whether a job has not started and has the urgency 0."""
    return job.urgency == 0 and job.state in _PENDING


def state_test(states: frozenset[str]) -> Test:
    """Return the test of states and results, of which one must hold."""
    if states.isdisjoint(RESULTS):
        return lambda job: job.state in states
    return lambda job: job.state in states or job.result in states


def user_test(user: str) -> Test:
    """Return the test of a user name or ID."""
    if user.isascii() and user.isdigit():
        return lambda job: job.userid == int(user) or username(job.userid) == user
    return lambda job: username(job.userid) == user


def name_test(name: str) -> Test:
    """Return the test of a name or a pattern."""
    if not is_pattern(name):
        return lambda job: job.name == name
    matches = test_of(name)
    return lambda job: matches(job.name)


def node_test(host: str, index: Index | None = None) -> Test:
    """Return the test of a host; the node lists in an index are not read."""
    known: dict[str, bool] = {}

    def test(job: Job) -> bool:
        nodelist = job.nodelist
        if index is not None and nodelist in index.nodelist:
            return nodelist in index.nodelists_of(host)
        held = known.get(nodelist)
        if held is None:
            if len(known) >= _MAX_KNOWN_NODELISTS:
                known.clear()
            held = known[nodelist] = holds_host(nodelist, host)
        return held

    return test


def text_test(text: str) -> Test:
    """Return the test of words, each of which must occur in a job."""
    # Flux prints IDs with ƒ, the API with f: accept both.
    needles = [word.replace("ƒ", "f") for word in text.casefold().split()]

    def test(job: Job) -> bool:
        words = (
            job.name,
            encode_f58(job.id),
            job.state,
            job.result or "",
            username(job.userid),
            job.queue,
            job.nodelist,
            _exception(job),
        )
        found = "\n".join(words).casefold().replace("ƒ", "f")
        return all(needle in found for needle in needles)

    return test


def _exception(job: Job) -> str:
    """Return the type and the note of the exception of *job* as the dashboard shows them."""
    exception = job.exception
    return f"{exception.get('type')}: {exception.get('note') or ''}" if exception else ""
