"""Submit a few jobs, and list those of that name with what became of them."""

from fluxapi.client import Client

with Client() as flux:
    made = flux.bulk({"command": "sh -c 'exit $FLUX_JOB_CC'", "name": "odd"}, cc="0-2")
    for job in flux.as_completed([item.id for item in made if item.id]):
        print(job.id, "has ended")
    for job in flux.jobs(name="odd"):
        print(f"{job.id:>12} {job.result:<10} status {job.returncode}")
