import assert from "node:assert/strict";
import { test } from "node:test";

import { typedAhead } from "../src/ui/typed_ahead.js";

/** @param {EventTarget} page @param {string} key @param {object} [more] whether the page itself hears it */
function press(page, key, more = {}) {
  const event = Object.assign(new Event("keydown", { cancelable: true }), { key, ctrlKey: false, metaKey: false, altKey: false, isComposing: false, ...more });
  page.dispatchEvent(event);
  return !event.defaultPrevented;
}

test("letters that are typed before a field is there are kept for it", () => {
  const page = new EventTarget();
  const stop = typedAhead(page);
  assert.deepEqual(["a", "b", "Backspace", "é"].map((key) => press(page, key)), [false, false, false, false]);
  assert.deepEqual([press(page, "k", { ctrlKey: true }), press(page, "Tab")], [true, true]);
  assert.deepEqual(stop(), { text: "aé", isCanceled: false });
  assert.equal(press(page, "x"), true);
});

test("Escape takes the wish back", () => {
  const page = new EventTarget();
  const stop = typedAhead(page);
  press(page, "Escape");
  assert.equal(stop().isCanceled, true);
});
