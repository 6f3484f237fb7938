"""How quickly the service answers while each attack runs, and the memory that it keeps afterward.

Each figure stands beside its baseline of the same run: ``/health`` while nothing else is asked, and
the memory before the attack.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

from .sites import FluxSite, Site

__all__ = ["run"]

TARGET_MS = 250
TARGET_GROWTH = 1.2
_IDLE_S = 2.0
_ATTACK_TIMEOUT_S = 30.0
_REST_S = 7.0
_ASK_AGAIN_S = 0.2
_LOGIN = aiohttp.BasicAuth("attacker", "a-token-that-is-known")
_FREE = (aiohttp.ClientError, asyncio.TimeoutError, ConnectionError)

Attack = Callable[["_Attacker"], Awaitable[None]]


class _Attacker:
    """Sends what an attacker sends; no answer is a failure."""

    def __init__(self, site: Site, session: aiohttp.ClientSession, folder: Path) -> None:
        self.site = site
        self.session = session
        self.folder = folder

    async def post(self, path: str, body: Any, **headers: str) -> Any:
        """Send a body (bytes as they are, else JSON) and return what answers it, if JSON does."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers}
        with contextlib.suppress(*_FREE):
            async with self.session.post(self.site.url + path, data=data, headers=headers) as r:
                return await r.json(content_type=None)
        return None

    async def get(self, path: str) -> None:
        """Read an answer to its end."""
        with contextlib.suppress(*_FREE):
            async with self.session.get(self.site.url + path) as answer:
                async for _ in answer.content.iter_any():
                    pass

    async def end_jobs(self) -> None:
        """Cancel all jobs, and return when none is active."""
        await self.post("/v1/jobs/cancel", {"filter": {"state": ["PENDING", "RUNNING"]}})
        active = 1
        while active:
            async with self.session.get(f"{self.site.url}/v1/stats") as answer:
                states = (await answer.json())["states"]
            active = sum(count for state, count in states.items() if state != "INACTIVE")
            await asyncio.sleep(_ASK_AGAIN_S)

    async def raw(self, data: bytes, wait_s: float = 0.0) -> None:
        """Send bytes on a connection of their own, and read what comes within *wait_s* seconds."""
        host, _, port = self.site.url.removeprefix("http://").rpartition(":")
        with contextlib.suppress(*_FREE):
            reader, writer = await asyncio.open_connection(host, int(port.rstrip("/")))
            writer.write(data)
            with contextlib.suppress(*_FREE):
                await asyncio.wait_for(reader.read(1 << 16), wait_s)
            writer.close()


async def _counts(on: _Attacker) -> None:
    """Submit jobs of the largest counts, and list."""
    job = {
        "command": "true",
        "num_tasks": 2**31 - 1,
        "num_nodes": 2**31 - 1,
        "urgency": 0,
        "shell_options": {"per-resource": {"type": "node", "count": "x" * 8}},
    }
    await asyncio.gather(*(on.post("/v1/jobs", job) for _ in range(20)))
    await on.get("/v1/jobs")


async def _templates(on: _Attacker) -> None:
    """Submit mustache templates without end."""
    for text in ("{" * 20_000, "{{" * 20_000, "{{tmpdir" * 5_000):
        await on.post("/v1/jobs", {"command": ["true", text], "cwd": "/" + text[:2000]})


async def _ranges(on: _Attacker) -> None:
    """Name four million ranks, ten times."""
    ranks = {"ranks": ["0-4194303"] * 10}
    job = {"command": "true", "urgency": 0, "constraints": ranks}
    await asyncio.gather(*(on.post("/v1/jobs", job) for _ in range(10)))
    await on.post("/v1/jobs/bulk", {"job": {"command": "true"}, "cc": "0-4194303"})


async def _bodies(on: _Attacker) -> None:
    """Send bodies of 32 MiB, inflated and not, to routes that need no body of that size."""
    large, deep = b"x" * (32 << 20), b"[" * (8 << 20)
    bomb = gzip.compress(bytes(64 << 20))
    for path in ("/token", "/v1/jobs"):
        await asyncio.gather(*(on.post(path, large) for _ in range(4)))
        await on.post(path, deep)
        await asyncio.gather(*(on.post(path, bomb, **{"Content-Encoding": "gzip"}) for _ in "1234"))


async def _values(on: _Attacker) -> None:
    """Send bodies of very many values: lists, words and members."""
    lists, words = b",".join([b"[]"] * 5_000_000), b",".join([b'"a"'] * 5_000_000)
    names = b",".join([b'"n":1'] * 3_000_000)
    for path in ("/v1/jobs", "/v1/jobs/bulk"):
        for body in (b"[%b]" % lists, b'{"command":[%b]}' % words, b"{%b}" % names):
            await on.post(path, body)
        await on.post(path, b'{"jobs":[%b]}' % words)
        await on.post(path, b'{"jobs":[{"command":[%b]}]}' % words)


async def _connections(on: _Attacker) -> None:
    """Open hundreds of connections that say nothing, or half a request."""
    login = _LOGIN.encode().encode()
    half = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\n" % login
    half += b"Content-Length: 1000000\r\n\r\n{"
    await asyncio.gather(*(on.raw(half if n % 2 else b"", 2.0) for n in range(400)))


async def _filters(on: _Attacker) -> None:
    """Open sockets of 32 filters each, and close all of them at once."""
    url = on.site.url + "/v1/events/ws"

    async def socket(number: int) -> None:
        with contextlib.suppress(*_FREE, aiohttp.WSServerHandshakeError):
            async with on.session.ws_connect(url) as ws:
                for sub in range(32):
                    filters = {"name": [f"n{number}-{sub}"]}
                    message = {"type": "subscribe", "sub": str(sub), "stream": "jobs"}
                    await ws.send_json({**message, "filter": filters})
                with contextlib.suppress(asyncio.TimeoutError):
                    await ws.receive(timeout=1)

    await asyncio.gather(*(socket(number) for number in range(100)))


async def _bursts(on: _Attacker) -> None:
    """Subscribe and unsubscribe 1,000 times on each of 20 sockets, without reading an answer."""
    url = on.site.url + "/v1/events/ws"

    async def socket() -> None:
        with contextlib.suppress(*_FREE, aiohttp.WSServerHandshakeError):
            async with on.session.ws_connect(url) as ws:
                for number in range(1000):
                    sub = {"sub": str(number % 32)}
                    await ws.send_json({"type": "subscribe", **sub, "stream": "jobs"})
                    await ws.send_json({"type": "unsubscribe", **sub})

    await asyncio.gather(*(socket() for _ in range(20)))


async def _strangers(on: _Attacker) -> None:
    """Ask without a token, with wrong ones, and malformed credentials, on 200 connections."""
    wrong = ["", "Basic " + "QTpC" * 10_000, "Basic \x00", "Bearer " + "x" * 8000, "Digest a=b"]
    paths = ["/v1/jobs", "/token", "/v1/events", "/v1/jobs/bulk", "/ui/jobs/f1"]

    async def stranger(number: int) -> None:
        for turn, path in enumerate(paths):
            value = wrong[(number + turn) % len(wrong)].encode()
            await on.raw(
                b"POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: %s\r\n"
                b"Content-Length: 0\r\nConnection: close\r\n\r\n" % (path.encode(), value),
                2.0,
            )

    await asyncio.gather(*(stranger(number) for number in range(200)))


async def _copies(on: _Attacker) -> None:
    """Multiply a body of a megabyte, and explain 100,000 wrong words."""
    job = {"command": ["true", "x" * (1 << 20)], "urgency": 0}
    await on.post("/v1/jobs/bulk", {"job": job, "copies": 1000})
    await on.post("/v1/jobs/bulk", {"jobs": [{"command": ["true", "y" * 16_384]}] * 1900})
    await on.post("/v1/jobs", {"command": [7] * 100_000})
    await on.post("/v1/jobs", {f"wrong{number}": 1 for number in range(100_000)})


async def _names(on: _Attacker) -> None:
    """Give jobs names of a megabyte, and list them."""
    job = {"command": "true", "urgency": 0, "name": "n" * (1 << 20)}
    await asyncio.gather(*(on.post("/v1/jobs", job) for _ in range(8)))
    await asyncio.gather(*(on.get("/v1/jobs") for _ in range(8)))


async def _outputs(on: _Attacker) -> None:
    """Read the end of a large output many times, and leave."""
    line = "print('x' * 400)\n"
    program = ["python3", "-c", f"for _ in range(60_000):\n {line}"]
    made = await on.post("/v1/jobs", {"command": program})
    jobid = (made or {}).get("id", "f1")
    await on.get(f"/v1/jobs/{jobid}/wait?timeout=20")
    path = f"/v1/jobs/{jobid}/output"
    await asyncio.gather(*(on.get(path) for _ in range(4)))
    for _ in range(2):
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {_LOGIN.encode()}"
        request = f"{head}\r\n\r\n".encode()
        await asyncio.gather(*(on.raw(request, 0.2) for _ in range(20)))
    await asyncio.gather(*(on.get(f"{path}?tail=1000000") for _ in range(4)))


async def _headers(on: _Attacker) -> None:
    """Send lines and headers that are no HTTP, and long ones."""
    wrong = [b"\x80\xff" * 4000, b"GET /" + b"a" * 60_000, b"GET / HTTP/1.1\r\nX: " + b"b" * 60_000]
    await asyncio.gather(*(on.raw(data + b"\r\n\r\n", 0.5) for data in wrong * 50))


async def _memos(on: _Attacker) -> None:
    """Have one job post large memos and very many small ones."""
    if not isinstance(on.site, FluxSite):
        return
    script = on.folder / "memos.py"
    script.write_text(_MEMOS, encoding="utf-8")
    await on.site.flux_python(script)
    made = await on.post("/v1/jobs", {"command": "true"})
    await on.get(f"/v1/jobs/{(made or {}).get('id', 'f1')}")


_MEMOS = """
import flux, json
from flux.job import JobspecV1, submit
handle = flux.Flux()
spec = JobspecV1.from_command(["true"])
jobid = int(submit(handle, spec, urgency=0))
def memo(body):
    return handle.rpc("job-manager.memo", {"id": jobid, "memo": body})
for number in range(250):
    memo({f"k{number}": "y" * 100_000}).get()
for future in [memo({"n": number}) for number in range(10_000)]:
    future.get()
handle.rpc("job-manager.raise", {"id": jobid, "type": "cancel", "severity": 0}).get()
"""

ATTACKS: dict[str, Attack] = {
    "largest counts": _counts,
    "endless templates": _templates,
    "four million ranks": _ranges,
    "large, deep and inflated bodies": _bodies,
    "bodies of five million values": _values,
    "400 idle connections": _connections,
    "3,200 filters, closed at once": _filters,
    "40,000 subscriptions and their ends": _bursts,
    "1,000 requests without credentials": _strangers,
    "multiplied and wrong bodies": _copies,
    "names of a megabyte": _names,
    "a large output, many readers": _outputs,
    "headers that are none": _headers,
    "memos of one job": _memos,
}


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


async def _during(url: str, work: Awaitable[Any]) -> list[float]:
    """Return how long each answer of ``/health`` took while the work was done."""
    command = [sys.executable, "-m", "tests.soak.health", url]
    pipe = asyncio.subprocess.PIPE
    asking = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    assert asking.stdout is not None
    await asking.stdout.readline()
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(work, _ATTACK_TIMEOUT_S)
    told, _ = await asking.communicate(b"\n")
    times: list[float] = json.loads(told)
    return times


async def run(site: Site, folder: Path) -> bool:
    """Attack, print a table, and tell whether each target is met."""
    site.require_auth(_LOGIN.login, _LOGIN.password)
    await site.start()
    met = True
    print("| attack | p99 of /health | idle | memory after | before | target |")
    print("|---|---:|---:|---:|---:|---|")
    try:
        for name, attack in ATTACKS.items():
            if attack is _memos and not isinstance(site, FluxSite):
                continue
            # Rest, so that one attack is not charged with the end of the one before.
            idle = _p99(await _during(site.url, asyncio.sleep(_IDLE_S)))
            before = site.memory()
            async with aiohttp.ClientSession(auth=_LOGIN) as session:
                attacker = _Attacker(site, session, folder)
                times = await _during(site.url, attack(attacker))
                await attacker.end_jobs()
            await asyncio.sleep(_REST_S)
            after, p99 = site.memory(), _p99(times)
            well = p99 <= TARGET_MS and after <= before * TARGET_GROWTH
            met &= well
            print(
                f"| {name} | {p99:.0f} ms | {idle:.0f} ms | {after >> 20} MiB | {before >> 20} MiB "
                f"| {'' if well else 'missed'} |",
                flush=True,
            )
    finally:
        await site.close_all()
    return met
