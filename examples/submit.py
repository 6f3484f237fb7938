"""Submit a job, wait for it, and read what it wrote."""

from fluxapi.client import Client

with Client() as flux:
    jobid = flux.submit(["echo", "hello from", "fluxapi"], num_tasks=2, name="hello")
    print("submitted", jobid)
    job = flux.wait(jobid)
    print(f"{job.result} after {job.elapsed():.2f} s on {job.nodelist}")
    print(flux.output(jobid).stdout, end="")
