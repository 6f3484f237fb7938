import assert from "node:assert/strict";
import { test } from "node:test";

import { idsIn, refusal, without } from "../src/submit/gone_jobs.js";

test("the jobs of dependencies are found, and taken out with their lines", () => {
  const text = "afterok:f1\nsingleton\n afterany:f2?x=1\nafter:f1\nstring:f3";
  assert.deepEqual(idsIn(text), ["f1", "f2"]);
  assert.equal(without(text, ["f1"]), "singleton\n afterany:f2?x=1\nstring:f3");
  assert.equal(without(text, []), text);
});

test("an invalid job ID differs from a job that the instance does not have", () => {
  assert.equal(refusal([]), "");
  assert.match(refusal(["zq!"]), /^Not a job ID: zq!\. Enter one such as f2QK3Zz or 1234\.$/);
  const ids = ["f2QK3Zz", "ƒ2QK3Zz", "1234", "0x4d2", "0000.0000.0000.04d2", "job.0000.0000.0000.04d2", "academy-acrobat-active--actor-adam-admiral"];
  for (const id of ids) assert.match(refusal([id]), /The instance has no job /);
  assert.match(refusal(["f1", "zq!", "mesh"]), /^Not job IDs: zq!, mesh\..* has no job f1,/);
  assert.match(refusal(["a!", "b!", "c!", "d!", "e!"]), /^Not job IDs: a!, b!, c!, d! …\./);
});
