import assert from "node:assert/strict";
import { test } from "node:test";

import { sorted } from "../src/nodes/node_order.js";
import { ids, matching, labels, queuesOf, RunningJobs, states } from "../src/nodes/nodes.js";

/** @typedef {import("../src/nodes/nodes.js").Node} Node */

/** @param {number} rank @param {Node["state"]} [state] @param {string} [name] @returns {Node} */
const node = (rank, state = "up", name = `node${rank}`) => ({
  rank, name, state, allocated: false, cores: { total: 4, allocated: 0 }, gpus: { total: 0, allocated: 0 },
});

/** @param {RunningJobs} running @param {Node} where */
const on = (running, where) => running.on(where).map((job) => job.id);

test("idsets are read as RFC 22 has them", () => {
  assert.deepEqual(ids("0-2,7"), [0, 1, 2, 7]);
  assert.deepEqual(ids("[3,5-6]"), [3, 5, 6]);
  assert.deepEqual(ids(""), []);
});

const known = { jobs: () => 0, queues: () => [] };
const ranks = (/** @type {Node[]} */ nodes) => nodes.map(({ rank }) => rank);
const filtered = (/** @type {Node[]} */ nodes, /** @type {Record<string, string>} */ filters, /** @type {import("../src/nodes/nodes.js").Queue[]} */ queues = []) =>
  ranks(matching(nodes, { state: "", text: "", queue: "", ...filters }, queues));

test("trouble comes first", () => {
  const nodes = [node(0), node(1, "excluded"), node(2, "drained"), node(3, "down"), node(4, "drained")];
  assert.deepEqual(ranks(sorted(nodes, "", known)), [3, 2, 4, 1, 0]);
  assert.deepEqual(filtered(nodes, { state: "drained", text: "ODE4" }), [4]);
});

test("a node that is down is found as drained, too", () => {
  const gone = { ...node(0, "down"), drained_at: 5 };
  const busy = { ...node(1, "down"), drained_at: 5, allocated: true };
  const nodes = [gone, busy, node(2, "down"), node(3, "drained"), node(4, "draining")];
  assert.deepEqual(filtered(nodes, { state: "drained", text: " " }), [0, 3]);
  assert.deepEqual(filtered(nodes, { state: "draining" }), [1, 4]);
  assert.deepEqual(filtered(nodes, { state: "down" }), [0, 1, 2]);
  assert.deepEqual(states(gone), ["down", "drained"]);
});

test("nodes are found by their properties, and by the queues that these give them", () => {
  const nodes = [{ ...node(0), properties: ["batch", "bigmem"] }, { ...node(1), properties: ["debug"] }, node(2)];
  const queues = [{ name: "large", requires: ["batch", "bigmem"] }, { name: "any", requires: [] }];
  assert.deepEqual(filtered(nodes, { text: "BIG" }), [0]);
  assert.deepEqual(filtered(nodes, { queue: "large" }, queues), [0]);
  assert.deepEqual(filtered(nodes, { queue: "any" }, queues), [0, 1, 2]);
  assert.deepEqual(filtered(nodes, { queue: "unknown" }, queues), []);
  assert.deepEqual(queuesOf(/** @type {Node} */ (nodes[0]), queues), ["large", "any"]);
});

test("jobs come to their nodes, move and go", () => {
  const running = new RunningJobs();
  assert.ok(running.take({ type: "job", id: "f1", ranks: "0-1" }));
  assert.ok(!running.take({ type: "job", id: "f1", ranks: "0-1", state: "CLEANUP" }));
  assert.ok(running.take({ type: "job", id: "f2", ranks: "1" }));
  assert.deepEqual([on(running, node(0)), on(running, node(1))], [["f1"], ["f1", "f2"]]);
  assert.ok(running.take({ type: "job", id: "f1", ranks: "2" }));
  assert.deepEqual([on(running, node(0)), on(running, node(2))], [[], ["f1"]]);
  assert.ok(running.take({ type: "gone", id: "f1" }));
  assert.ok(!running.take({ type: "gone", id: "f1" }));
  assert.deepEqual(on(running, node(2)), []);
});

test("brokers on one host are told apart; without ranks the host counts", () => {
  const running = new RunningJobs();
  running.take({ type: "job", id: "f1", ranks: "1", nodelist: "here" });
  running.take({ type: "job", id: "f2", nodelist: "here,there" });
  assert.deepEqual(on(running, node(0, "up", "here")), ["f2"]);
  assert.deepEqual(on(running, node(1, "up", "here")), ["f1", "f2"]);
});

test("a snapshot drops what it does not hold", () => {
  const running = new RunningJobs();
  running.take({ type: "job", id: "f1", ranks: "0" });
  running.take({ type: "job", id: "f2", ranks: "0" });
  assert.ok(!running.take({ type: "snapshot", first: true, more: true, jobs: [{ id: "f2", ranks: "0" }] }));
  assert.ok(running.take({ type: "snapshot", first: false, more: false, jobs: [] }));
  assert.deepEqual(on(running, node(0)), ["f2"]);
});

test("only brokers that share their host are named with their rank", () => {
  const at = (/** @type {number} */ rank, /** @type {string} */ name) => /** @type {any} */ ({ rank, name });
  const nodes = [at(0, "vm"), at(1, "vm"), at(2, "other")];
  assert.deepEqual(nodes.map(labels(nodes)), ["vm, rank 0", "vm, rank 1", "other"]);
});
