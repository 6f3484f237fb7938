/** The job IDs that the palette recognizes, and the order of its results. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { best, isJobId, score, words } from "../src/palette/matches.js";

test("a job ID is known in every form of RFC 19", () => {
  const forms = ["ƒ2QK3Zz", "f2QK3Zz", "1234", "0x4d2", "0000.0000.0000.04d2", "job.0000.0000.0000.04d2", "fuel-hair-alarm--academy-academy-academy", "😃🚀", " f1 "];
  for (const form of forms) assert.ok(isJobId(form), form);
  for (const text of ["", "train", "train-resnet", "f0Ol", "0x", "a b", "job.0000", "123456789012345678901"]) assert.ok(!isJobId(text), text);
});

test("words that begin words come before words that are inside", () => {
  const wanted = words("No");
  assert.equal(score("Nodes", wanted), 3);
  assert.equal(score("Page of nodes", wanted), 2);
  assert.equal(score("piano", wanted), 1);
  assert.equal(score("jobs", wanted), 0);
  const all = ["piano", "of nodes", "Nodes", "x"];
  assert.deepEqual(best(all, (it) => it, wanted), ["Nodes", "of nodes", "piano"]);
  assert.deepEqual(best(all, (it) => it, wanted, { least: 2, most: 1 }), ["Nodes"]);
});

test("each word has to match", () => {
  assert.equal(score("Theme: Dark", words("dark theme")), 2);
  assert.equal(score("Theme: Dark", words("dark times")), 0);
});
