import assert from "node:assert/strict";
import { test } from "node:test";

import { newerOf, readNewer } from "../src/resubmit/newer.js";

const job = (/** @type {string} */ id, /** @type {string} */ cc, /** @type {number} */ at, name = "train") => ({ id, cc, t_submit: at, name, group: "g" });

test("a job with a newer one of its name and number is found", () => {
  const [one, two, three] = [job("f1", "1", 1), job("f2", "2", 1), job("f3", "3", 1)];
  const all = [one, two, three, job("f4", "1", 2), job("f5", "1", 3), job("f6", "2", 2, "other"), job("f7", "3", 0)];
  assert.deepEqual([...newerOf([one, two, three], all)], [["f1", "f5"]]);
  assert.equal(newerOf([job("f8", "", 1)], [job("f9", "", 2)]).size, 0);
});

test("jobs without numbers, and of several groups, are not looked for", async () => {
  let asked = 0;
  const call = async () => {
    asked++;
    return { jobs: [job("f2", "1", 2)] };
  };
  assert.equal((await readNewer([job("f1", "", 1)], call)).size, 0);
  assert.equal((await readNewer([job("f1", "1", 1), { ...job("f3", "1", 1), group: "h" }], call)).size, 0);
  assert.equal(asked, 0);
  assert.deepEqual([...(await readNewer([job("f1", "1", 1)], call))], [["f1", "f2"]]);
  assert.equal((await readNewer([job("f1", "1", 1)], async () => Promise.reject(new Error("gone")))).size, 0);
});
