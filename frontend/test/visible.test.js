import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { escaped, ordered, visible } from "../src/ui/visible.js";

/** @type {[string, string][]} */
const CASES = JSON.parse(readFileSync(new URL("visible.json", import.meta.url), "utf8"));

for (const [text, shown] of CASES) {
  test(`${JSON.stringify(text)} is shown as text`, () => {
    assert.equal(visible(text), shown);
  });
}

test("lines may stay lines", () => {
  assert.equal(visible("a\n\tb\r", { lines: true }), "a\n\tb⟨U+000D⟩");
});

test("a long text is cut, and no half of a character is left", () => {
  assert.equal(visible("x".repeat(90_000), { most: 3 }), "xxx …");
  assert.equal(visible("\ud83d\ude00", { most: 1 }), "\ufffd …");
  assert.equal(visible("a\ud800b"), "a\ufffdb");
});

test("escaped JSON says the same", () => {
  const json = JSON.stringify({ name: "\u202eabc\u009b\u2028\u007f <b>" });
  assert.doesNotMatch(escaped(json), /[\u0080-\u009f\u2028\u202e]/);
  assert.deepEqual(JSON.parse(escaped(json)), JSON.parse(json));
});

test("output keeps its letters, but not their overrides", () => {
  assert.equal(ordered("שלום \u202eabc"), "שלום ⟨U+202E⟩abc");
});
