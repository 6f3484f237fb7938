"""The ``{{…}}`` tags of Flux's job shell in paths, arguments and ``env-expand`` values."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fluxapi.model.jobid import encode_f58
from fluxapi.model.jobid_forms import id_tags

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
            **id_tags(self.jobid, encode_f58(self.jobid)),
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
