/** Time limits as people write them. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { compact, seconds, shortest, spelled, standard } from "../src/submit/duration.js";

for (const [text, expected, sent] of /** @type {const} */ ([
  ["90", 90, "90"],
  ["90s", 90, "90s"],
  ["90m", 5400, "90m"],
  ["1.5h", 5400, "1.5h"],
  [" 2h30m ", 9000, "150m"],
  ["2h 30m", 9000, "150m"],
  ["2 hours 30 minutes", 9000, "150m"],
  ["1d12h", 129_600, "36h"],
  ["2D", 172_800, "2d"],
  ["1h1m1s", 3661, "3661s"],
  ["1:30", 90, "90s"],
  ["1:30:00", 5400, "90m"],
  ["2-12:00:00", 216_000, "60h"],
  ["1-06:30", 109_800, "1830m"],
  ["500ms", 0.5, "500ms"],
  ["0", 0, "0"],
  ["0:00", 0, "0s"],
])) {
  test(`${text} is ${expected} seconds`, () => {
    assert.equal(seconds(text), expected);
    assert.equal(standard(text), sent);
  });
}

for (const text of ["", "soon", "30m2h", "1h1h", "-5m", "1:60", "1:2:3:4", "5 minutes ago", "h", "9".repeat(65)]) {
  test(`${text.slice(0, 12)} is no time limit, and left to the service`, () => {
    assert.equal(seconds(text), undefined);
    assert.equal(standard(text), text);
  });
}

test("a duration is spelled in all its units", () => {
  assert.deepEqual([0, 59, 5400, 93_784].map(spelled), ["0s", "59s", "1h 30m", "1d 2h 3m 4s"]);
});

test("a duration is shortest in its largest whole unit", () => {
  assert.deepEqual([0, 90, 5400, 172_800, 0.5].map(shortest), ["0s", "90s", "90m", "2d", "0.5"]);
});

test("a limit is written as people type it", () => {
  assert.deepEqual([9000, 90, 5400, 172_800, 93_784, 0].map(compact), ["2h30m", "1m30s", "1h30m", "2d", "1d2h3m4s", "0s"]);
  for (const it of [9000, 90, 5400, 172_800, 93_784]) assert.equal(seconds(compact(it)), it);
});
