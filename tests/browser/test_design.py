"""The parts of the design system look as they did: pictures of them, compared with some tolerance.

``make pictures`` takes the pictures anew; look at each before it is committed. They depend on the
fonts of the machine and on the browser, so on others the comparison is skipped.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.running import Service

from .test_accessibility import violations

PICTURES = Path(__file__).parent / "pictures"
RENDERED_BY = PICTURES / "rendered-by.json"
IS_RENEWED = bool(os.environ.get("RENEW_PICTURES"))

MAX_DIFFERENT = 0.002
"""Part of the pixels that may differ."""

FONTS = ":root { --sans: 'DejaVu Sans'; --mono: 'DejaVu Sans Mono'; }"

WIDTHS = """() => ["DejaVu Sans", "DejaVu Sans Mono"].map((font) => {
  const drawn = document.createElement("canvas").getContext("2d");
  drawn.font = `16px "${font}", serif`;
  return Math.round(drawn.measureText("The quick brown fox, 0123456789").width * 100);
})"""
"""Tells a font from one that stands in for it."""

DIFFERENCE = """async ([before, after]) => {
  const pixels = async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    const drawn = canvas.getContext("2d");
    drawn.drawImage(image, 0, 0);
    return drawn.getImageData(0, 0, image.width, image.height);
  };
  const [one, other] = [await pixels(before), await pixels(after)];
  if (one.width !== other.width || one.height !== other.height) {
    return `${one.width} × ${one.height} pixels were ${other.width} × ${other.height}`;
  }
  let different = 0;
  for (let at = 0; at < one.data.length; at += 4) {
    // Edges of letters differ a little from one machine to the next.
    const apart = (place) => Math.abs(one.data[at + place] - other.data[at + place]) > 48;
    different += [0, 1, 2].some(apart);
  }
  return different / (one.data.length / 4);
}"""


@pytest.fixture
def drawn(browser: Browser, site: Service) -> Iterator[Page]:
    """Return the page of the design system, in fonts that are the same everywhere."""
    context = browser.new_context(
        bypass_csp=True, reduced_motion="reduce", viewport={"width": 1280, "height": 900}
    )
    page = context.new_page()
    page.goto(f"{site.url.rstrip('/')}/docs/design")
    page.add_style_tag(content=FONTS)
    yield page
    context.close()


def rendered_by(page: Page) -> dict[str, Any]:
    browser = page.context.browser
    assert browser is not None
    return {"browser": browser.version.partition(".")[0], "widths": page.evaluate(WIDTHS)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_part_looks_as_it_did(drawn: Page, browser: Browser, scheme: str) -> None:
    picture, here = PICTURES / f"design-{scheme}.png", rendered_by(drawn)
    taken = drawn.locator(f'.specimen[data-scheme="{scheme}"]').screenshot(animations="disabled")
    if IS_RENEWED:
        PICTURES.mkdir(exist_ok=True)
        picture.write_bytes(taken)
        RENDERED_BY.write_text(f"{json.dumps(here, indent=2)}\n", encoding="utf-8")
        return
    there = json.loads(RENDERED_BY.read_text(encoding="utf-8"))
    if here != there:
        pytest.skip(f"the pictures were rendered by {there}, and this is {here}")
    blank = browser.new_page()
    pair = [base64.b64encode(data).decode() for data in (picture.read_bytes(), taken)]
    different = blank.evaluate(DIFFERENCE, pair)
    blank.close()
    assert isinstance(different, int | float), f"{different}; see make pictures"
    assert different <= MAX_DIFFERENT, "the parts look different; see make pictures"


def test_the_design_system_shuts_nobody_out(drawn: Page) -> None:
    assert violations(drawn) == []
