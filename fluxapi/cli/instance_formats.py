"""The named formats of ``flux queue list`` and ``flux resource list`` and ``status``."""

from __future__ import annotations

from .formats import FormatSet

__all__ = ["QUEUE_LIST", "RESOURCE_LIST", "RESOURCE_STATUS"]

_QUEUE = (
    "?:{queuem:<8.8} {color_enabled}{enabled:>2}{color_off} {color_started}{started:>2}{color_off} "
)
_TIMES = "{defaults.timelimit!F:>8} {limits.timelimit!F:>8} "

QUEUE_LIST = FormatSet(
    {
        "default": (
            "limits, and the resources that exist",
            (
                f"{_QUEUE}{_TIMES}"
                "{limits.range.effective.nnodes:>10} {limits.range.effective.ncores:>10} "
                "{limits.range.effective.ngpus:>10}"
            ),
        ),
        "policy": (
            "limits",
            (
                f"{_QUEUE}{_TIMES}"
                "{limits.range.nnodes:>10} {limits.range.ncores:>10} {limits.range.ngpus:>10}"
            ),
        ),
        "nodes": (
            "nodes by their use",
            (
                f"{_QUEUE}"
                "{resources.all.nnodes:>6} {resources.up.nnodes:>10} {resources.down.nnodes:>10} "
                "{resources.allocated.nnodes:>11} {resources.free.nnodes:>10}"
            ),
        ),
    },
    "FLUX_QUEUE_LIST_FORMAT_DEFAULT",
    "flux-queue",
    "list",
)

RESOURCE_LIST = FormatSet(
    {
        "default": (
            "nodes, cores and GPUs by their use",
            (
                "{state:>10} ?+:{queue:<5} ?:{propertiesx:<10.10+} {nnodes:>6} "
                "+:{ncores:>6} ?+:{ngpus:>5} {nodelist}"
            ),
        ),
    },
    "FLUX_RESOURCE_LIST_FORMAT_DEFAULT",
    "flux-resource",
    "list",
)

RESOURCE_STATUS = FormatSet(
    {
        "default": (
            "nodes by state",
            "{state:>12} {color_up}{up:>2}{color_off} {nnodes:>6} {nodelist}",
        ),
        "long": (
            "with the reasons of drains",
            "{state:>12} {color_up}{up:>2}{color_off} {nnodes:>6} +:{reason:<30.30} {nodelist}",
        ),
    },
    "FLUX_RESOURCE_STATUS_FORMAT_DEFAULT",
    "flux-resource",
    "status",
)
