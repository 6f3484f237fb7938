"""Submit, list and cancel with what openapi-python-client made."""

from __future__ import annotations

import json
import sys

from generated_client import Client
from generated_client.api.jobs import cancel_job, get_job, list_jobs, submit_job, wait_for_job
from generated_client.models import Cancel, Job, JobList, Problem, Requested, Submit, Submitted
from generated_client.models import ListJobsStateItem as State

client = Client(base_url=sys.argv[1])

job = Submit(command=["sleep", "300"], num_tasks=1, duration=600, urgency=16, name="opc")
submitted = submit_job.sync(client=client, body=job)
assert isinstance(submitted, Submitted), submitted

page = list_jobs.sync(client=client, state=[State.ACTIVE], name="opc")
assert isinstance(page, JobList), page

requested = cancel_job.sync(submitted.id, client=client, body=Cancel(note="enough"))
assert isinstance(requested, Requested), requested
ended = wait_for_job.sync(submitted.id, client=client)
assert isinstance(ended, Job), ended

refused = submit_job.sync(client=client, body=Submit(command=["true"], num_tasks=0))
assert isinstance(refused, Problem), refused
unknown = get_job.sync("f1", client=client)
assert isinstance(unknown, Problem), unknown

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
