"""The recording of a real Flux in tests/data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fluxapi.model.eventlog import UNINDEXED, JournalMessage, decode_journal
from fluxapi.model.jobid import encode_f58

FOLDER = Path(__file__).parent / "data" / "flux-0.88.0"

LIVE_UNTIL_RECORDS = 407
"""Lines of the live journal that came before the records were taken."""


def journal(name: str) -> list[JournalMessage]:
    lines = (FOLDER / f"journal-{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [decode_journal(line) for line in lines]


def live() -> list[JournalMessage]:
    return journal("live")[:LIVE_UNTIL_RECORDS]


def backlog() -> list[JournalMessage]:
    return journal("backlog")


def flux_jobs() -> dict[int, dict[str, Any]]:
    """Return the records of ``flux jobs`` by ID, without fields that change with the time.

    ``revision`` is the number of lines of the eventlog that are not memos.
    """
    text = (FOLDER / "flux-jobs.json").read_text(encoding="utf-8")
    logs = eventlogs()
    return {
        job["id"]: comparable(job) | {"revision": revision(logs[encode_f58(job["id"])])}
        for job in json.loads(text)["jobs"]
    }


def revision(entries: list[dict[str, Any]]) -> int:
    """Return the revision that a record has after these entries of the eventlog."""
    return sum(entry["name"] not in UNINDEXED for entry in entries)


def comparable(job: dict[str, Any]) -> dict[str, Any]:
    """Return a record of ``flux jobs --json`` in our terms."""
    record = {key: value for key, value in job.items() if key not in {"jobid", "t_remaining"}}
    if "t_cleanup" not in record:
        record.pop("runtime", None)
    return record


def eventlogs() -> dict[str, list[dict[str, Any]]]:
    return json.loads((FOLDER / "eventlogs.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]
