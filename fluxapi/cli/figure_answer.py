"""The response of ``GET /history/figures``: its types are checked before it is printed."""

from __future__ import annotations

import msgspec

from fluxapi.client.limits import Moment

__all__ = ["CoresUse", "Counts", "Figures", "Group", "Quantiles", "Rest", "Step"]


class Quantiles(msgspec.Struct):
    """Times of jobs, in seconds."""

    median: Moment
    p90: Moment


class CoresUse(msgspec.Struct):
    """Cores of the nodes that were up, and those that jobs had, averaged over a step."""

    cores: float | None = None
    cores_allocated: float | None = None


class Counts(msgspec.Struct):
    """Numbers of the jobs that ended, and their times."""

    ended: int
    failed: int
    canceled: int
    timeout: int
    core_hours: float
    wait: Quantiles | None = None
    run: Quantiles | None = None


class Step(Counts, kw_only=True):
    """The jobs that ended in one step of the time."""

    time: Moment
    use: CoresUse | None = None


class Group(Counts, kw_only=True):
    """The jobs of one name, user, queue, result or node."""

    value: str


class Rest(Counts, kw_only=True):
    """The jobs of all other groups, and the number of these groups."""

    groups: int


class Figures(msgspec.Struct):
    """The whole response."""

    total: Counts
    steps: list[Step]
    by: str = ""
    groups: list[Group] | None = None
    rest: Rest | None = None
    sampled: int | None = None
    is_cut: bool = False
