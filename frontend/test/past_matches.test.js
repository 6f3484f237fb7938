import assert from "node:assert/strict";
import { test } from "node:test";

import { groupsLike } from "../src/table/past_matches.js";
import { row } from "../src/table/rows.js";

test("groups are found by a part of their name, or of that of their jobs if they have none", () => {
  const job = (/** @type {object} */ record) => row({ id: "fA", revision: 1, ...record });
  const rows = [
    job({ group: "g1", group_name: "train-sweep", name: "a" }),
    job({ group: "g1", group_name: "train-sweep", name: "b" }),
    job({ group: "g2", name: "Train" }),
    job({ group: "g3", group_name: "render", name: "train" }),
    job({ name: "train" }),
  ];
  assert.deepEqual([...groupsLike("train", rows)], [["train-sweep", "train-sweep"], ["g2", "Train"]]);
  assert.equal(groupsLike("nothing", rows).size, 0);
});
