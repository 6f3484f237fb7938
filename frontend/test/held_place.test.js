/** The place of the output that holds still. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { HeldPlace } from "../src/job/held_place.js";

/** Pixels that the page was scrolled by. */
let scrolled = 0;
Object.assign(globalThis, { innerHeight: 800, scrollBy: (/** @type {{ top: number }} */ { top }) => (scrolled += top) });

/** Return a screen in whose content a match of 14 pixels begins at pixel 1000, and its lines.
 * @param {number} [edge] the upper edge of the screen in the window
 */
function stage(edge = 0) {
  scrolled = 0;
  const screen = {
    clientHeight: 300,
    scrollTop: 850,
    scrollHeight: 5000,
    getBoundingClientRect: () => ({ top: edge, height: screen.clientHeight, bottom: edge + screen.clientHeight }),
    querySelector: () => match,
  };
  const match = { getBoundingClientRect: () => ({ top: edge + 1000 - screen.scrollTop, height: 14, bottom: edge + 1014 - screen.scrollTop }), scrollIntoView: () => {} };
  const view = { lines: [], elementOf: () => undefined, numberOf: () => undefined, find: () => undefined };
  const held = new HeldPlace(/** @type {any} */ (screen), /** @type {any} */ (view));
  const isSeen = () => screen.scrollTop <= 1000 && 1014 <= screen.scrollTop + screen.clientHeight;
  return { screen, match, held, isSeen };
}

test("a match stays in sight when the screen is scrolled before it is told that it is lower", () => {
  const { screen, match, held, isSeen } = stage();
  held.resized(false);
  held.reveal(/** @type {any} */ (match));
  screen.clientHeight = 120;
  assert.ok(!isSeen());
  held.note();
  held.resized(false);
  assert.ok(isSeen());
});

test("a reader who scrolls the match away is not taken back to it", () => {
  const { screen, match, held, isSeen } = stage();
  held.resized(false);
  held.reveal(/** @type {any} */ (match));
  screen.scrollTop = 3000;
  held.note();
  screen.clientHeight = 120;
  held.resized(false);
  assert.ok(!isSeen());
});

test("a match at the edge of the screen, or of the window, is brought to the middle", () => {
  for (const scrollTop of [720, 990]) {
    const { screen, match, held } = stage();
    Object.assign(screen, { scrollTop });
    held.reveal(/** @type {any} */ (match));
    assert.deepEqual([screen.scrollTop, scrolled], [857, 0]);
  }
  // The lower half of the screen is below the window.
  const { screen, match, held } = stage(650);
  held.reveal(/** @type {any} */ (match));
  assert.deepEqual([screen.scrollTop, scrolled], [850, 650 + 150 + 7 - 400]);
});
