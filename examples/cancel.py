"""Cancel one job with a reason, and many by a filter."""

from fluxapi.client import Client, Conflict

with Client() as flux:
    jobid = flux.submit("sleep 600")
    flux.cancel(jobid, note="no longer needed")
    job = flux.wait(jobid)
    print(job.result, "because", job.exception and job.exception.note)

    try:
        flux.cancel(jobid)
    except Conflict as error:
        print(error)

    made = flux.bulk({"command": "sleep 600", "name": "idle"}, copies=5)
    asked = flux.cancel_many(name="idle", state="active")
    print(asked.requested, "more were asked to end")
    for job in flux.as_completed([item.id for item in made if item.id]):
        print(job.id, job.result)
