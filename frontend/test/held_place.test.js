/** The place of the output that holds still. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { HeldPlace } from "../src/job/held_place.js";

/** Return a screen in whose content a match of 14 pixels begins at pixel 1000, and its lines. */
function stage() {
  const screen = {
    clientHeight: 300,
    scrollTop: 850,
    scrollHeight: 5000,
    getBoundingClientRect: () => ({ top: 0, height: screen.clientHeight }),
    querySelector: () => match,
  };
  const match = { getBoundingClientRect: () => ({ top: 1000 - screen.scrollTop, height: 14 }), scrollIntoView: () => {} };
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
