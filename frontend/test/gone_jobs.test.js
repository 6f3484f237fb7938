import assert from "node:assert/strict";
import { test } from "node:test";

import { idsIn, without } from "../src/submit/gone_jobs.js";

test("the jobs of dependencies are found, and taken out with their lines", () => {
  const text = "afterok:f1\nsingleton\n afterany:f2?x=1\nafter:f1\nstring:f3";
  assert.deepEqual(idsIn(text), ["f1", "f2"]);
  assert.equal(without(text, ["f1"]), "singleton\n afterany:f2?x=1\nstring:f3");
  assert.equal(without(text, []), text);
});
