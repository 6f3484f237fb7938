"""Jobs of which one value in many is arbitrary, for tests that read them on every route."""

from __future__ import annotations

import json
import random
from typing import Any

from fluxapi.model.eventlog import Event
from fluxapi.model.jobid import encode_f58
from tests.handlers.fake import FIRST_ID, OWNER, FakeInstance
from tests.soak.fold import Arbitrary

__all__ = ["FLUX_R", "post_hostile_jobs"]

FLUX_R = {
    "version": 1,
    "execution": {
        "R_lite": [{"rank": "0-1", "children": {"core": "0-3", "gpu": "0"}}],
        "nodelist": ["node[0-1]"],
        "properties": {"fast": "0-1"},
        "starttime": 1.0,
        "expiration": 0.0,
    },
}
_TASK = {"type": "slot", "count": 1, "label": "task", "with": [{"type": "core", "count": 2}]}
_SHELL = {
    "output": {
        "stdout": {"type": "file", "path": "out.txt", "label": True},
        "stderr": {"path": "err.txt"},
    },
    "per-resource": {"type": "node", "count": 2},
    "mpi": "none",
}
_JOBSPEC = {
    "version": 1,
    "resources": [{"type": "node", "count": 1, "exclusive": True, "with": [_TASK]}],
    "tasks": [
        {"command": ["flux", "broker", "script"], "slot": "task", "count": {"per_slot": 1}},
    ],
    "attributes": {
        "system": {
            "duration": 60.0,
            "cwd": "/home",
            "environment": {"A": "b"},
            "queue": "batch",
            "bank": "b",
            "job": {"name": "n"},
            "shell": {"options": _SHELL},
            "dependencies": [
                {"scheme": "afterok", "value": "f1"},
                {"scheme": "begin-time", "value": "5"},
            ],
            "constraints": {
                "and": [{"properties": ["fast"]}, {"hostlist": ["node0"]}, {"ranks": ["0"]}]
            },
            "files": {"script": {"mode": 33216, "data": "#!/bin/sh\n", "encoding": "utf-8"}},
            "exec": {"test": {"run_duration": "1s"}},
        },
        "user": {"fluxapi": {"key": "k", "digest": "d", "group": "g", "number": 1}, "a": [1]},
    },
}
_SUBMIT = {"userid": OWNER, "urgency": 16, "flags": 0, "version": 1}
_SCHED = {"t_estimate": 1.0, "resource_summary": "rank0/core0", "reason_pending": "x"}
_LIFE: list[tuple[str, dict[str, Any] | None]] = [
    ("submit", _SUBMIT),
    ("validate", None),
    ("dependency-add", {"description": "after-success=f1"}),
    ("jobspec-update", {"attributes.system.duration": 50, "attributes.system.queue": "batch"}),
    ("memo", {"uri": "ssh://host/tmp/flux-x", "progress": 0.5, "a": {"b": 1}}),
    ("dependency-remove", {"description": "after-success=f1"}),
    ("depend", None),
    ("priority", {"priority": 16}),
    ("annotations", {"annotations": {"sched": _SCHED, "user": {"x": 1}}}),
    ("urgency", {"urgency": 17, "userid": OWNER}),
    ("alloc", {"annotations": {"sched": {"resource_summary": "rank0/core[0-1]"}}}),
    ("prolog-start", {"description": "p"}),
    ("prolog-finish", {"description": "p", "status": 0}),
    ("start", None),
    ("resource-update", {"expiration": 100.0}),
    ("exception", {"type": "drain", "severity": 1, "note": "n", "userid": OWNER}),
    ("exception", {"type": "exec", "severity": 0, "note": "n", "userid": OWNER}),
    ("finish", {"status": 256}),
    ("epilog-start", {"description": "p"}),
    ("epilog-finish", {"description": "p", "status": 0}),
    ("release", {"ranks": "all", "final": True}),
    ("free", None),
    ("clean", None),
]
_OFTEN_ABSENT = frozenset({"dependency-add", "exception", "epilog-start", "jobspec-update"})
_STEPS_S = [0.1, 1.0, 1.0, 100.0, -50.0, 1e9]


def post_hostile_jobs(instance: FakeInstance, count: int, seed: int) -> list[str]:
    """Put jobs with output into the journal of an instance, and return their IDs."""
    arbitrary, chance = Arbitrary(seed), random.Random(seed)  # noqa: S311 - a seed repeats it

    def changed(whole: dict[str, Any] | None, probability: float) -> dict[str, Any] | None:
        value = arbitrary.changed(whole or {}) if chance.random() < probability else whole
        return value if isinstance(value, dict) else whole

    for number in range(count):
        jobid = FIRST_ID + (number << 24)
        jobspec = changed(_JOBSPEC, 0.6)
        instance.jobspecs[jobid] = json.dumps(jobspec).encode()
        timestamp = 1.8e9 + number
        steps = len(_LIFE) if chance.random() < 0.5 else chance.randint(1, len(_LIFE))
        for name, context in _LIFE[:steps]:
            if name in _OFTEN_ABSENT and chance.random() < 0.4:
                continue
            timestamp += chance.choice(_STEPS_S)
            more = {"submit": {"jobspec": jobspec}, "alloc": {"R": changed(FLUX_R, 0.5)}}
            told = changed(context, 0.03 if name == "submit" else 0.15)
            instance.post(jobid, Event(timestamp, name, told), **more.get(name, {}))
        line = {"stream": "stdout", "rank": "0", "data": "hello\n"}
        entries = [changed(line, 1.0) for _ in range(chance.randint(0, 6))]
        instance.write(jobid, *[entry or line for entry in entries])
    return [encode_f58(FIRST_ID + (number << 24)) for number in range(count)]
