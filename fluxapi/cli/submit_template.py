"""Jobs of ``fluxapi submit --template``: the fields of a template, over which options win."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fluxapi.model import batch
from fluxapi.model.idset import IdSet

from .exit_codes import FAILED, Failure
from .submit_body import replicate

if TYPE_CHECKING:
    from fluxapi.client import Template

__all__ = ["many", "merged"]

_MERGED = ("environment", "env_expand", "rlimits", "shell_options")
"""Fields whose members are set one by one."""

_MAX_COPIES = 100_000


def merged(template: Template, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a job: those of the template, and those *given* in their place.

    A command takes the place of a script or a whole jobspec, and of all that only these have.
    """
    fields = dict(template.job)
    if "command" in given:
        fields = {key: it for key, it in fields.items() if key not in {*batch.FIELDS, "jobspec"}}
    parts = {
        key: {**fields[key], **given[key]}
        for key in _MERGED
        if isinstance(fields.get(key), dict) and isinstance(given.get(key), dict)
    }
    return {**fields, **given, **parts}


def many(template: Template, fields: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the jobs that the template makes of these fields: one, copies, or one for each ID."""
    if template.cc is not None:
        ids = IdSet.parse(template.cc)
        if len(ids) > _MAX_COPIES:
            raise Failure(f"the template makes more than {_MAX_COPIES} jobs", FAILED)
        return list(replicate(fields, list(ids), variable=True))
    return [dict(fields)] * (template.copies or 1)
