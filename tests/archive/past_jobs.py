"""Jobs that have ended, written into a history without an instance."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from fluxapi.archive.database import connect, open_database
from fluxapi.archive.ended_job import Detail, EndedJob
from fluxapi.archive.source import Source
from fluxapi.archive.statements import Item, write
from fluxapi.instance.protocol import InstanceInfo
from fluxapi.model.job import Job
from fluxapi.model.record import encode

__all__ = ["SOURCE", "Past", "store"]

INFO = InstanceInfo("flux", "0.88.0", "local:///run/flux", 1, "node0", 0, 1.0)
SOURCE = Source("0" * 20, "", INFO)


class Past(NamedTuple):
    """A job that has ended."""

    id: int
    t_inactive: float
    wait: float | None = 1.0
    """Seconds; ``None`` if it was never started."""
    run: float = 10.0
    result: str = "COMPLETED"
    userid: int = 0
    name: str = "train"
    queue: str = "batch"
    nodelist: str = "node0"
    ncores: int = 1

    @property
    def ended_job(self) -> EndedJob:
        t_run = 0.0 if self.wait is None else self.t_inactive - self.run
        t_submit = self.t_inactive - self.run - (self.wait or 0.0)
        facts = (
            t_submit, t_run, self.t_inactive, self.t_inactive, self.result, self.userid, self.name,
            self.queue, "", self.nodelist, 1, self.ncores,
        )  # fmt: skip
        job = Job(
            self.id, userid=self.userid, state="INACTIVE", result=self.result, name=self.name,
            queue=self.queue, t_submit=t_submit, t_run=t_run, t_cleanup=self.t_inactive,
            t_inactive=self.t_inactive,
        )  # fmt: skip
        return EndedJob(self.id, facts, encode(job), Detail(b""))


def store(folder: Path, *items: Past | Item, source: Source = SOURCE, now: float = 0.0) -> Path:
    """Write jobs and samples into the history in *folder*, and return the path of its file."""
    path = open_database(folder)
    with closing(connect(path)) as database:
        ready = [item.ended_job if isinstance(item, Past) else item for item in items]
        assert write(database, [(source, item) for item in ready], now) == 0
    return path
