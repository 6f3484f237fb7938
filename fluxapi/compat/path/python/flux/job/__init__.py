"""Jobs of the service, under the names of Flux's bindings."""

from __future__ import annotations

import importlib
from typing import Any

_NAMES = {
    "fluxapi.client.executor": ("JobID",),
    "fluxapi.compat.executor": ("FluxExecutor", "FluxExecutorFuture"),
    "fluxapi.compat.events": ("EventLogEvent",),
    "fluxapi.compat.jobspec": ("Jobspec", "JobspecV1"),
    "fluxapi.compat.jobs": (
        "JobWaitResult", "SubmitFuture", "cancel", "cancel_async", "event_wait", "event_watch",
        "id_parse", "kill", "kill_async", "submit", "submit_async", "submit_get_id", "wait",
        "wait_async",
    ),
    "fluxapi.compat.listing": (
        "JobInfo", "JobList", "get_job", "job_list", "job_list_id", "job_list_inactive",
    ),
}  # fmt: skip
_HOMES = {name: home for home, names in _NAMES.items() for name in names}
_RENAMED = {
    "JobException": ("fluxapi.client", "JobExceptionError"),
    "MAIN_EVENTS": ("fluxapi.client.executor", "EVENTS"),
}


def __getattr__(name: str) -> Any:
    home, real = _RENAMED.get(name) or (_HOMES.get(name), name)
    if home is None:
        raise AttributeError(f"flux.job.{name} is not supported by the flux of fluxapi")
    value = globals()[name] = getattr(importlib.import_module(home), real)
    return value
