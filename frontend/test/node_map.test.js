import assert from "node:assert/strict";
import { test } from "node:test";

import { count, kind, layout, together } from "../src/nodes/node_map.js";

/** @param {"up" | "down" | "drained" | "excluded"} state @param {number} allocated @param {number} total */
const node = (state, allocated, total = 8) => ({
  rank: 0, name: "a", state, allocated: allocated > 0, cores: { total, allocated }, gpus: { total: 0, allocated: 0 },
});

test("a square says how much of a node is taken", () => {
  assert.deepEqual([0, 1, 4, 8].map((taken) => kind(node("up", taken))), ["free", "some", "most", "full"]);
});

test("a node of which no cores are known is taken or not", () => {
  assert.deepEqual([0, 1].map((taken) => kind(node("up", taken, 0))), ["free", "full"]);
});

test("trouble comes before use", () => {
  assert.equal(kind(node("drained", 8)), "drained");
});

test("the legend has what there is, trouble last", () => {
  const nodes = [node("down", 0), node("up", 0), node("up", 8), node("up", 0)];
  assert.deepEqual(count(nodes), [
    { kind: "full", number: 1 }, { kind: "free", number: 2 }, { kind: "down", number: 1 },
  ]);
});

test("few nodes are large, many are small, on a phone smaller", () => {
  assert.deepEqual(layout(4, 1200), { size: 24, share: 1 });
  const [wide, narrow] = [layout(1000, 1200), layout(1000, 340)];
  assert.ok(wide.size > narrow.size);
  assert.deepEqual([wide.share, narrow.share], [1, 1]);
  assert.ok(Math.ceil(1000 / Math.floor(340 / narrow.size)) * narrow.size <= 150);
});

test("a picture has a bound: of very many nodes, several share a square", () => {
  for (const width of [340, 1200]) {
    const { size, share } = layout(30_000, width);
    assert.ok(share > 1);
    assert.ok(Math.ceil(Math.ceil(30_000 / share) / Math.floor(width / size)) * size <= 150);
  }
});

test("a shared square says the worst, else what is in use of all", () => {
  assert.equal(together([node("up", 8), node("drained", 0), node("down", 0)]), "down");
  assert.equal(together([node("up", 8), node("up", 0)]), "most");
  assert.equal(together([node("up", 1), node("up", 0)]), "some");
  assert.equal(together([node("up", 0), node("up", 0)]), "free");
});
