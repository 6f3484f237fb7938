import assert from "node:assert/strict";
import { test } from "node:test";

import { next, read, sorted } from "../src/nodes/node_order.js";

/** @typedef {import("../src/nodes/nodes.js").Node} Node */

/** @param {number} rank @param {string} name @param {number} allocated @returns {Node} */
const node = (rank, name, allocated) => ({
  rank, name, state: "up", allocated: allocated > 0, cores: { total: 8, allocated }, gpus: { total: 0, allocated: 0 },
});
const NODES = [node(0, "node10", 2), node(1, "node9", 8), node(2, "login", 2)];
const order = (/** @type {string} */ text) =>
  sorted(NODES, text, { jobs: ({ rank }) => rank % 2, queues: () => [] }).map(({ rank }) => rank);

test("names are sorted by their numbers", () => {
  assert.deepEqual(order("name"), [2, 1, 0]);
  assert.deepEqual(order("-name"), [0, 1, 2]);
});

test("nodes with the same value stay in the order of their ranks, both ways", () => {
  assert.deepEqual(order("cores"), [0, 2, 1]);
  assert.deepEqual(order("-cores"), [1, 0, 2]);
  assert.deepEqual(order("-jobs"), [1, 0, 2]);
});

test("an address may hold anything", () => {
  assert.deepEqual(read("-cores"), { key: "cores", down: true });
  assert.equal(read("--cores"), undefined);
  assert.equal(read("constructor"), undefined);
  assert.deepEqual(order("<b>"), [0, 1, 2]);
});

test("a heading sorts its own way first, then the other, then as the page does", () => {
  assert.deepEqual(["", "name", "-name"].map((it) => next(it, "name")), ["name", "-name", ""]);
  assert.deepEqual(["", "-cores", "cores"].map((it) => next(it, "cores")), ["-cores", "cores", ""]);
  assert.equal(next("name", "cores"), "-cores");
});
