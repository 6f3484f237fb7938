import assert from "node:assert/strict";
import { test } from "node:test";
import { followsOthers, resume, sourceOf } from "../src/job/sources.js";

/** @param {number} number */
const base = (number) => 2 ** 48 + (number - 1) * 2 ** 42;

test("an index tells its source", () => {
  assert.equal(sourceOf(0), 0);
  assert.equal(sourceOf(2 ** 48 - 1), 0);
  assert.equal(sourceOf(base(1)), 1);
  assert.equal(sourceOf(base(2) - 1), 1);
  assert.equal(sourceOf(base(1024) + 5), 1024);
});

test("each source is resumed after its last entry", () => {
  assert.deepEqual(resume(new Map([[0, 7]])), { from: 8 });
  assert.deepEqual(resume(new Map([[1, base(1) + 5]])), { from: 0, from_files: [base(1) + 6] });
});

test("an entry tells whether its file has bytes before it", () => {
  assert.equal(followsOthers({ index: base(1) + 3, data: "é\n" }), false);
  assert.equal(followsOthers({ index: base(1) + 4, data: "é\n" }), true);
  assert.equal(followsOthers({ index: base(3) + 1, data: "/w==", encoding: "base64" }), false);
  assert.equal(followsOthers({ index: base(3) + 2, data: "/w==", encoding: "base64" }), true);
});
