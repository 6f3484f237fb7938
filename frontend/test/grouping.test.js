import assert from "node:assert/strict";
import { test } from "node:test";

import { Grouping, isHead } from "../src/table/grouping.js";
import { row } from "../src/table/rows.js";

/** @typedef {import("../src/table/rows.js").Row} Row */

/** @param {string} id @param {object} [more] */
const job = (id, more = {}) => row({ id, revision: 1, state: "RUN", status: "RUN", t_submit: 1, ...more });

/** @param {Row} it */
const shown = (it) => (isHead(it) ? { id: it.id, name: it.name, note: it.note, status: it.status, ...it.summary, waiting: it.summary.waiting.length } : { id: it.id, state: it.state });

/** @param {number} seed */
const randomly = (seed) => () => (seed = (seed * 16807) % 2147483647) / 2147483647;

const ENDS = [{ state: "SCHED" }, { state: "RUN" }, { state: "INACTIVE", result: "COMPLETED" }, { state: "INACTIVE", result: "FAILED" }];

for (const isOn of [true, false]) {
  test(`rows and counts are those of a new view while jobs come, change and go; groups: ${isOn}`, () => {
    const random = randomly(7);
    const key = (/** @type {Row} */ it) => it.t_submit;
    const passes = (/** @type {Row} */ it) => it.ntasks > 1;
    const open = new Set(["g1"]);
    const kept = new Grouping(key, true, passes, { isOn, open });
    kept.fill([]);
    /** @type {Map<string, Row>} */
    const all = new Map();
    for (let step = 0; step < 2000; step++) {
      const number = Math.floor(random() * 40);
      const id = `f${number}`;
      const before = all.get(id);
      const after = random() < 0.25 ? undefined : job(id, {
        ...ENDS[Math.floor(random() * ENDS.length)],
        group: number % 4 ? `g${number % 4}` : "",
        name: "sim",
        t_submit: number,
        ntasks: Math.floor(random() * 5),
      });
      kept.change(before, after);
      if (after) all.set(id, after);
      else all.delete(id);
      if (random() < 0.05) kept.toggle(`g${Math.floor(random() * 4)}`);
      if (random() < 0.5) continue;
      kept.settle();
      const fresh = new Grouping(key, true, passes, { isOn, open });
      fresh.fill(all.values());
      const passing = [...all.values()].filter(passes);
      assert.equal(kept.size, passing.length);
      assert.equal(fresh.size, passing.length);
      assert.deepEqual(new Set(kept.jobs().map(({ id }) => id)), new Set(passing.map(({ id }) => id)));
      // A row of a group keeps the newest time that it ever had, so that it stays in its place.
      const sorted = (/** @type {Grouping} */ it) => it.rows.map(shown).sort((a, b) => (a.id < b.id ? -1 : 1));
      assert.deepEqual(sorted(kept), sorted(fresh));
      assert.equal(kept.hasGroups, isOn && kept.rows.some(isHead));
    }
  });
}

test("a group is one row until it is opened", () => {
  const view = new Grouping((it) => it.t_submit, true, undefined, { isOn: true, open: new Set() });
  const jobs = ["f1", "f2", "f3"].map((id, at) => job(id, { group: "g1", group_name: "sweep", t_submit: at }));
  view.fill([...jobs, job("f4", { t_submit: 9 }), job("f5", { group: "g2", t_submit: 8 })]);
  assert.deepEqual(view.rows.map(({ id }) => id), ["f4", "f5", "g1"]);
  const head = view.head("g1");
  assert.ok(head && isHead(head));
  assert.equal(head.name, "sweep");
  assert.equal(head.note, "3 running");
  assert.deepEqual([...view.members(head)].sort(), ["f1", "f2", "f3"]);
  view.toggle("g1");
  assert.deepEqual(view.rows.map(({ id }) => id), ["f4", "f5", "g1", "f3", "f2", "f1"]);
  view.change(jobs[2], undefined);
  view.change(jobs[1], undefined);
  view.settle();
  assert.deepEqual(view.rows.map(({ id }) => id), ["f4", "f5", "f1"]);
});

test("jobs of different names are said to be", () => {
  const view = new Grouping((it) => it.t_submit, true, undefined, { isOn: true, open: new Set() });
  view.fill([job("f1", { group: "g1", name: "a" }), job("f2", { group: "g1", name: "b" })]);
  assert.equal(view.rows[0]?.name, "a …");
});

test("the row of a group that shows the same as before has not changed", () => {
  const view = new Grouping((it) => it.t_submit, true, undefined, { isOn: true, open: new Set() });
  const jobs = ["f1", "f2"].map((id, at) => job(id, { group: "g1", group_name: "sweep", t_submit: at }));
  view.fill(jobs);
  const revision = () => view.head("g1")?.revision;
  const first = revision();
  // A page that has all rows gets them once more as it begins to follow them.
  for (const it of jobs) view.change(it, it);
  view.settle();
  assert.equal(revision(), first);
  view.change(jobs[0], job("f1", { group: "g1", group_name: "sweep", t_submit: 0, state: "INACTIVE", result: "COMPLETED" }));
  view.settle();
  assert.notEqual(revision(), first);
});
