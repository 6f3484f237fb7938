import assert from "node:assert/strict";
import { test } from "node:test";

import { commonest } from "../src/group/group_waits.js";

test("the reasons that most jobs have are told, and no more than three", () => {
  const of = (/** @type {string[]} */ reasons) => commonest(reasons.map((reason) => ({ reason })));
  assert.deepEqual(of(["held", "its turn", "its turn"]), [{ reason: "its turn", count: 2 }, { reason: "held", count: 1 }]);
  assert.equal(of(["a", "b", "c", "d"]).length, 3);
  assert.deepEqual(of([""]), []);
  assert.deepEqual(commonest([{}]), []);
});
