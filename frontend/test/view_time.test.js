process.env["TZ"] = "UTC";

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { moves, viewTime } from "../src/table/view_time.js";

/** Texts, whether they end a range, and what they mean, which tests/model/test_view_time.py tests, too. */
const { now, cases } = JSON.parse(readFileSync(new URL("view_times.json", import.meta.url), "utf8"));
for (const [text, isEnd, expected] of cases) {
  test(`a time: ${JSON.stringify(text)}${isEnd ? ", the end" : ""}`, () => assert.equal(viewTime(text, now, isEnd), expected ?? undefined));
}

test("a duration before now moves on, a day stays", () => {
  assert.deepEqual(["2h", "-1d", "2026-11-20", "1795000000", "today"].map(moves), [true, true, false, false, false]);
});

test("a day is that of the reader", () => {
  process.env["TZ"] = "America/New_York";
  try {
    assert.equal(viewTime("2026-11-20", now), 1795132800 + 5 * 3600);
    assert.equal(viewTime("2026-11-20T08:30Z", now), 1795163400);
  } finally {
    process.env["TZ"] = "UTC";
  }
});
