/** The time limit of a job that asks for none. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { defaultLimit } from "../src/submit/default_limit.js";

/** @param {Record<string, number>} limits */
const hint = (limits, queue = "", fallback = "") => defaultLimit(limits, queue, fallback).hint;

test("a job that asks for no time limit gets the default of its queue", () => {
  const limits = { batch: 600, debug: 90, endless: 0 };
  assert.deepEqual([hint(limits, "", "batch"), hint(limits, "debug", "batch"), hint(limits, "endless")], ["10m by default", "1m 30s by default", "No limit"]);
  assert.equal(defaultLimit(limits, "debug", "batch").zero, "1m 30s, the default of queue debug");
  assert.deepEqual([hint({ "": 600 }), hint({ "": 0 })], ["10m by default", "No limit"]);
});

test("nothing is said of a queue that is not known, unless all agree", () => {
  assert.deepEqual([hint({ batch: 600, debug: 90 }), hint({ batch: 600 }, "nope"), hint({})], ["", "10m by default", ""]);
  assert.equal(hint({ batch: 600, debug: 600 }), "10m by default");
});
