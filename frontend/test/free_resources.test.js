import assert from "node:assert/strict";
import { test } from "node:test";

import { freeInWords } from "../src/submit/free_resources.js";

const none = { total: 0, free: 0 };
const nodes = { cores: { total: 32, free: 12 }, gpus: none };
const batch = { name: "batch", default: true, requires: ["batch"], cores: { total: 24, free: 4 }, gpus: none };
const debug = { name: "debug", default: false, requires: ["debug"], cores: { total: 8, free: 8 }, gpus: { total: 2, free: 1 } };

test("free resources of the queue of the job are shown", () => {
  assert.equal(freeInWords(nodes, [batch, debug]), "Free now in queue batch: 4 of 24 cores");
  assert.equal(freeInWords(nodes, [batch, debug], "debug"), "Free now in queue debug: 8 of 8 cores, 1 of 2 GPUs");
  // A queue that is not known, or of which nothing is known.
  assert.equal(freeInWords(nodes, [batch, debug], "deb"), "Free now, in all queues together: 12 of 32 cores");
  assert.equal(freeInWords(nodes, [{ ...batch, cores: undefined }]), "Free now, in all queues together: 12 of 32 cores");
});

test("a queue that requires nothing of its nodes has all of them", () => {
  assert.equal(freeInWords(nodes, [{ name: "batch", default: true }]), "Free now: 12 of 32 cores");
  assert.equal(freeInWords(nodes, undefined), "Free now: 12 of 32 cores");
});
