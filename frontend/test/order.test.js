import assert from "node:assert/strict";
import { test } from "node:test";

import { Order } from "../src/table/order.js";
import { read, refused, test as filter, write } from "../src/table/filters.js";
import { hosts } from "../src/ui/hosts.js";
import { row } from "../src/table/rows.js";

/** @param {string} id @param {object} [more] */
const job = (id, more = {}) => row({ id, revision: 1, state: "RUN", status: "RUN", t_submit: 1, ...more });

test("rows stay in order while they come, change and go", () => {
  const order = new Order((r) => r.ntasks, true, (r) => r.state === "RUN");
  /** @type {Map<string, import("../src/table/rows.js").Row>} */
  const all = new Map();
  let seed = 7;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let step = 0; step < 3000; step++) {
    const id = `f${Math.floor(random() * 60)}`;
    const before = all.get(id);
    const after = random() < 0.2 ? undefined : job(id, {
      ntasks: random() < 0.1 ? undefined : Math.floor(random() * 9),
      state: random() < 0.7 ? "RUN" : "SCHED",
    });
    order.change(before, after);
    if (after) all.set(id, after);
    else all.delete(id);
    const fresh = new Order((r) => r.ntasks, true, (r) => r.state === "RUN");
    fresh.fill(all.values());
    assert.deepEqual(order.rows.map((r) => r.id), fresh.rows.map((r) => r.id));
  }
});

test("a view survives its address", () => {
  const query = new URLSearchParams("state=RUN&state=SCHED&user=alice&text=a%20b");
  const filters = read(query);
  assert.deepEqual(filters, { state: "RUN,SCHED", user: "alice", text: "a b" });
  assert.deepEqual(read(new URLSearchParams(write(filters, { key: "name", down: false }))), filters);
});

test("filters say what passes", () => {
  const passes = filter({ state: "pending", name: "train*", node: "node07" });
  assert.ok(passes?.(job("f1", { state: "SCHED", name: "training", nodelist: "node[01-08]" })));
  assert.ok(!passes?.(job("f1", { state: "RUN", name: "training", nodelist: "node[01-08]" })));
  assert.ok(!passes?.(job("f1", { state: "SCHED", name: "training", nodelist: "node[1-8]" })));
  assert.equal(filter({}), undefined);
});

test("a find takes several words, spaces around, ids as Flux shows them and what Note shows", () => {
  const it = job("f2QK", { name: "train-big", username: "ada", state: "INACTIVE", result: "FAILED", waitstatus: 768, t_run: 1 });
  for (const text of [" f2QK ", "ƒ2QK", "big ada", "ADA\tTrain", "exit code 3"]) assert.ok(filter({ text })?.(it), text);
  assert.ok(!filter({ text: "big bob" })?.(it));
  assert.ok(filter({ text: "4 nodes" }, () => "waits for 4 nodes")?.(it));
  assert.equal(filter({ text: "  " }), undefined);
});

test("a name is a part of it, or with * its beginning", () => {
  const it = job("f1", { name: "pre-Train" });
  assert.deepEqual(["train", " pre ", "pre*", "train*", "x"].map((name) => filter({ name })?.(it)), [true, true, true, false, false]);
});

test("an unknown state or result is refused", () => {
  assert.deepEqual(refused({ state: "nosuch" }), ["state"]);
  assert.deepEqual(refused({ state: "run,pending", result: "FAILED,x", name: "x" }), ["result"]);
});

test("a row goes although its test no longer passes", () => {
  let passes = true;
  const order = new Order((r) => r.ntasks, true, () => passes);
  order.fill([job("f1", { ntasks: 1 })]);
  passes = false;
  order.change(order.rows[0], job("f1", { ntasks: 2 }));
  assert.deepEqual(order.rows, []);
});

test("host lists are read as RFC 29 has them", () => {
  assert.deepEqual([...hosts("a[1-2,10],b,c[007]x")], ["a1", "a2", "a10", "b", "c007x"]);
});
