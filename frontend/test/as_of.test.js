import assert from "node:assert/strict";
import { test } from "node:test";

import { asOf, canChange } from "../src/channel/as_of.js";

/** @param {Record<string, string>} dataset */
const page = (dataset) => {
  /** @type {any} */ (globalThis).document = { body: { dataset } };
};

/** @param {object} [more] @returns {any} */
const state = (more) => ({ phase: "live", since: 5000, instanceLost: false, lostSince: NaN, ended: "", ...more });

const isNow = (/** @type {number} */ seconds) => Math.abs(seconds - Date.now() / 1000) < 60;

test("time goes on while the instance answers", () => {
  page({ state: "live" });
  assert.ok(isNow(asOf(state())));
  assert.ok(isNow(asOf(state({ phase: "catching up" }))));
  page({ state: "live", asOf: "30" });
  assert.ok(isNow(asOf(state())), "it answers again");
  assert.ok(canChange());
});

test("time stands still once the page hears nothing, or the instance does not answer", () => {
  page({ state: "waiting for Flux" });
  assert.equal(asOf(state({ phase: "cut off" })), 5);
  assert.equal(asOf(state({ instanceLost: true, lostSince: 40 })), 40);
  assert.ok(!canChange());
  page({ state: "connecting", asOf: "30" });
  assert.equal(asOf(state({ phase: "connecting" })), 30);
  assert.ok(!canChange(), "the page was made when it did not answer");
});

test("time stands still at the end of an instance", () => {
  page({ state: "ended" });
  assert.equal(asOf(state({ ended: "It has ended.", phase: "resting" })), 5);
  assert.ok(!canChange());
  page({ state: "ended", asOf: "30" });
  assert.equal(asOf(state({ ended: "It has ended.", phase: "resting" })), 30);
});
