import assert from "node:assert/strict";
import { test } from "node:test";

import { arrange, ids, Placed, states } from "../src/nodes/nodes.js";

/** @typedef {import("../src/nodes/nodes.js").Node} Node */

/** @param {number} rank @param {Node["state"]} [state] @param {string} [name] @returns {Node} */
const node = (rank, state = "up", name = `node${rank}`) => ({
  rank, name, state, allocated: false, cores: { total: 4, allocated: 0 }, gpus: { total: 0, allocated: 0 },
});

/** @param {Placed} placed @param {Node} where */
const on = (placed, where) => placed.on(where).map((job) => job.id);

test("idsets are read as RFC 22 has them", () => {
  assert.deepEqual(ids("0-2,7"), [0, 1, 2, 7]);
  assert.deepEqual(ids("[3,5-6]"), [3, 5, 6]);
  assert.deepEqual(ids(""), []);
});

test("trouble comes first", () => {
  const nodes = [node(0), node(1, "excluded"), node(2, "drained"), node(3, "down"), node(4, "drained")];
  assert.deepEqual(arrange(nodes, { state: "", text: "" }).map(({ rank }) => rank), [3, 2, 4, 1, 0]);
  assert.deepEqual(arrange(nodes, { state: "drained", text: "ODE4" }).map(({ rank }) => rank), [4]);
});

test("a node that is down is found as drained, too", () => {
  const gone = { ...node(0, "down"), drained_at: 5 };
  const busy = { ...node(1, "down"), drained_at: 5, allocated: true };
  const nodes = [gone, busy, node(2, "down"), node(3, "drained"), node(4, "draining")];
  const found = (/** @type {string} */ state) => arrange(nodes, { state, text: " " }).map(({ rank }) => rank);
  assert.deepEqual(found("drained"), [0, 3]);
  assert.deepEqual(found("draining"), [1, 4]);
  assert.deepEqual(found("down"), [0, 1, 2]);
  assert.deepEqual(states(gone), ["down", "drained"]);
});

test("jobs come to their nodes, move and go", () => {
  const placed = new Placed();
  assert.ok(placed.take({ type: "job", id: "f1", ranks: "0-1" }));
  assert.ok(!placed.take({ type: "job", id: "f1", ranks: "0-1", state: "CLEANUP" }));
  assert.ok(placed.take({ type: "job", id: "f2", ranks: "1" }));
  assert.deepEqual([on(placed, node(0)), on(placed, node(1))], [["f1"], ["f1", "f2"]]);
  assert.ok(placed.take({ type: "job", id: "f1", ranks: "2" }));
  assert.deepEqual([on(placed, node(0)), on(placed, node(2))], [[], ["f1"]]);
  assert.ok(placed.take({ type: "gone", id: "f1" }));
  assert.ok(!placed.take({ type: "gone", id: "f1" }));
  assert.deepEqual(on(placed, node(2)), []);
});

test("brokers on one host are told apart; without ranks the host counts", () => {
  const placed = new Placed();
  placed.take({ type: "job", id: "f1", ranks: "1", nodelist: "here" });
  placed.take({ type: "job", id: "f2", nodelist: "here,there" });
  assert.deepEqual(on(placed, node(0, "up", "here")), ["f2"]);
  assert.deepEqual(on(placed, node(1, "up", "here")), ["f1", "f2"]);
});

test("a snapshot drops what it does not hold", () => {
  const placed = new Placed();
  placed.take({ type: "job", id: "f1", ranks: "0" });
  placed.take({ type: "job", id: "f2", ranks: "0" });
  assert.ok(!placed.take({ type: "snapshot", first: true, more: true, jobs: [{ id: "f2", ranks: "0" }] }));
  assert.ok(placed.take({ type: "snapshot", first: false, more: false, jobs: [] }));
  assert.deepEqual(on(placed, node(0)), ["f2"]);
});
