import assert from "node:assert/strict";
import { test } from "node:test";

import { stranded } from "../src/job/cancel_effects.js";

/** @param {import("../src/job/cancel_effects.js").Graph[]} graphs @param {string[]} ids */
const idsOf = (graphs, ids) => stranded(graphs, ids).map(({ id }) => id);

const graph = {
  jobs: [
    { id: "f1", status: "RUN" }, { id: "f2", status: "DEPEND" }, { id: "f3", status: "DEPEND" }, { id: "f4", status: "DEPEND" },
    { id: "f5", status: "DEPEND" }, { id: "f6", status: "COMPLETED" }, { id: "f7", status: "DEPEND" }, { id: "f8", status: "DEPEND" },
  ],
  links: [
    { job: "f3", after: "f2", scheme: "afterok" }, { job: "f2", after: "f1", scheme: "afterok" }, { job: "f4", after: "f1", scheme: "afterany" },
    { job: "f5", after: "f1", scheme: "afternotok" }, { job: "f6", after: "f1", scheme: "afterok" }, { job: "f7", after: "f1", scheme: "after" },
    { job: "f8", after: "f3", scheme: "after" },
  ],
  more: false,
};

test("jobs that need the success of a canceled one never start, nor those that wait for these", () => {
  assert.deepEqual(idsOf([graph], ["f1"]).sort(), ["f2", "f3", "f8"]);
  assert.deepEqual(idsOf([graph, graph], ["f2", "f3"]), ["f8"]);
  assert.deepEqual(idsOf([graph], ["f4"]), []);
});

test("each of them is told with its name, as far as it has one", () => {
  const named = { ...graph, jobs: graph.jobs.map((job) => (job.id === "f2" ? { ...job, name: "post" } : job)) };
  assert.deepEqual(stranded([named], ["f1"]).filter(({ id }) => id === "f2"), [{ id: "f2", name: "post", status: "DEPEND" }]);
});
