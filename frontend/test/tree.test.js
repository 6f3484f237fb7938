import assert from "node:assert/strict";
import { test } from "node:test";

import { Tree, compare } from "../src/instances/tree.js";

/** @param {string} path @param {string} [state] */
const message = (path, state = "closed") => ({ type: "instance", instance: { path, depth: 0, state } });

test("each instance is before those below it, by the IDs of their jobs", () => {
  const paths = ["", "f9", "f9/fA", "f9/fB", "fA1", "fA1/f2", "fB1"];
  for (const turn of [[...paths].reverse(), ["fB1", "f9/fB", "", "fA1/f2", "f9", "fA1", "f9/fA"]])
    assert.deepEqual(turn.sort(compare), paths);
});

test("the tree is what the stream tells, and complete with its first bookmark", () => {
  const tree = new Tree();
  const paths = () => tree.sorted().map(({ path, state }) => `${path} ${state}`);
  tree.take({ type: "subscribed" });
  assert.equal(tree.hasChanged, false);
  for (const path of ["", "fA", "fB"]) tree.take(message(path));
  assert.equal(tree.isComplete, false);
  tree.take({ type: "bookmark" });
  assert.equal(tree.isComplete, true);
  tree.hasChanged = false;
  tree.take({ type: "bookmark" });
  assert.equal(tree.hasChanged, false, "a bookmark is no change");
  tree.take(message("fA", "ready"));
  tree.take({ type: "instance-gone", path: "fB" });
  assert.equal(tree.hasChanged, true);
  assert.deepEqual(paths(), [" closed", "fA ready"]);
  tree.take({ type: "reset", reason: "epoch" });
  assert.deepEqual([tree.size, tree.isComplete], [0, false]);
  tree.take(message("fC"));
  tree.take({ type: "bookmark" });
  assert.deepEqual(paths(), ["fC closed"]);
});
