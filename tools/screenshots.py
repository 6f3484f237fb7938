"""Take the pictures of the pages that the documents show: ``make screenshots``.

A Flux instance of four brokers on made-up hosts runs jobs as a group of scientists might, each of
them only asleep; without Flux, the embedded instance does. Every page is taken in light, in dark
and as a phone shows it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.running import clean_environment, flux, service

IMAGES = Path(__file__).parents[1] / "docs" / "images"

LOOKS: dict[str, tuple[Literal["light", "dark"], int, int]] = {
    "": ("light", 1200, 760),
    "-dark": ("dark", 1200, 760),
    "-phone": ("light", 390, 844),
}
"""Part of the name of a file, and scheme, width and height of its window."""

NARROW = 600
"""Pixels up to which there is no room for charts."""

CONFIG = """
[resource]
noverify = true
[[resource.config]]
hosts = "node[0-3]"
cores = "0-31"
gpus = "0-3"
"""

SECONDS = 45
"""Seconds of activity before the pictures are taken; the charts show them."""

TRAINING = r"""#!/bin/sh
i=0
echo "loading /data/imagenet: 1281167 images in 1000 classes"
while :; do
  i=$((i+1))
  printf 'epoch 17  step %5d  \033[32mloss 0.%03d\033[0m  lr 3.2e-4  \033[36m1284 img/s\033[0m\n' \
    "$i" "$((900 - i % 700))"
  [ $((i % 23)) -eq 0 ] && printf '\033[33mwarning:\033[0m gradient norm clipped\n' >&2
  sleep 0.4
done
"""

RUNNING: list[dict[str, Any]] = [
    {"name": "cfd-wing-mach0.82", "num_nodes": 1, "num_tasks": 24, "duration": "4h"},
    {"name": "md-nvt-310K", "num_tasks": 12, "duration": "12h"},
    {"name": "climate-ensemble-03", "num_tasks": 16, "duration": "8h"},
    {"name": "climate-ensemble-04", "num_tasks": 16, "duration": "8h"},
    {"name": "dft-relax-Fe2O3", "num_tasks": 8, "duration": "2h"},
]

WAITING: list[dict[str, Any]] = [
    {"name": "cfd-wing-mach0.90", "num_nodes": 3, "num_tasks": 96, "duration": "4h"},
    {"name": "md-npt-310K", "num_nodes": 2, "num_tasks": 64, "duration": "1d"},
    {"name": "review-before-start", "urgency": 0},
]

SHORT = ["preprocess-tiles", "align-reads", "render-frame", "unit-tests", "score-docking"]


class Site:
    """The running service, and requests to it."""

    def __init__(self, url: str, *, is_flux: bool) -> None:
        self.url = url.rstrip("/")
        self.is_flux = is_flux

    def submit(self, *command: str, **fields: Any) -> str:
        """Submit a job and return its ID."""
        body: dict[str, Any] = {"command": list(command), **fields}
        if self.is_flux:
            # The cores are made up: nothing can be bound to them.
            body["shell_options"] = {"cpu-affinity": "off", "gpu-affinity": "off"}
        else:
            body = {k: v for k, v in body.items() if k not in {"num_nodes", "gpus_per_task"}}
            body["num_tasks"] = 1
        request = urllib.request.Request(  # noqa: S310 - it is ours
            f"{self.url}/v1/jobs", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return str(json.load(answer)["id"])


@contextlib.contextmanager
def instance(folder: Path) -> Iterator[str]:
    """Run a Flux instance on made-up hosts while the context lasts; yield its URI."""
    (folder / "flux.toml").write_text(CONFIG, encoding="utf-8")
    start = ["flux", "start", "--test-size=4", "--test-hosts=node[0-3]"]
    program = "echo $FLUX_URI; read -r _ || true"
    with subprocess.Popen(  # noqa: S603 - a program that this one is about
        [*start, f"--config-path={folder / 'flux.toml'}", "sh", "-c", program],
        env=clean_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        uri = (process.stdout.readline() if process.stdout else "").strip()
        try:
            yield uri
        finally:
            flux(uri, "cancel", "--all")
            process.communicate(timeout=60)


def populate(site: Site, folder: Path) -> str:
    """Start the jobs that run, and return the ID of the job that has a picture of its own."""
    program = folder / "train"
    program.write_text(TRAINING.lstrip(), encoding="utf-8")
    program.chmod(0o700)
    shown = site.submit(
        *("train", "--model", "resnet50", "--epochs", "90", "--batch", "256"),
        name="train-resnet50",
        cores_per_task=8,
        gpus_per_task=4,
        duration="6h",
        environment={"PATH": f"{folder}:/usr/bin:/bin"},
    )
    for fields in RUNNING:
        site.submit("sleep", "600", **fields)
    site.submit("true", name="evaluate-resnet50", dependencies=[f"afterok:{shown}"])
    site.submit("sleep", "60", name="render-teaser", duration="2s")
    return shown


def congest(site: Site) -> None:
    """Submit a job that does not fit; the scheduler works in order, so later jobs wait."""
    for fields in WAITING:
        site.submit("sleep", "600", **fields)
    for number in range(4):
        site.submit("true", name=f"postprocess-{number:02}")


def bustle(site: Site, page: Page) -> None:
    """Run short jobs for a while, a few of which fail, while a page is open."""
    end = time.monotonic() + SECONDS
    count = 0
    while time.monotonic() < end:
        count += 1
        command = ["false"] if count % 9 == 0 else ["sleep", f"{count % 4}"]
        site.submit(*command, name=f"{SHORT[count % len(SHORT)]}-{count:03}")
        page.wait_for_timeout(150 + 120 * (count % 5))


def views(shown: str) -> dict[str, str]:
    """Return the pages by the names of their pictures."""
    return {
        "jobs": "/",
        "job": f"/ui/jobs/{shown}",
        "nodes": "/ui/nodes",
        "submit": "/ui/submit",
    }


def prepare(page: Page, name: str, *, is_wide: bool) -> None:
    """Do on a page what a reader would before they look."""
    expect(page.locator("#state")).to_have_attribute("data-state", "live")
    if name == "jobs":
        card = page.locator('.figure-card[aria-expanded="false"]').first
        if is_wide and card.count():
            card.click()
    if name == "job":
        expect(page.locator("#screen .line").nth(20)).to_be_attached()
    if name == "submit":
        page.get_by_label("Command", exact=True).fill("python train.py --epochs 90 --batch 256")
        page.get_by_label("Tasks", exact=True).fill("8")
        page.get_by_label("Cores per task").fill("4")
        page.get_by_label("Time limit").fill("6h")
        page.get_by_label("Name", exact=True).fill("train-resnet50")
        page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
    page.wait_for_timeout(1500)


def take(browser: Browser, site: Site, shown: str) -> None:
    """Take the pictures of all pages in all appearances."""
    for suffix, (scheme, width, height) in LOOKS.items():
        context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": height}, locale="en-US"
        )
        for name, path in views(shown).items():
            page = context.new_page()
            page.goto(site.url + path)
            prepare(page, name, is_wide=width > NARROW)
            file = IMAGES / f"{name}{suffix}.png"
            file.write_bytes(smaller(page.screenshot()))
            print(f"{file.name}: {file.stat().st_size:,} bytes")  # noqa: T201 - it is a command
            page.close()
        context.close()


def smaller(png: bytes) -> bytes:
    """Return almost the same picture in 256 colors, since pages have few."""
    found = io.BytesIO()
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        found, "PNG", optimize=True
    )
    return found.getvalue()


def main() -> None:
    """Start everything, take the pictures, end everything."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("There is no chromium on PATH: install one to take pictures with.")
    is_flux = shutil.which("flux") is not None
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        environ = {"FLUXAPI_LOG_LEVEL": "warning"}
        flags = ["--instance", "embedded"]
        if is_flux:
            environ["FLUX_URI"] = stack.enter_context(instance(folder))
            flags = []
        running = stack.enter_context(service(*flags, **environ))
        running.wait_until_ready()
        site = Site(running.url, is_flux=is_flux)
        if is_flux:
            flux(environ["FLUX_URI"], "resource", "drain", "3", "DIMM errors, ticket 4711")
        shown = populate(site, folder)
        playwright = stack.enter_context(sync_playwright())
        flags = ["--no-sandbox", "--disable-gpu"] if os.geteuid() == 0 else ["--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page()
        page.goto(site.url)
        bustle(site, page)
        congest(site)
        IMAGES.mkdir(parents=True, exist_ok=True)
        take(browser, site, shown)
        browser.close()


if __name__ == "__main__":
    main()
