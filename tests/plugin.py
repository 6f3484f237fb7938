"""The lanes of the tests, and the instances, services and browser that the tests of a worker share.

docs/testing.md tells how to use them.
"""

from __future__ import annotations

import asyncio.events
import gc
import json
import os
import shutil
import signal
import tempfile
import urllib.request
import warnings
from asyncio import selector_events
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from tests import programs
from tests.running import Service, flux_instance, service
from tests.tabs import Tabs

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_PASSES_TO_END = 4
"""Passes of an event loop in which the connections that were closed end."""

_freeze = gc.freeze

_GARBAGE_THRESHOLD = 20_000
"""Objects between two garbage collections."""

_INTERVALS = (
    "archive.catch_up._RETRY_S",
    "events.sampler._SAMPLE_INTERVAL_S",
    "sessions.children._MIN_RETRY_PAUSE_S",
    "sessions.counters._CHECK_INTERVAL_S",
    "sessions.situation._CHECK_INTERVAL_S",
    "sessions.situation._NODES_INTERVAL_S",
    "sessions.situation._QUEUES_INTERVAL_S",
    "sessions.tree_observer._CHECK_INTERVAL_S",
    "webhooks.catch_up._INTERVAL_S",
    "webhooks.condition_watch._INTERVAL_S",
)
"""The intervals at which a service looks at what no event tells of."""

_SHORT_INTERVAL_S = 0.02

_LONG_S = 300
"""The limit of a test that starts before the others."""

QUICK_EXAMPLES = 40
SOAK_EXAMPLES = 2000
"""Examples of a property that `make test` and `make soak` try."""

_BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _BROWSERS)), None)
"""The browser of the tests; the shell takes a quarter of the CPU time of the others."""

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    # Without a process for graphics, a page costs a tenth less.
    "--in-process-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Tabs of one context share a renderer.
    "--process-per-site",
    # Pages live for seconds: threads that compile and collect beside them cost more than they give.
    "--js-flags=--single-threaded",
]

EXPECT_TIMEOUT_MS = 20_000
"""How long an expectation of a page waits; 5 s, the default, are too few on a busy machine."""

LANES: dict[str, frozenset[str]] = {
    "flux": frozenset({"flux_uri", "broker"}),
    "browser": frozenset({"browser"}),
    "container": frozenset({"image"}),
    "slow": frozenset({"bin_folder", "node_folder", "python_with", "snakemake", "bare"}),
}
"""The markers of the lanes, and the fixtures whose use sets them."""

MISSING: dict[str, str] = {
    name: reason
    for name, is_there, reason in (
        ("flux", shutil.which("flux"), "there is no flux on PATH: not run on a real Flux"),
        ("browser", CHROMIUM, "there is no chromium on PATH: no browser to drive"),
    )
    if not is_there
}
"""The lanes that this machine cannot run, and why."""

# A busy machine makes no test wrong. `make test-fast` tries fewer examples than `make test`, and
# `make soak` many more.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", patient, max_examples=QUICK_EXAMPLES)
settings.register_profile("fast", patient, max_examples=QUICK_EXAMPLES // 4)
settings.register_profile("soak", patient, max_examples=SOAK_EXAMPLES)
settings.load_profile("quick")

# A shell starts its background jobs with SIGINT ignored, and nohup with SIGHUP. Programs under test
# would inherit it, and wait forever when they are sent the signal.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


# Services under test keep no history in the home of the person who runs the tests.
_state = tempfile.TemporaryDirectory(prefix="fluxapi-tests-", ignore_cleanup_errors=True)
os.environ["XDG_STATE_HOME"] = _state.name


def pytest_unconfigure() -> None:
    """End the server of programs, and remove the state directory of the services under test."""
    programs.close()
    _state.cleanup()


def pytest_collection() -> None:
    """Collect no garbage while tests are collected: there is little, and a quarter of the time."""
    gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its lanes; skip the tests of a lane that this machine cannot run.

    Those that may take longest come first: one that starts last lets the other workers wait.
    """
    for item in items:
        used = set(getattr(item, "fixturenames", ()))
        for lane, fixtures in LANES.items():
            if used & fixtures:
                item.add_marker(lane)
            if lane in MISSING and item.get_closest_marker(lane):
                item.add_marker(pytest.mark.skip(reason=MISSING[lane]))
    items.sort(key=_limit_of, reverse=True)


def _limit_of(item: pytest.Item) -> int:
    """Return the seconds that a test may take, or 0 if it is one of many that take less."""
    mark = item.get_closest_marker("timeout")
    limit = int(mark.args[0]) if mark else 0
    return limit if limit >= _LONG_S else 0


def pytest_collection_finish() -> None:
    """Exclude the tests and the modules from garbage collection: they stay until the end.

    A full collection takes 0.4 s with them. A service excludes what it holds once in its life. An
    application in a worker must not, since all that is left of earlier tests would stay.
    """
    gc.freeze()
    gc.freeze = lambda: None
    gc.set_threshold(_GARBAGE_THRESHOLD)
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """Collect what the tests have left once, instead of five times when pytest ends."""
    gc.collect()
    _freeze()


@pytest.fixture(scope="session", autouse=True)
def _ended_connections() -> Iterator[None]:
    """Let each event loop end the connections that were closed, and name those that were not.

    A connection ends in a later pass of its loop, and only after its peer has read the rest. One
    that the peer has closed ends when the loop reads that. The garbage collector would report one
    that is left in any later test.
    """
    close = selector_events.BaseSelectorEventLoop.close

    def end_and_close(loop: Any) -> None:
        left: list[str] = []
        if not loop.is_closed():
            for _ in range(_PASSES_TO_END if _transports(loop) else 0):
                _abort(it for it in _transports(loop) if it.is_closing())
                loop.run_until_complete(asyncio.sleep(0))
            left = [_text(transport) for transport in _transports(loop)]
        if left:
            _abort(_transports(loop))
            loop.run_until_complete(asyncio.sleep(0))
        close(loop)
        if left:
            message = f"connections that nobody has closed: {'; '.join(left)}"
            warnings.warn(message, ResourceWarning, stacklevel=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selector_events.BaseSelectorEventLoop, "close", end_and_close)
        yield


def _transports(loop: Any) -> list[asyncio.Transport]:
    return [it for it in list(loop._transports.values()) if it._sock is not None]


def _abort(transports: Iterable[asyncio.Transport]) -> None:
    for transport in transports:
        transport.abort()


def _text(transport: asyncio.Transport) -> str:
    names = [transport.get_extra_info(name) for name in ("sockname", "peername")]
    return "{} to {} of {!r}".format(*names, transport.get_protocol())


@pytest.fixture
def short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a service in this process look at its instance without pauses of seconds in between."""
    for name in _INTERVALS:
        monkeypatch.setattr(f"fluxapi.{name}", _SHORT_INTERVAL_S)


@pytest.fixture(scope="session")
def flux_uri() -> Iterator[str]:
    """Return the URI of a real Flux of four brokers without named queues, one per worker."""
    with flux_instance(4) as uri:
        yield uri


@pytest.fixture(scope="session")
def _flux_service(flux_uri: str) -> Iterator[Service]:
    with service(FLUX_URI=flux_uri) as running:
        running.wait_until_ready()
        yield running


@pytest.fixture(scope="session")
def _embedded_service() -> Iterator[Service]:
    with service("--instance=embedded") as running:
        yield running


@pytest.fixture
def on_flux(_flux_service: Service) -> Iterator[Service]:
    """Return the service in front of the Flux at ``flux_uri``; jobs left active are canceled."""
    yield _flux_service
    _cancel_all(_flux_service)


@pytest.fixture
def on_embedded(_embedded_service: Service) -> Iterator[Service]:
    """Return the service with the embedded instance; jobs left active are canceled."""
    yield _embedded_service
    _cancel_all(_embedded_service)


def _cancel_all(running: Service) -> None:
    request = urllib.request.Request(  # noqa: S310 - it is ours
        f"{running.url}/v1/jobs/cancel",
        json.dumps({"filter": {"state": ["ACTIVE"]}}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - it is ours
        answer.read()


class _Chromium(NamedTuple):
    """The Chromium of a worker, its tabs, and the event loop that Playwright keeps."""

    browser: Browser
    tabs: Tabs
    loop: Any


@pytest.fixture(scope="session")
def _chromium() -> Iterator[_Chromium]:
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - few tests need it

    expect.set_options(timeout=EXPECT_TIMEOUT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        tabs = Tabs(browser)
        loop = asyncio.get_running_loop()
        asyncio.events._set_running_loop(None)
        yield _Chromium(browser, tabs, loop)
        asyncio.events._set_running_loop(loop)
        browser.close()


@pytest.fixture
def browser(_chromium: _Chromium) -> Iterator[Browser]:
    """Return the one Chromium of this worker.

    Playwright keeps an event loop in this thread that counts as running. Tests that run their own
    must not see it.
    """
    browser, tabs, loop = _chromium
    asyncio.events._set_running_loop(loop)
    yield browser
    # A page that is left open goes on to follow its service.
    for context in list(browser.contexts):
        if context != tabs.context:
            context.close()
    asyncio.events._set_running_loop(None)


@pytest.fixture
def tabs(browser: Browser, _chromium: _Chromium) -> Tabs:  # noqa: ARG001 - it sets the event loop
    """Return the tabs of this worker, for tests of pages that need no context of their own."""
    return _chromium.tabs
