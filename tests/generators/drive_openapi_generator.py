"""Submit, list and cancel with what the Python generator of OpenAPI Generator made."""

from __future__ import annotations

import json
import sys
from typing import Any

from openapi_client import ApiClient, ApiException, Cancel, Configuration, JobsApi, Submit

jobs = JobsApi(ApiClient(Configuration(host=sys.argv[1])))

job = Submit(command=["sleep", "300"], num_tasks=1, duration=600, urgency=16, name="oag")
submitted = jobs.submit_job(job)
page = jobs.list_jobs(state=["ACTIVE"], name="oag")
jobs.cancel_job(submitted.id, cancel=Cancel(note="enough"))
ended = jobs.wait_for_job(submitted.id)

refused: Any = None
unknown: Any = None
try:
    jobs.submit_job(Submit.model_construct(command=["true"], num_tasks=0))
except ApiException as error:
    refused = error.data
try:
    jobs.get_job("f1")
except ApiException as error:
    unknown = error.data

sys.stdout.write(
    json.dumps(
        {
            "id": submitted.id,
            "listed": [job.id for job in page.jobs],
            "result": ended.result,
            "refused": [refused.errors[0].pointer, refused.status],
            "unknown": unknown.status,
        }
    )
)
