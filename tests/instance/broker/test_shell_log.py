"""The eventlog of a job's shell, into which the job may write anything."""

from __future__ import annotations

import pytest

from fluxapi.errors import FluxRefused

from .test_output import JOB, ONE, TWO, Kvs, reader


async def test_the_eventlog_of_a_shell_is_read_in_pieces() -> None:
    assert await reader(Kvs(ONE, TWO)).shell_log(JOB) == ONE + TWO


async def test_a_job_cannot_refer_to_one_blob_without_an_end() -> None:
    kvs = Kvs(b"x" * (1 << 20))
    kvs.value["data"] *= 1_000_000
    with pytest.raises(FluxRefused, match="more than 4194304 bytes"):
        await reader(kvs).shell_log(JOB)
    assert len(kvs.loaded) == 1
