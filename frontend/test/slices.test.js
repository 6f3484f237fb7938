import assert from "node:assert/strict";
import { test } from "node:test";

import { Grouping } from "../src/table/grouping.js";
import { row } from "../src/table/rows.js";
import { atOnce, inSlices, sorting } from "../src/table/slices.js";

/** Return numbers that are the same each time. @param {number} count */
function numbers(count) {
  let seed = 7;
  return Array.from({ length: count }, () => (seed = (seed * 16807) % 2147483647) % 1000);
}

/** @template T @param {Generator<unknown, T, undefined>} steps @returns {T} */
function result(steps) {
  for (;;) {
    const { done, value } = steps.next();
    if (done) return /** @type {T} */ (value);
  }
}

for (const count of [0, 1, 3999, 4000, 4001, 50_001]) {
  test(`a sort in steps is a sort: ${count}`, () => {
    const items = numbers(count).map((value, index) => ({ value, index }));
    const compare = (/** @type {{ value: number }} */ a, /** @type {{ value: number }} */ b) => a.value - b.value;
    // It is stable, too.
    assert.deepEqual(result(sorting(items, compare)), [...items].sort(compare));
  });
}

test("sorted rows are not compared one by one", () => {
  let compared = 0;
  const compare = (/** @type {number} */ a, /** @type {number} */ b) => {
    compared++;
    return a - b;
  };
  const items = Array.from({ length: 40_000 }, (_, index) => -index);
  assert.deepEqual(result(sorting(items, compare)), [...items].reverse());
  assert.ok(compared < 41_000, String(compared));
});

test("slices let others in, and end when nobody waits anymore", async () => {
  let steps = 0;
  const work = function* () {
    for (;;) {
      const until = performance.now() + 3;
      while (performance.now() < until);
      steps++;
      yield;
    }
  };
  let wasLetIn = false;
  setTimeout(() => (wasLetIn = true));
  assert.equal(await inSlices(work(), () => wasLetIn && steps > 1), false);
  assert.equal(await inSlices([1, 2, 3], () => false), true);
});

test("rows that are ordered in slices are those that are ordered at once", async () => {
  const all = numbers(30_000).map((ntasks, index) =>
    row({ id: `f${index}`, revision: 1, state: "RUN", status: "RUN", ntasks, t_submit: index, group: index % 50 ? "" : `g${index % 7}` }));
  const made = () => new Grouping((it) => it.ntasks, true, (it) => it.ntasks % 3 !== 0, { isOn: true, open: new Set() });
  const [once, sliced] = [made(), made()];
  atOnce(once.filling(all));
  assert.equal(await inSlices(sliced.filling(all), () => false), true);
  assert.equal(sliced.size, once.size);
  assert.deepEqual(sliced.rows.map(({ id }) => id), once.rows.map(({ id }) => id));
});
