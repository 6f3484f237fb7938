"""All routes of the service, in one table.

The router, the validation and the OpenAPI document are made from it.
"""

from __future__ import annotations

from fluxapi import errors
from fluxapi.contracts.route import MAX_LISTS_BYTES, Route
from fluxapi.web import views

from . import (
    bulk,
    collect,
    contracts,
    control,
    dependencies,
    events,
    health,
    history,
    instances,
    job_check,
    jobs,
    many,
    mcp,
    scripts,
    service,
    submit,
)
from .group_routes import GROUPS
from .history_routes import HISTORY
from .output_routes import OUTPUTS
from .page_routes import PAGES
from .resource_routes import RESOURCES
from .template_routes import TEMPLATES
from .token_routes import TOKENS
from .webhook_routes import WEBHOOKS

__all__ = ["ROUTES"]

_LOOKUP = (errors.JobNotFound, errors.InstanceUnavailable)
_KEPT = (*_LOOKUP, errors.FluxRefused)
_WRITE = (errors.FluxRefused, errors.InstanceUnavailable)
_SUBMIT = (
    errors.IdempotencyMismatch, errors.JobLimitReached, errors.JobUnsuitable,
    errors.OutcomeUnknown, *_WRITE,
)  # fmt: skip
_CHANGE = (errors.JobNotFound, errors.JobInactive, *_WRITE)
_KEY = {"Idempotency-Key": "Makes one job per key: a repeated request gives the same job."}
_BULK_KEY = {
    "Idempotency-Key": "A repeated request gives the same jobs and submits those that are missing. "
    "Each job of a list is identified by the key and its number."
}
_SUBMITTED = {
    "Location": "Reference to the job, relative to the path of the request.",
    "Idempotent-Replayed": "`true` if an earlier request with this key submitted the job.",
}

_JOB = {"id": ("Job ID in any RFC 19 form: F58, decimal, hex, dothex, KVS path, words.", "f2QK3Zz")}
_PATH = {"instance": ("Path of the instance: the IDs of the jobs that lead to it.", "f2QK3Zz/fA1b")}


def _submit(path: str, name: str) -> Route:
    return Route(
        "POST", path, submit.submit, name, "jobs",
        "Submit a job: a command with options, a batch script, or a whole jobspec.",
        {201: "submitted"}, body="submit", body_use="required", max_body=None,
        fields_in_query=True, script=True,
        fails=_SUBMIT, headers=_KEY,
        tells=_SUBMITTED,
        needs="submit", right="submit",
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    _submit("/jobs", "submitJob"),
    _submit("/jobs/submit", "submitJobForm"),
    Route(
        "POST", "/scripts/check", scripts.check, "checkScript", "jobs",
        "Read the directives of a batch script without submitting it.",
        {200: "script-fields"}, body="script-check", body_use="required", max_body=None,
        script=True, in_turn=True, reads_only=True, right="submit",
    ),
    Route(
        "POST", "/jobs/check", job_check.check, "checkJob", "jobs",
        "Check a job without submitting it: its fields, and if the queues and nodes can run it.",
        {200: "checked-job"}, body="job-check", body_use="required", max_body=None,
        fails=(errors.InstanceUnavailable,), in_turn=True, needs="submit", reads_only=True,
        right="submit",
    ),
    Route(
        "POST", "/jobs/bulk", bulk.bulk, "submitJobs", "jobs",
        "Submit many jobs in one request.",
        {201: "bulk-result", 207: "bulk-result"}, body="bulk", body_use="raw", max_body=None,
        fails=_SUBMIT, headers=_BULK_KEY,
        needs="submit", right="submit",
    ),
    Route(
        "GET", "/jobs", jobs.list_jobs, "listJobs", "jobs", "List jobs, newest first.",
        {200: "job-list"}, query="jobs-query",
        fails=(errors.InstanceUnavailable, errors.HistoryUnavailable, errors.NotSupported),
        right="view",
    ),
    Route(
        "GET", "/jobs/search", jobs.search, "searchJobs", "jobs",
        "Search jobs, in the format of DataTables.", {200: "job-search"}, query="search-query",
        right="view",
    ),
    Route(
        "POST", "/jobs/cancel", control.cancel_many, "cancelJobs", "jobs",
        "Cancel jobs by IDs or by filter.",
        {202: "cancel-result"}, body="cancel-many", body_use="required", max_body=MAX_LISTS_BYTES,
        fails=(errors.InstanceUnavailable,),
        needs="cancel", right="operate",
    ),
    Route(
        "POST", "/jobs/query", many.query, "queryJobs", "jobs",
        "Get the jobs of a list of IDs. The response lists unknown IDs.",
        {200: "found-jobs"}, body="jobs-by-id", body_use="required", max_body=MAX_LISTS_BYTES,
        fails=(errors.InstanceUnavailable,), reads_only=True, right="view",
    ),
    Route(
        "POST", "/jobs/wait", many.wait, "waitForJobs", "jobs",
        "Wait until all jobs of a list have ended, or any of them, or a timeout expires.",
        {200: "ended-jobs"}, body="wait-for-jobs", body_use="required", max_body=MAX_LISTS_BYTES,
        fails=(errors.InstanceEnded, errors.InstanceUnavailable, errors.TooManyRequests),
        reads_only=True, right="view",
    ),
    Route(
        "POST", "/jobs/collect", collect.collect, "collectJobs", "jobs",
        "Collect ended waitable jobs, each once; wait for the first one to end, or a timeout.",
        {200: "collected-jobs"}, body="collect", body_use="optional",
        fails=(
            errors.Conflict, errors.JobNotFound, errors.TooManyRequests, *_WRITE
        ),
        right="operate",
    ),
    Route(
        "GET", "/jobs/{id}", jobs.record, "getJob", "jobs", "Get one job.", {200: "job"},
        parameters=_JOB,
        fails=_LOOKUP, right="view",
    ),
    Route(
        "DELETE", "/jobs/{id}", control.cancel, "deleteJob", "jobs", "Cancel a job.",
        {202: "requested"}, fails=_CHANGE,
        needs="cancel", right="operate",
    ),
    Route(
        "POST", "/jobs/{id}/cancel", control.cancel, "cancelJob", "jobs", "Cancel a job.",
        {202: "requested"}, body="cancel", body_use="optional", fails=_CHANGE,
        needs="cancel", right="operate",
    ),
    Route(
        "POST", "/jobs/{id}/exception", control.raise_exception, "raiseException", "jobs",
        "Raise an exception for a job; one of severity 0 ends it.",
        {202: "requested"}, body="exception", body_use="required", fails=_CHANGE,
        needs="cancel", right="operate",
    ),
    Route(
        "POST", "/jobs/{id}/memo", control.memo, "postMemo", "jobs",
        "Post a memo to a job, which its annotations show.",
        {202: "requested"}, body="memo", body_use="required", fails=_CHANGE,
        right="operate",
    ),
    Route(
        "POST", "/jobs/{id}/signal", control.signal, "signalJob", "jobs",
        "Send a signal to all tasks of a running job.",
        {202: "requested"}, body="signal", body_use="required", fails=_CHANGE,
        needs="signal", right="operate",
    ),
    Route(
        "POST", "/jobs/{id}/urgency", control.urgency, "setUrgency", "jobs",
        "Set the urgency of a pending job.",
        {202: "requested"}, body="urgency", body_use="required", fails=_CHANGE,
        needs="urgency", right="operate",
    ),
    Route(
        "GET", "/jobs/{id}/wait", jobs.wait, "waitForJob", "jobs",
        "Wait until a job is inactive or a timeout expires; then get its record.",
        {200: "job"}, query="wait-query", fails=(*_LOOKUP, errors.InstanceEnded), right="view",
    ),
    Route(
        "GET", "/jobs/{id}/eventlog", jobs.eventlog, "getEventlog", "jobs",
        "Get the eventlog, as Flux stores it.",
        {200: "eventlog"}, query="eventlog-query", fails=(*_LOOKUP, errors.NotFound),
        other=("text/plain", "application/x-ndjson"),
        right="view",
    ),
    Route(
        "GET", "/jobs/{id}/jobspec", jobs.jobspec, "getJobspec", "jobs",
        "Get the jobspec, as Flux stores it.", {200: "jobspec-kept"}, fails=_KEPT, right="view",
    ),
    Route(
        "GET", "/jobs/{id}/R", jobs.resource_set, "getR", "jobs",
        "Get the resources of the job (R), as Flux stores them.", {200: "R"}, fails=_KEPT,
        right="view",
    ),
    Route(
        "GET", "/jobs/{id}/dependencies", dependencies.graph, "getDependencies", "jobs",
        "Get the jobs that the job waits for, and those that wait for it, directly or indirectly.",
        {200: "dependencies"}, query="dependencies-query",
        fails=_LOOKUP, right="view",
    ),
    *OUTPUTS,
    Route(
        "GET", "/jobs/{id}/events", events.job_events, "followJob", "events",
        "Follow the events of a job, from its first to its last.",
        {}, query="job-events-query", fails=(*_LOOKUP, errors.TooManyStreams), stream=True,
        other=("application/x-ndjson", "text/event-stream", "text/plain"), right="view",
    ),
    Route(
        "POST", "/mcp", mcp.serve, "callTools", "jobs",
        "Answer a message of the Model Context Protocol: tools to list, inspect, explain, submit "
        "and cancel jobs and to read their output. Each tool needs the scope of its action.",
        {200: "mcp-answer", 202: "no-body", 400: "mcp-answer", 404: "mcp-answer"},
        body="mcp-message", body_use="required", max_body=MAX_LISTS_BYTES,
        fails=(errors.NotAcceptable, errors.NotSupported), in_turn=True, right="view",
    ),
    *GROUPS,
    Route(
        "GET", "/events", events.follow, "followEvents", "events",
        "Follow events, jobs or figures of the instance.",
        {}, query="events-query", fails=(errors.InstanceUnavailable, errors.TooManyStreams),
        stream=True, other=("text/event-stream", "application/x-ndjson"),
        headers={"Last-Event-ID": "A cursor to resume from; overrides since."}, right="view",
    ),
    Route(
        "POST", "/events", events.follow_many, "followMany", "events",
        "Follow many subscriptions on one stream, for networks that block WebSockets.",
        {}, body="subscriptions", body_use="required", max_body=MAX_LISTS_BYTES,
        query="socket-query",
        fails=(errors.InstanceUnavailable, errors.TooManyStreams),
        stream=True, other=events.MANY_OFFERS, reads_only=True, right="view",
    ),
    Route(
        "GET", "/events/ws", events.socket, "openSocket", "events",
        "Open a WebSocket (subprotocol flux-events.v1) for many subscriptions.",
        {}, query="socket-query",
        fails=(errors.RequestError, errors.InstanceUnavailable, errors.TooManyStreams),
        stream=True, right="view",
    ),
    Route(
        "POST", "/ticket", events.ticket, "getTicket", "events",
        "Get a ticket that opens one stream or socket within 30 seconds.",
        {200: "ticket"}, fails=(errors.Conflict,), right="view",
    ),
    *RESOURCES,
    Route(
        "GET", "/stats", service.stats, "getStats", "instance", "Count jobs.", {200: "stats"},
        right="view",
    ),
    Route(
        "GET", "/", service.info, "getInfo", "instance",
        "Describe the service and its instance; a browser gets the dashboard.",
        {200: "info"}, query="view-query", other=("text/html",), page=views.jobs, right="view",
    ),
    Route(
        "GET", "/jobs/{id}/comparison", history.comparison, "compareJob", "history",
        "Compare the wait and the run time of a job with those of earlier jobs like it.",
        {200: "job-comparison"}, fails=(*_LOOKUP, errors.HistoryUnavailable, errors.NotSupported),
        right="view",
    ),
    *HISTORY,
    Route(
        "GET", "/instances", instances.list_instances, "listInstances", "instance",
        "List the known part of the tree of instances: open ones, and the jobs in them that are "
        "instances.",
        {200: "instance-list"}, query="instances-query", scope="service", right="view",
    ),
    Route(
        "GET", "/instances/{instance}", instances.instance, "getInstance", "instance",
        "Get the known facts about one instance in the tree, without opening it.",
        {200: "instance"}, fails=(errors.InstanceNotFound,), parameters=_PATH,
        scope="service", right="view",
    ),
    Route(
        "POST", "/service/stop", service.stop, "stopService", "service",
        "Stop the service, after it has answered.",
        {200: "message"}, body="stop", body_use="optional", fields_in_query=True,
        scope="service", right="admin",
    ),
    *TOKENS,
    *TEMPLATES,
    *WEBHOOKS,
    Route(
        "GET", "/health", health.health, "getHealth", "service", "Check that the service is "
        "running.",
        {200: "health"}, at_once=True,
        scope="service", right=None,
    ),
    Route(
        "GET", "/ready", health.ready, "getReady", "service",
        "Check that the service has caught up with the instance.",
        {200: "health"}, fails=(errors.InstanceUnavailable,), at_once=True,
        scope="service", right="view",
    ),
    Route(
        "GET", "/metrics", health.metrics, "getMetrics", "service", "Get Prometheus metrics.",
        {}, other=("text/plain",), in_turn=True,
        scope="service", right="view",
    ),
    Route(
        "GET", "/openapi.json", contracts.openapi, "getOpenAPI", "documentation",
        "Get this contract.", {}, other=("application/json",),
        scope="service", right="view",
    ),
    Route(
        "GET", "/asyncapi.json", contracts.asyncapi, "getAsyncAPI", "documentation",
        "Get the contract of the event channel.", {}, other=("application/json",),
        scope="service", right="view",
    ),
    *PAGES,
)  # fmt: skip
