"""The part of a request that the instance needs before its job starts, and after."""

from __future__ import annotations

import os.path
from dataclasses import dataclass

from .constraint import matches
from .request import Request, TestExec
from .shape import Shape

__all__ = ["Outline"]

_MAX_PROGRAM_CHARS = 256


@dataclass(frozen=True, slots=True)
class Outline:
    """The facts of a request that stay in memory until its job has ended.

    The command, the environment and the files of a job take many times the size of their text. They
    are read from the jobspec when the job starts.

    Attributes:
        program: The name of its program, for messages.
        eligible: True if the node satisfies its constraint.
        may_wait: True if the start may wait for something else; see ``Request``.
    """

    program: str
    ntasks: int
    shape: Shape
    duration: float
    dependencies: tuple[tuple[str, str], ...]
    eligible: bool
    may_wait: bool
    test: TestExec | None
    exit_timeout: float | None
    exit_on_error: bool

    @classmethod
    def of(cls, request: Request, hostname: str) -> Outline:
        """Return the outline of a request to the node *hostname*."""
        return cls(
            program=os.path.basename(request.command[0])[:_MAX_PROGRAM_CHARS],  # noqa: PTH119 - text
            ntasks=request.ntasks,
            shape=request.shape,
            duration=request.duration,
            dependencies=request.dependencies,
            eligible=matches(request.constraint, hostname),
            may_wait=request.may_wait,
            test=request.test,
            exit_timeout=request.exit_timeout,
            exit_on_error=request.exit_on_error,
        )
