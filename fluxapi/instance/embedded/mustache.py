"""The ``{{…}}`` tags of Flux's job shell in paths, arguments and ``env-expand`` values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fluxapi.model.jobid import encode_f58

__all__ = ["Tags"]

_TAG = re.compile(r"\{\{([^{}]{1,64})\}\}")
"""Matches in linear time: a tag contains no braces, so no character is scanned twice."""


@dataclass(frozen=True, slots=True)
class Tags:
    """The values of tags (``src/shell/shell.c``); an unknown tag stays unchanged.

    IDs are plain F58 (``f…``), as Flux writes them outside UTF-8 locales.
    """

    jobid: int
    name: str
    ntasks: int
    hostname: str
    ncores: int
    cores: str
    gpus: str
    tmpdir: str

    def render(self, template: str, rank: int | None = None) -> str:
        """Replace the tags in *template*; task tags only if *rank* is given."""
        if "{{" not in template:
            return template
        values = self._values()
        if rank is not None:
            values |= dict.fromkeys(("task.id", "task.rank", "task.index", "task.localid"), rank)
        return _TAG.sub(lambda match: str(values.get(match[1], match[0])), template)

    def _values(self) -> dict[str, object]:
        return {
            **_ids("id", self.jobid),
            **_ids("jobid", self.jobid),
            "name": self.name,
            "size": self.ntasks,
            "ntasks": self.ntasks,
            "nnodes": 1,
            "tmpdir": self.tmpdir,
            "node.id": 0,
            "node.name": self.hostname,
            "node.ntasks": self.ntasks,
            "node.cores": self.cores,
            "node.gpus": self.gpus,
            "node.ncores": self.ncores,
        }


def _ids(tag: str, jobid: int) -> Mapping[str, object]:
    digits = f"{jobid:016x}"
    dothex = ".".join(digits[place : place + 4] for place in range(0, 16, 4))
    f58 = encode_f58(jobid)
    return {
        tag: f58,
        f"{tag}.f58": f58,
        f"{tag}.f58plain": f58,
        f"{tag}.dec": jobid,
        f"{tag}.hex": f"0x{jobid:x}",
        f"{tag}.dothex": dothex,
        f"{tag}.kvs": f"job.{dothex}",
    }
