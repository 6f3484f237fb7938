/** The constraint of a queue is none that a job asked for. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { withoutQueue } from "../src/submit/queue_constraint.js";

const QUEUES = [{ name: "batch", requires: ["batch", "amd"] }, { name: "any" }];

/** Return the rest of the constraints of a job. @param {unknown} constraints @param {string} [queue] */
function left(constraints, queue = "batch") {
  const jobspec = { version: 1, attributes: { system: { queue, constraints }, user: { a: 1 } } };
  const before = JSON.stringify(jobspec);
  const { attributes, version } = withoutQueue(jobspec, QUEUES);
  assert.deepEqual([attributes.user, attributes.system.queue, version], [{ a: 1 }, queue, 1]);
  assert.equal(JSON.stringify(jobspec), before);
  return attributes.system.constraints;
}

test("the constraint of the queue is removed, and nothing else", () => {
  assert.equal(left({ properties: ["batch", "amd"] }), undefined);
  assert.deepEqual(left({ properties: ["fast", "batch", "amd"] }), { properties: ["fast"] });
  assert.deepEqual(left({ and: [{ hostlist: ["n[0-3]"] }, { properties: ["batch", "amd"] }] }), { hostlist: ["n[0-3]"] });
  const others = [{ and: [{ properties: ["fast"] }, { properties: ["slow"] }] }, { or: [{ properties: ["batch"] }] }, { properties: "odd" }, [], "odd"];
  for (const constraints of others) assert.deepEqual(left(constraints), constraints);
});

test("a queue without properties, or that is gone, changes nothing", () => {
  for (const queue of ["any", "gone"]) assert.deepEqual(left({ properties: ["batch"] }, queue), { properties: ["batch"] });
  assert.deepEqual(withoutQueue({}, QUEUES), {});
});
