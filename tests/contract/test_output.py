"""The output eventlog: whole and followed, of jobs in every state."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest

from fluxapi.errors import JobNotFound
from fluxapi.model.eventlog import Event
from tests.contract.site import TIMEOUT, UNKNOWN, Site, shell, spec, text


def data_entries(entries: list[Event], stream: str) -> list[dict[str, object]]:
    contexts = [entry.context or {} for entry in entries if entry.name == "data"]
    return [context for context in contexts if context["stream"] == stream]


async def test_whole_output_of_a_job_that_ended(site: Site) -> None:
    jobid = await site.run(shell("echo out; echo err >&2"))
    entries = await site.output(jobid)
    assert entries[0].name == "header"
    assert text(entries) == b"out\n"
    assert text(entries, "stderr") == b"err\n"


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
async def test_every_stream_ends_with_eof(site: Site, stream: str) -> None:
    jobid = await site.run(spec("true", tasks=2))
    ends = [c["rank"] for c in data_entries(await site.output(jobid), stream) if c.get("eof")]
    assert sorted(map(str, ends)) in (["0", "1"], ["0-1"], ["[0-1]"])


async def test_every_task_writes_under_its_rank(site: Site) -> None:
    jobid = await site.run(shell("echo task $FLUX_TASK_RANK", tasks=2))
    contexts = data_entries(await site.output(jobid), "stdout")
    written = {str(c["rank"]): c["data"] for c in contexts if "data" in c}
    assert written == {"0": "task 0\n", "1": "task 1\n"}


@pytest.mark.parametrize("follow", [False, True])
async def test_only_newlines_end_lines(site: Site, *, follow: bool) -> None:
    said = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\n"
    jobid = await site.run(spec("printf", said))
    assert text(await site.output(jobid, follow=follow)) == said.encode()


async def test_a_note_may_hold_any_character(site: Site) -> None:
    jobid = await site.submit(spec("sleep", "600"))
    await site.instance.raise_exception(jobid, "cancel", 0, "a\u2028b\u0085c")
    await site.wait(jobid)
    (event,) = [e for e in await site.instance.eventlog(jobid) if e.name == "exception"]
    assert (event.context or {})["note"] == "a\u2028b\u0085c"


async def test_followed_to_its_end(site: Site) -> None:
    jobid = await site.submit(shell("echo one; sleep 0.3; echo two"))
    entries = await asyncio.wait_for(site.output(jobid, follow=True), TIMEOUT)
    assert text(entries) == b"one\ntwo\n"


async def test_followed_after_the_end(site: Site) -> None:
    jobid = await site.run(shell("echo one"))
    entries = await asyncio.wait_for(site.output(jobid, follow=True), TIMEOUT)
    assert entries == await site.output(jobid)


async def test_live_output_comes_while_the_job_runs(site: Site, tmp_path: Path) -> None:
    go = tmp_path / "go"
    jobid = await site.submit(
        shell(f"echo one; while ! test -e {go}; do sleep 0.05; done; echo two")
    )
    entries: list[Event] = []
    async for batch in site.instance.output(jobid, follow=True):
        entries += batch
        if text(entries) == b"one\n":
            assert "finish" not in site.names(jobid)
            go.touch()
    assert text(entries) == b"one\ntwo\n"


async def test_the_output_so_far_of_a_running_job(site: Site) -> None:
    jobid = await site.submit_and_hear(shell("echo one; sleep 60"))
    entries = await asyncio.wait_for(site.output(jobid), TIMEOUT)
    assert text(entries) == b"one\n"
    await site.cancel(jobid)


async def test_a_pending_job_has_written_nothing(site: Site) -> None:
    jobid = await site.submit(spec(), urgency=0)
    assert await asyncio.wait_for(site.output(jobid), TIMEOUT) == []
    await site.cancel(jobid)


async def test_follow_waits_for_a_pending_job(site: Site) -> None:
    jobid = await site.submit(shell("echo late"), urgency=0)
    follower = asyncio.create_task(site.output(jobid, follow=True))
    await site.wait(jobid, "priority")
    await site.instance.set_urgency(jobid, 16)
    assert text(await asyncio.wait_for(follower, TIMEOUT)) == b"late\n"


async def test_follow_ends_when_a_pending_job_is_canceled(site: Site) -> None:
    jobid = await site.submit(spec(), urgency=0)
    follower = asyncio.create_task(site.output(jobid, follow=True))
    await site.wait(jobid, "priority")
    await site.cancel(jobid)
    assert await asyncio.wait_for(follower, TIMEOUT) == []


@pytest.mark.parametrize("follow", [False, True])
async def test_a_job_that_never_ran_has_no_output(site: Site, *, follow: bool) -> None:
    jobid = await site.run(spec(cores=1000))
    assert await asyncio.wait_for(site.output(jobid, follow=follow), TIMEOUT) == []


@pytest.mark.parametrize("follow", [False, True])
async def test_an_unknown_job_has_no_output(site: Site, *, follow: bool) -> None:
    with pytest.raises(JobNotFound):
        await site.output(UNKNOWN, follow=follow)


async def test_a_consumer_may_stop_at_any_time(site: Site) -> None:
    jobid = await site.submit(shell("while :; do echo x; sleep 0.01; done"))
    batches = site.instance.output(jobid, follow=True)
    await asyncio.wait_for(batches.__anext__(), TIMEOUT)
    await batches.aclose()  # type: ignore[attr-defined]  # it is a generator
    await site.cancel(jobid)


async def test_two_consumers_see_the_same(site: Site) -> None:
    jobid = await site.submit(shell("for i in 1 2 3; do echo $i; sleep 0.1; done"))
    one, two = await asyncio.gather(
        site.output(jobid, follow=True), site.output(jobid, follow=True)
    )
    assert text(one) == text(two) == b"1\n2\n3\n"


async def test_bytes_that_are_not_utf_8(site: Site) -> None:
    jobid = await site.run(shell(r"printf '\377\000\376'"))
    assert text(await site.output(jobid)) == b"\xff\0\xfe"


async def test_text_of_all_the_world(site: Site) -> None:
    jobid = await site.run(shell("echo 'ƒluχ ✓ 🚀'"))
    assert text(await site.output(jobid)).decode() == "ƒluχ ✓ 🚀\n"


async def test_output_without_a_newline(site: Site) -> None:
    jobid = await site.run(shell("printf end"))
    assert text(await site.output(jobid)) == b"end"


async def test_large_output_comes_whole(site: Site) -> None:
    jobid = await site.run(spec("seq", "20000"))
    expected = "".join(f"{n}\n" for n in range(1, 20001)).encode()
    assert text(await site.output(jobid)) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "base64"])
async def test_files_of_the_jobspec_lie_in_the_tmpdir_of_the_job(site: Site, encoding: str) -> None:
    content = "from ƒ\n"
    data = base64.b64encode(content.encode()).decode() if encoding == "base64" else content
    files = {"stdin": {"mode": 0o100600, "encoding": encoding, "data": data}}
    jobid = await site.run(shell('cat < "$FLUX_JOB_TMPDIR/stdin"', files=files))
    assert text(await site.output(jobid)).decode() == content


async def test_output_into_a_file_is_a_redirect(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "out"
    options = {"output": {"stdout": {"type": "file", "path": str(path)}}}
    jobid = await site.run(shell("echo out", options=options))
    entries = await site.output(jobid)
    assert path.read_text() == "out\n"
    assert text(entries) == b""
    redirects = [entry.context or {} for entry in entries if entry.name == "redirect"]
    # RFC 24: stderr goes where stdout goes unless it is told otherwise.
    assert {(r["stream"], r["path"]) for r in redirects} == {
        ("stdout", str(path)),
        ("stderr", str(path)),
    }
