"""The routes of groups of jobs."""

from __future__ import annotations

from fluxapi import errors
from fluxapi.contracts.route import Route

from . import group_output, groups

__all__ = ["GROUPS"]

_GROUP = (errors.GroupNotFound, errors.InstanceUnavailable)

GROUPS: tuple[Route, ...] = (
    Route(
        "GET", "/groups", groups.list_groups, "listGroups", "groups",
        "List groups of jobs, newest first.",
        {200: "group-list"}, query="groups-query", fails=(errors.InstanceUnavailable,),
        right="view",
    ),
    Route(
        "GET", "/groups/{group}", groups.record, "getGroup", "groups",
        "Get one group: the counts and times of its jobs.", {200: "group"}, fails=_GROUP,
        parameters={"group": ("Name or ID of the group.", "sweep")}, right="view",
    ),
    Route(
        "GET", "/groups/{group}/wait", groups.wait, "waitForGroup", "groups",
        "Wait until all jobs of a group have ended, or one more has, or a timeout expires; then "
        "get the group.",
        {200: "group"}, query="group-wait-query", fails=(*_GROUP, errors.InstanceEnded),
        right="view",
    ),
    Route(
        "GET", "/groups/{group}/output", group_output.output, "getGroupOutput", "groups",
        "Get the output of the jobs of a group so far, job by job, oldest first: as entries (RFC "
        "24) with the IDs of their jobs, or as lines of text.",
        {}, query="group-output-query",
        fails=(*_GROUP, errors.NotAcceptable, errors.TooManyStreams), other=group_output.OFFERS,
        right="view",
    ),
)  # fmt: skip
