"""Fixtures that several packages of tests share."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.running import flux_instance

# A machine that is busy makes no test wrong.
settings.register_profile("fluxapi", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fluxapi")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background like that, and programs under test would inherit
    # it: those that are sent a Ctrl-C would wait forever.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def flux_uri() -> Iterator[str]:
    """A real Flux of four brokers without named queues, one for the whole run."""
    if shutil.which("flux") is None:
        pytest.skip("there is no flux on PATH: not run on a real Flux")
    with flux_instance(4) as uri:
        yield uri
