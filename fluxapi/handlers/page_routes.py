"""The routes of the pages: the dashboard and the documentation."""

from __future__ import annotations

from fluxapi import errors
from fluxapi.contracts.route import Route
from fluxapi.web import (
    docs,
    groups,
    history,
    instances,
    login,
    node_pages,
    past_jobs,
    queues,
    tokens,
    views,
    webhooks,
)

__all__ = ["PAGES"]

_FILE = {
    "version": ("Digest of all files, so that they can be cached forever.", "0123456789ab"),
    "name": ("Name of the file.", "dashboard.css"),
}

PAGES: tuple[Route, ...] = (
    Route(
        "GET", "/ui/jobs/{id}", views.job, "getJobPage", "dashboard",
        "See one job: its states, events, output and resources.", {},
        fails=(errors.JobNotFound, errors.InstanceUnavailable),
        query="job-page-query", other=("text/html",), right="view",
    ),
    Route(
        "GET", "/ui/history/jobs", past_jobs.past_jobs, "getPastJobsPage", "dashboard",
        "See a list of jobs with those that Flux has purged.", {}, query="past-jobs-query",
        other=("text/html",), right="view",
    ),
    Route(
        "GET", "/ui/groups/{group}", groups.group, "getGroupPage", "dashboard",
        "See one group: the progress of its jobs, and their output.", {},
        fails=(errors.GroupNotFound, errors.InstanceUnavailable), other=("text/html",),
        right="view",
    ),
    Route(
        "GET", "/ui/history", history.history, "getHistoryPage", "dashboard",
        "See charts of the jobs that have ended, from minutes to months.", {},
        query="history-page-query", other=("text/html",), right="view",
    ),
    Route(
        "GET", "/ui/nodes", node_pages.nodes, "getNodesPage", "dashboard",
        "See the nodes: their state, the resources in use, and the jobs on them.", {},
        query="nodes-query", other=("text/html",), right="view",
    ),
    Route(
        "GET", "/ui/nodes/{node}", node_pages.node, "getNodePage", "dashboard",
        "See one host: its state, the resources in use, and its current and past jobs.", {},
        query="node-page-query", fails=(errors.NotFound,), other=("text/html",), right="view",
    ),
    Route(
        "GET", "/ui/queues", queues.queues, "getQueuesPage", "dashboard",
        "See the queues: their state, limits and jobs, and the resources in use.", {},
        query="queues-page-query", other=("text/html",), right="view",
    ),
    Route(
        "GET", "/ui/submit", views.submit, "getSubmitPage", "dashboard",
        "Fill in a form to submit jobs.", {}, query="submit-query", other=("text/html",),
        needs="submit", right="submit",
    ),
    Route(
        "GET", "/ui/instances", instances.instances, "getInstancesPage", "dashboard",
        "See the tree of instances: their states and counts.", {}, other=("text/html",),
        scope="service", right="view",
    ),
    Route(
        "GET", "/ui/tokens", tokens.tokens, "getTokensPage", "dashboard",
        "See the tokens; create and revoke them.", {}, other=("text/html",),
        scope="service", right="admin",
    ),
    Route(
        "GET", "/ui/webhooks", webhooks.webhooks, "getWebhooksPage", "dashboard",
        "See the webhooks; create, test and remove them.", {}, other=("text/html",),
        fails=(errors.NotStored,), scope="service", right="admin",
    ),
    Route(
        "GET", "/ui/login", login.login, "getLoginPage", "dashboard",
        "See the login page.", {}, query="log-in-query", other=("text/html",),
        scope="service", right=None,
    ),
    Route(
        "POST", "/ui/login", login.log_in, "logIn", "dashboard",
        "Log in: get the cookie of a signed-in browser.",
        {200: "logged-in"}, body="log-in", body_use="required", form=True,
        fails=(errors.Unauthorized, errors.Conflict, errors.TooManyRequests),
        other=("text/html",), tells={"Set-Cookie": "The cookie, which scripts cannot read."},
        scope="service", right=None,
    ),
    Route(
        "POST", "/ui/logout", login.log_out, "logOut", "dashboard",
        "Log out: end the login of this browser, and its streams.", {200: "message"},
        fails=(errors.Conflict,), other=("text/html",),
        scope="service", right=None,
    ),
    Route(
        "GET", "/ui/logout", login.logout, "getLogoutPage", "dashboard",
        "Log out, or make the browser forget the user name and token that it sends.", {},
        fails=(errors.Unauthorized, errors.Conflict),
        scope="service", right=None,
    ),
    Route(
        "GET", "/static/{version}/{name}", views.static, "getStatic", "dashboard",
        "Get a file that the pages load.", {}, fails=(errors.NotFound,), parameters=_FILE,
        other=("text/javascript", "text/css"),
        scope="service", right=None,
    ),
    Route(
        "GET", "/docs", docs.guide, "getDocs", "documentation",
        "Read the list of guides.", {}, other=("text/html",),
        scope="service", right="view",
    ),
    Route(
        "GET", "/docs/reference", docs.reference, "getReference", "documentation",
        "Read the reference: every operation, field and message.", {}, other=("text/html",),
        scope="service", right="view",
    ),
    Route(
        "GET", "/docs/errors", docs.errors, "getErrorDocs", "documentation",
        "Read the meaning of the problem types.", {}, other=("text/html",),
        scope="service", right="view",
    ),
    Route(
        "GET", "/docs/design", docs.design, "getDesign", "documentation",
        "See the components of the pages.", {}, other=("text/html",),
        scope="service", right="view",
    ),
    Route(
        "GET", "/docs/search", docs.search, "searchDocs", "documentation",
        "Search the guides, the reference and the errors.", {200: "docs-search"},
        query="docs-search-query", other=("text/html",), page=docs.search_page, in_turn=True,
        scope="service", right="view",
    ),
    Route(
        "GET", "/docs/images/{name}", docs.image, "getDocsImage", "documentation",
        "Get a picture of a guide.", {}, fails=(errors.NotFound,), other=("image/png",),
        scope="service", right="view",
    ),
    Route(
        "GET", "/docs/{guide}", docs.guide, "getGuide", "documentation", "Read a guide.",
        {}, parameters={"guide": ("Name of the guide, as in its address.", "tutorial")},
        fails=(errors.NotFound,), other=("text/html",),
        scope="service", right="view",
    ),
)  # fmt: skip
