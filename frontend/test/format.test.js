import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { duration, moment } from "../src/ui/format.js";

/** Durations and their texts, which tests/model/test_duration.py tests, too. */
const CASES = JSON.parse(readFileSync(new URL("durations.json", import.meta.url), "utf8"));

for (const [seconds, text] of CASES) test(`${seconds} seconds are ${text}`, () => assert.equal(duration(seconds), text));

test("an unknown duration has no text", () => {
  assert.deepEqual([NaN, Infinity, -Infinity].map(duration), ["", "", ""]);
});

test("a moment of another day tells the day, before today and after it", () => {
  const now = Date.UTC(2026, 5, 15, 12) / 1000;
  const days = [-3, 0, 3].map((by) => moment(now + by * 86_400, now));
  assert.deepEqual(days.map((text) => /Jun/.test(text)), [true, false, true]);
});

test("a moment of yesterday tells the day, however short ago it is", () => {
  const midnight = new Date(2026, 5, 15).getTime() / 1000;
  assert.match(moment(midnight - 150, midnight + 220), /Jun 14/);
  assert.doesNotMatch(moment(midnight + 10, midnight + 80_000), /Jun/);
  assert.match(moment(midnight + 86_400, midnight + 80_000), /Jun 16/);
});
