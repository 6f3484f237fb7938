import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { duration } from "../src/ui/format.js";

/** Durations and their texts, which tests/model/test_duration.py tests, too. */
const CASES = JSON.parse(readFileSync(new URL("durations.json", import.meta.url), "utf8"));

for (const [seconds, text] of CASES) test(`${seconds} seconds are ${text}`, () => assert.equal(duration(seconds), text));

test("an unknown duration has no text", () => {
  assert.deepEqual([NaN, Infinity, -Infinity].map(duration), ["", "", ""]);
});
