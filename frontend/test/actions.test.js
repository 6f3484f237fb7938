import assert from "node:assert/strict";
import { test } from "node:test";

import { all, census, ending, reasons } from "../src/table/actions.js";
import { row } from "../src/table/rows.js";

const ids = Array.from({ length: 10 }, (_, n) => `f${n}`);

test("all are asked for, some at a time, and who failed is told", async () => {
  /** @type {number[]} */
  const told = [];
  const run = async (/** @type {string[]} */ some) => some.filter((id) => id === "f7").map((id) => ({ id, detail: "no" }));
  const { done, failed } = await all(ids, run, 4, new AbortController().signal, (count) => told.push(count));
  assert.deepEqual([done, failed, told], [10, [{ id: "f7", detail: "no" }], [4, 8, 10]]);
});

test("it stops when somebody says so", async () => {
  const stop = new AbortController();
  const { done } = await all(ids, async () => [], 4, stop.signal, () => stop.abort());
  assert.equal(done, 4);
});

test("a service that is gone is not asked for the rest", async () => {
  const run = async (/** @type {string[]} */ some) => some.map((id) => ({ id, detail: "The service cannot be reached." }));
  const { done, failed } = await all(ids, run, 4, new AbortController().signal, () => {});
  assert.deepEqual([done, failed.length], [4, 4]);
});

test("jobs are counted by the words of the page", () => {
  const of = (/** @type {string[]} */ states) => states.map((state, n) => row({ id: `f${n}`, revision: 1, state, status: state }));
  assert.equal(census(of(["SCHED", "RUN", "DEPEND"])), "1 running, 2 pending");
  assert.equal(census(of(["CLEANUP", "INACTIVE"])), "1 running, 1 ended");
});

test("a cancellation says what becomes of the jobs that there are", () => {
  const of = (/** @type {string[]} */ states) => ending(states.map((state, n) => row({ id: `f${n}`, revision: 1, state, status: state })));
  assert.equal(of(["SCHED", "DEPEND"]), "Pending jobs will not start.");
  assert.equal(of(["SCHED"]), "The pending job will not start.");
  assert.equal(of(["RUN", "RUN"]), "Running jobs will be ended.");
  assert.equal(of(["RUN", "SCHED"]), "Running jobs will be ended, pending jobs will not start.");
  assert.equal(of(["CLEANUP"]), "");
});

test("a reason that several jobs have is told once", () => {
  const failed = [1, 2, 3, 4, 5, 6, 7].map((it) => ({ id: `f${it}`, detail: it === 2 ? "odd" : "gone" }));
  assert.deepEqual(reasons(failed), ["f1, f3, f4, f5, f6 and 1 more: gone", "f2: odd"]);
  assert.deepEqual(reasons([]), []);
});
