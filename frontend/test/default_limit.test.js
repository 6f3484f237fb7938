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

test("a default that the queue does not allow is no default", () => {
  const limits = { batch: 14_400, debug: 14_400, short: 600, free: 0, open: 0 };
  const maxima = { batch: 0, debug: 3600, short: 3600, free: 3600, open: 0 };
  const words = (/** @type {string} */ queue) => defaultLimit(limits, queue, "batch", maxima);
  assert.deepEqual(["", "debug", "short", "free", "open"].map((queue) => words(queue).hint), ["4h by default", "Required, up to 1h", "10m, up to 1h", "Required, up to 1h", "No limit"]);
  assert.equal(words("debug").from, "The default, 4h, is longer.");
  assert.equal(words("debug").zero, "Required, up to 1h");
  assert.equal(words("debug").help, "Queue debug requires a time limit of up to 1h. The default, 4h, is longer.");
  assert.equal(words("free").help, "Queue free requires a time limit of up to 1h.");
  assert.equal(defaultLimit({ "": 0 }, "", "", { "": 60 }).help, "A time limit of up to 1m is required.");
  assert.equal(words("nope").hint, "");
});

test("nothing is said of a queue that is not known, unless all agree", () => {
  assert.deepEqual([hint({ batch: 600, debug: 90 }), hint({ batch: 600 }, "nope"), hint({})], ["", "10m by default", ""]);
  assert.equal(hint({ batch: 600, debug: 600 }), "10m by default");
});
