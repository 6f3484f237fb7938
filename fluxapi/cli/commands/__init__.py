"""The commands, one file each: ``add`` declares its arguments, and what runs it.

Only the one that is asked for is loaded, and what it needs to run when it runs: none waits for the
libraries of another.
"""

from __future__ import annotations

__all__ = ["SUMMARIES"]

SUMMARIES = {
    "serve": "run the service",
    "submit": "submit a job",
    "bulk": "submit many jobs",
    "jobs": "list jobs",
    "job": "show one job",
    "watch": "follow jobs, or events, as they happen",
    "output": "show what a job wrote",
    "wait": "wait until jobs have ended",
    "cancel": "cancel jobs",
    "signal": "send jobs a signal",
    "urgency": "set the urgency of jobs",
    "nodes": "list nodes",
    "top": "a live view of the instance",
    "stop": "stop the service",
    "token": "print a bearer token",
    "completion": "print a script for the shell's completion",
}
"""What each command does, in the order of the help."""
