"""The commands, one file each: ``add`` declares the arguments and the function that runs it.

Only the requested command is imported, so that no command loads the libraries of another.
"""

from __future__ import annotations

__all__ = ["SUMMARIES"]

SUMMARIES = {
    "serve": "run the service",
    "submit": "submit a job",
    "bulk": "submit many jobs",
    "jobs": "list jobs",
    "job": "show one job",
    "watch": "follow jobs or events live",
    "output": "show the output of a job",
    "wait": "wait until jobs have ended",
    "cancel": "cancel jobs",
    "signal": "send a signal to jobs",
    "urgency": "set the urgency of jobs",
    "nodes": "list nodes",
    "top": "show the instance live",
    "stop": "stop the service",
    "token": "print a bearer token",
    "completion": "print a shell completion script",
}
"""The summary of each command, in the order of the help."""
