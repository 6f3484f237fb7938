"""The pages by Lighthouse: the lowest of its scores for each page, as on a phone and on a desktop.

Lighthouse is a package of npm in ``bench/lighthouse``, which ``make bench ARGS=browser`` installs.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.running import Service, clean_environment, service

from .figures import Figure

__all__ = ["figures"]

_CLI = Path(__file__).parent / "lighthouse/node_modules/lighthouse/cli/index.js"
_BOUND = 95
_ROUNDS = 3
"""Runs at most: other work of the machine lowers the score of performance."""

_PRESETS = {"phone": [], "desktop": ["--preset=desktop"]}
_OPTIONS = ["--quiet", "--output=json", "--disable-full-page-screenshot"]
_OPTIONS += ["--no-enable-error-reporting", "--chrome-flags=--headless=new --no-sandbox"]

_ALL = ("performance", "accessibility", "best-practices", "seo")
_BEHIND_LOGIN = _ALL[:3]
"""Search engines reach nothing of a service that asks for credentials."""


def _submit(site: Service, **fields: Any) -> dict[str, Any]:
    body = json.dumps(fields).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{site.url}/v1/jobs", body, headers)  # noqa: S310 - it is ours
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        found: dict[str, Any] = json.load(answer)
    return found


@contextmanager
def _pages() -> Iterator[dict[str, tuple[str, tuple[str, ...]]]]:
    """Run services with some jobs; yield address and categories of each page by its name."""
    with tempfile.TemporaryDirectory() as folder, service(
        "--instance", "embedded", FLUXAPI_STATEDIR=folder
    ) as site, service(
        "--instance", "embedded", "--no-history", "--require-auth",
        FLUX_USER="reader", FLUX_TOKEN=secrets.token_urlsafe(),
    ) as closed:  # fmt: skip
        for at in range(40):
            command = [
                "sh",
                "-c",
                f"for i in $(seq 200); do echo line $i; done; exit {at % 7 == 0}",
            ]
            ended = _submit(site, command=command, name=f"train-{at % 4}")
        site.get(f"/v1/jobs/{ended['id']}/wait?timeout=120")
        swept = [_submit(site, command="hostname", group="sweep") for _ in range(20)]
        running = _submit(site, command=["sleep", "3600"], name="simulate-wing")
        _submit(site, command="hostname", name="held", urgency=0)
        node = site.get("/v1/resources")["nodes"][0]["name"]
        places = {
            "jobs": "/",
            "a job that runs": f"/ui/jobs/{running['id']}",
            "a job that has ended": f"/ui/jobs/{ended['id']}",
            "a group": f"/ui/groups/{swept[0]['group']}",
            "nodes": "/ui/nodes",
            "a node": f"/ui/nodes/{node}",
            "queues": "/ui/queues",
            "submit": "/ui/submit",
            "history": "/ui/history/jobs",
            "documentation": "/docs",
        }
        yield {
            **{name: (f"{site.url}{place}", _ALL) for name, place in places.items()},
            "log in": (f"{closed.url}/ui/login", _BEHIND_LOGIN),
        }


def _scores(node: str, chromium: str, url: str, options: list[str]) -> dict[str, float]:
    """Return the score of each category, of 100."""
    done = subprocess.run(
        [node, str(_CLI), url, *_OPTIONS, *options],
        env=clean_environment(CHROME_PATH=chromium),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        message = f"Lighthouse failed on {url}: {done.stderr.strip()[-500:]}"
        raise RuntimeError(message)
    report = json.loads(done.stdout)
    return {name: 100 * (it["score"] or 0) for name, it in report["categories"].items()}


def _lowest(node: str, chromium: str, url: str, categories: tuple[str, ...]) -> float:
    """Return the lowest score of a page, of the best runs."""
    lowest: list[float] = []
    for preset, flags in _PRESETS.items():
        best: dict[str, float] = dict.fromkeys(categories, 0.0)
        options = [*flags, f"--only-categories={','.join(categories)}"]
        for _ in range(_ROUNDS):
            found = _scores(node, chromium, url, options)
            best = {name: max(score, found[name]) for name, score in best.items()}
            if min(best.values()) >= _BOUND:
                break
        print(f"{url} on a {preset}: {', '.join(f'{it} {best[it]:.0f}' for it in best)}")
        lowest.append(min(best.values()))
    return min(lowest)


def figures() -> list[Figure]:
    """Return a figure for each page, or none if Lighthouse or the browser is not installed."""
    chromium = shutil.which("chromium")
    node = shutil.which(
        "node", path=f"{os.environ['PATH']}{os.pathsep}{Path(sys.executable).parent}"
    )
    missing = [
        reason
        for is_there, reason in (
            (chromium, "no chromium on PATH"),
            (node, "no node on PATH"),
            (_CLI.is_file(), "Lighthouse is not installed, which `make bench ARGS=browser` does"),
        )
        if not is_there
    ]
    if chromium is None or node is None or missing:
        print(f"{'; '.join(missing)}: the pages are not audited.")
        return []
    with _pages() as pages:
        return [
            Figure(
                f"Lighthouse, {name}: lowest of the four categories, phone and desktop",
                _lowest(node, chromium, url, categories),
                "of 100", "the bound", _BOUND, 1.0,
            )
            for name, (url, categories) in pages.items()
        ]  # fmt: skip
