import assert from "node:assert/strict";
import { test } from "node:test";

import { duration } from "../src/ui/format.js";
import { CHARTS } from "../src/charts/past.js";
import { brief } from "../src/charts/sentences.js";
import { COUNTS, endOf, labels, RATES, SECONDS } from "../src/charts/ticks.js";

/** @param {number} step */
const splits = (step) => Array.from({ length: 6 }, (_, index) => index * step);

test("no tick says what another says", () => {
  /** @type {[number[], (value: number) => string][]} */
  const charts = [[COUNTS, (it) => it.toLocaleString()], [RATES, brief], [SECONDS, (it) => (it ? duration(it) : "0s")]];
  for (const [steps, text] of charts) {
    for (const step of steps) {
      const said = splits(step).map(text);
      assert.equal(new Set(said).size, said.length, `${step}: ${said}`);
    }
  }
});

test("equal labels are shown once", () => {
  assert.deepEqual(labels([0, 0.01, 0.02, 0.1], brief), ["0", "0.0", "", "0.1"]);
  assert.deepEqual(labels([-1e-12, 1], (it) => `${Math.round(it)}%`), ["0%", "1%"]);
});

test("each scale of the history has steps that its numbers can be written in", () => {
  for (const { title, text, incrs, high } of CHARTS) {
    for (const step of high === undefined ? (incrs ?? [0.25]) : []) {
      const said = splits(step).map(text);
      assert.equal(new Set(said).size, said.length, `${title}: ${said}`);
      assert.ok(incrs, title);
    }
  }
});

test("a scale of core hours ends at the highest value, however small it is", () => {
  const chart = CHARTS.find(({ lines }) => lines.some(({ title }) => /core hours/i.test(title))) ?? {};
  assert.ok(endOf(chart, 0.004) < 0.005);
  assert.equal(endOf(chart, 0), 1);
  assert.equal(endOf({}, 0.004), 1);
  assert.equal(endOf({ high: 100 }, 3), 100);
});

test("a tick has no more digits than it needs", () => {
  assert.deepEqual(labels([0, 0.5, 1, 1.5], duration), ["0s", "0.5s", "1s", "1.5s"]);
  assert.deepEqual(labels([0, 10], (it) => `${it}`), ["0", "10"]);
});
