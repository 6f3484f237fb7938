"""Tells PSI/J of the executor ``fluxapi``. PSI/J loads every module of this namespace package."""

from packaging.version import Version
from psij.descriptor import Descriptor

from fluxapi import __version__

__PSI_J_EXECUTORS__ = [
    Descriptor(
        name="fluxapi",
        nice_name="fluxapi",
        version=Version(__version__),
        cls="fluxapi.psij.executor.FluxapiJobExecutor",
    )
]
