"""A service that means harm, in front of the command line: errors are sentences, texts are safe."""

from __future__ import annotations

import argparse
import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from fluxapi.cli.commands import webhook
from fluxapi.client.webhook import DeadLetter

from .program import Done, Program

ESCAPE = "\x1b]0;title\x07"
USE = {"total": 4, "allocated": 1}
NODE = {"rank": 0, "name": "n0", "state": "up", "cores": USE, "gpus": USE}
TOTALS = {"nodes": 1, "cores": USE, "gpus": USE}
RESOURCES = {"nodes": [NODE], "totals": TOTALS}
STATS = {"total": 1, "states": {"RUN": 1}, "results": {"COMPLETED": 1}}
JOB = {"id": "f1", "state": "RUN", "status": "RUN", "ranks": "0"}
JOBS = {"jobs": [JOB], "next": None, "cursor": "a.1"}
TOKEN = {
    "id": "t", "name": "n", "scope": "view", "created": 1.0, "expires": 2.0, "expired": False,
}  # fmt: skip
GROUP = {
    "id": "g000000000000001", "userid": 1, "username": "u", "total": 1, "active": 1, "purged": 0,
    "progress": 0.5, "states": {}, "results": {}, "t_first_submit": 1.0,
}  # fmt: skip
FIGURES = {
    "ended": 1, "completed": 1, "failed": 0, "canceled": 0, "timeout": 0, "core_hours": 0.5,
}  # fmt: skip
PEERS = {"by": "name", "jobs": 1, "sentences": []}
LINE = {
    "type": "line", "line": 1, "text": "a", "stream": "stdout", "rank": "0", "timestamp": 1.0,
    "index": 1,
}  # fmt: skip
GOOD: Mapping[str, Any] = {
    "/v1/": {"instance": "flux", "capabilities": {"scripts": "task"}},
    "/v1/resources": RESOURCES,
    "/v1/stats": STATS,
    "/v1/jobs": JOBS,
    "/v1/jobs/f1": JOB,
    "/v1/tokens": {"tokens": [TOKEN]},
    "/v1/groups": {"groups": [GROUP], "next": None},
    "/v1/jobs/f1/output/search": {},
    "/v1/jobs/f1/output/lines": {},
}


class Liar:
    """A service of answers that a test sets, by path."""

    def __init__(self, home: Path) -> None:
        self.answers: dict[str, Any] = {}
        self.headers: dict[str, str] = {}
        self.status = 200
        self.everywhere: Any = None
        self.asked = 0
        self.url = ""
        self._home = home

    def run(self, *words: str) -> Done:
        environ = {"FLUX_TOKEN": "s3cret", "FLUX_USER": "me"}
        # Some commands have actions, which have the options.
        begin = 2 if words[0] in {"history", "queue", "resource"} else 1
        options = (*words[:begin], "--retries=0", *words[begin:])
        return Program(self.url, self._home)(*options, **environ)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        found = {**GOOD, **self.answers}.get(request.path, self.everywhere)
        body = json.dumps(found)
        return web.Response(
            text=body, status=self.status, headers=self.headers, content_type="application/json"
        )


@pytest.fixture
def liar(tmp_path: Path) -> Iterator[Liar]:
    """Return a service in a thread of its own."""
    found, ready, stop = Liar(tmp_path), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", found.answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        ready.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait()
    yield found
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.mark.parametrize(
    ("words", "path", "answer"),
    [
        ("nodes", "/v1/resources", {}),
        ("nodes", "/v1/resources", {"nodes": [{**NODE, "cores": True}], "totals": TOTALS}),
        ("nodes", "/v1/resources", {"nodes": [{**NODE, "drained_at": 1e300}], "totals": TOTALS}),
        ("jobs --stats", "/v1/stats", {"states": 1.5, "results": {}}),
        ("jobs --stats", "/v1/stats", {"states": {"RUN": "x"}, "results": {}}),
        ("alloc --bg -N1", "/v1/", {"capabilities": 1}),
        ("top --once", "/v1/resources", {"nodes": 1.5}),
        ("top --once", "/v1/", {"starttime": "x"}),
        ("job f1", "/v1/jobs/f1", {**JOB, "t_submit": 1e300}),
        ("job f1", "/v1/jobs/f1", {**JOB, "status": "FAILED", "waitstatus": 2**40}),
        ("groups", "/v1/groups", {"groups": [{**GROUP, "progress": 1e18}], "next": None}),
        ("groups", "/v1/groups", {"groups": [{**GROUP, "t_first_submit": 1e300}], "next": None}),
        ("token list", "/v1/tokens", {"tokens": [{**TOKEN, "created": 1e300}]}),
        ("token create --name=n", "/v1/tokens", {**TOKEN, "token": f"a{ESCAPE}", "kept": True}),
        ("history figures", "/v1/history/figures", {}),
        (
            "history figures",
            "/v1/history/figures",
            {"total": FIGURES, "steps": [{**FIGURES, "time": 1e300}]},
        ),
        (
            "history figures",
            "/v1/history/figures",
            {"total": {**FIGURES, "ended": "1"}, "steps": []},
        ),
        (
            "history figures --by=name",
            "/v1/history/figures",
            {"total": FIGURES, "steps": [], "groups": [FIGURES]},
        ),
        ("job compare f1", "/v1/jobs/f1/comparison", {"by": "name", "jobs": 1}),
        ("job compare f1", "/v1/jobs/f1/comparison", {**PEERS, "sentences": [5]}),
        ("output f1 --lines=1-", "/v1/jobs/f1/output/lines", {"type": "line"}),
        ("output f1 --lines=1-", "/v1/jobs/f1/output/lines", {**LINE, "line": "1"}),
        ("output f1 --search=a", "/v1/jobs/f1/output/search", {**LINE, "type": "match", "text": 1}),
        ("output f1 --search=a", "/v1/jobs/f1/output/search", {"type": "end", "reason": "limit"}),
        (
            "output f1 --errors",
            "/v1/jobs/f1/output/search",
            {"type": "end", "source": [], "line": 1},
        ),
        ("output f1 --errors", "/v1/jobs/f1/output/lines", {"type": "end", "omitted": {}}),
        ("jobs", "/v1/jobs", {"jobs": [], "next": "x", "cursor": "a.1"}),
        ("groups", "/v1/groups", {"groups": [], "next": "x"}),
    ],
)
def test_an_answer_of_the_wrong_form_is_an_error(
    liar: Liar, words: str, path: str, answer: object
) -> None:
    liar.answers[path] = answer
    done = liar.run(*words.split())
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("fluxapi: The response ")


@pytest.mark.parametrize("words", ["nodes", "nodes --no-header"])
def test_no_text_of_a_node_reaches_the_terminal_as_it_is(liar: Liar, words: str) -> None:
    texts = {"name": ESCAPE, "state": ESCAPE, "reason": ESCAPE}
    liar.answers["/v1/resources"] = {"nodes": [{**NODE, **texts}], "totals": TOTALS}
    done = liar.run(*words.split())
    assert done.status == 0
    assert done.out.count(r"\x1b]0;title\x07") == 3
    assert done.out.replace("\n", "").isprintable()


@pytest.mark.parametrize("words", ["resource list", "resource list -o {queue}", "queue list"])
def test_no_name_of_a_queue_reaches_the_terminal_as_it_is(liar: Liar, words: str) -> None:
    # No node has the properties of this queue, and it has a line of its own.
    state = {"enabled": True, "started": True, "default": False}
    queue = {**state, "name": f"q{ESCAPE}", "requires": [ESCAPE]}
    liar.answers["/v1/resources"] = {"nodes": [NODE], "totals": TOTALS}
    liar.answers["/v1/queues"] = {"queues": [queue, {**state, "name": f"r{ESCAPE}"}]}
    done = liar.run(*words.split())
    assert done.status == 0
    assert r"\x1b]0;" in done.out
    assert done.out.replace("\n", "").isprintable()


async def test_a_message_that_was_given_up_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    letter = DeadLetter(1, "x", "x", "\x9b31m\u202e", 1.0, 1.0, 1, "x")

    async def dead_letters(_: str) -> list[DeadLetter]:
        return [letter]

    flux: Any = SimpleNamespace(dead_letters=dead_letters)
    assert await webhook._dead(flux, argparse.Namespace(name="w", json=True)) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out)[0]["subject"] == letter.subject


def test_ranks_without_end_are_not_counted(liar: Liar) -> None:
    job = {**JOB, "ranks": "0-4294967294"}
    liar.answers["/v1/jobs"] = {**JOBS, "jobs": [job, {**JOB, "ranks": "none"}, JOB]}
    assert liar.run("nodes", "--no-header").out.split()[-1] == "2"


@pytest.mark.parametrize(("width", "requests"), [(1, 7), (5, 21)])
@pytest.mark.parametrize("words", ["pstree -f running", "jobs -R -f running"])
def test_invented_instances_have_an_end(
    liar: Liar, monkeypatch: pytest.MonkeyPatch, words: str, width: int, requests: int
) -> None:
    monkeypatch.setattr("fluxapi.cli.tree._MAX_INSTANCES", 10)
    monkeypatch.setattr("fluxapi.cli.tree._MAX_LEVELS", 3)
    below = {**JOB, "uri": "local:///tmp/x", "t_run": 1.0}
    jobs = [{**below, "id": f"f{number}"} for number in range(1, width + 1)]
    liar.everywhere = liar.answers["/v1/jobs"] = {**JOBS, "jobs": jobs}
    liar.answers["/v1/instances"] = {"instances": [], "truncated": False}
    done = liar.run(*words.split())
    assert done.status == 0
    assert done.err == (
        "fluxapi: At most 10 instances and 3 levels are read, and there are more. Use --instance "
        "or job IDs to select what to show.\n"
    )
    # Both ask whether the root answers, and pstree asks what it is.
    assert liar.asked == requests + (2 if words.startswith("pstree") else 1)


@pytest.mark.parametrize("seconds", ["²", "9" * 5000, "-1", "Mon, 99 Foo 99999 99:99:99 +99999"])
def test_any_time_to_wait_is_taken(liar: Liar, seconds: str) -> None:
    liar.status = 503
    liar.headers["Retry-After"] = seconds
    assert (done := liar.run("job", "f1")).status == 3, done


@pytest.mark.parametrize(
    ("answered", "exits_with"),
    [(401, 4), (404, 1), (429, 3), (500, 1), (502, 3), (503, 3), (504, 3)],
)
def test_a_service_that_may_answer_later_is_unavailable(
    liar: Liar, answered: int, exits_with: int
) -> None:
    liar.status = answered
    assert liar.run("jobs").status == exits_with
