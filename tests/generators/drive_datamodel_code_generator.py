"""Submit, list and cancel with the models that datamodel-code-generator made."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from typing import Any

from generated_models import (
    Cancel,
    Job,
    JobList,
    Problem,
    Requested,
    Submit,
    Submitted,
)
from pydantic import BaseModel

base = sys.argv[1]


def ask(method: str, path: str, body: BaseModel | None = None) -> Any:
    data = body.model_dump_json(exclude_none=True).encode() if body else None
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(base + path, data, headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)


job = Submit(command=["sleep", "300"], num_tasks=1, duration=600, urgency=16, name="dm")
submitted = Submitted.model_validate(ask("POST", "/jobs", job))
page = JobList.model_validate(ask("GET", "/jobs?state=ACTIVE&name=dm"))
Requested.model_validate(ask("POST", f"/jobs/{submitted.id}/cancel", Cancel(note="enough")))
ended = Job.model_validate(ask("GET", f"/jobs/{submitted.id}/wait"))
bad = Submit.model_construct(command=["true"], num_tasks=0)
refused = Problem.model_validate(ask("POST", "/jobs", bad))
unknown = Problem.model_validate(ask("GET", "/jobs/f1"))

sys.stdout.write(
    json.dumps(
        {
            "id": submitted.id,
            "listed": [job.id for job in page.jobs],
            "result": ended.result.value,
            "refused": [refused.errors[0].pointer, refused.status],
            "unknown": unknown.status,
        }
    )
)
