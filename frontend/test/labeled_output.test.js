import assert from "node:assert/strict";
import { test } from "node:test";

import { Blocks, MAX_CHARACTERS, MAX_JOBS } from "../src/job/labeled_output.js";

test("lines are put together by their job, wherever the pieces end", () => {
  const blocks = new Blocks();
  for (const piece of ["f2: one", "\nf2: two\nf", "3: a: b\n", "f3: last"]) blocks.take(piece);
  blocks.finish();
  assert.deepEqual(blocks.all, [{ id: "f2", text: "one\ntwo" }, { id: "f3", text: "a: b\nlast" }]);
  assert.ok(!blocks.isFull);
});

test("a line without the ID of a job is kept", () => {
  const blocks = new Blocks();
  blocks.take("no label\n");
  assert.deepEqual(blocks.all, [{ id: "", text: "no label" }]);
});

test("a page shows so many characters and jobs", () => {
  const many = new Blocks();
  for (let job = 0; job <= MAX_JOBS; job++) many.take(`f${"1".repeat((job % 9) + 1)}${job % 2 ? "A" : "B"}: x\n`);
  assert.equal(many.all.length, MAX_JOBS);
  assert.ok(many.isFull);
  const long = new Blocks();
  long.take(`f2: ${"x".repeat(MAX_CHARACTERS)}\n`);
  assert.deepEqual([long.all.length, long.isFull], [0, true]);
  const endless = new Blocks();
  endless.take("x".repeat(MAX_CHARACTERS + 1));
  assert.ok(endless.isFull);
});
