import assert from "node:assert/strict";
import { test } from "node:test";

import { row } from "../src/rows.js";
import { Situation } from "../src/waits.js";

const NOW = 1000;

/** @param {object} more */
const job = (more) => row({ id: "fA", revision: 1, state: "SCHED", status: "SCHED", urgency: 16, priority: 16, ...more });

/** @param {number} taken @param {object} [states] */
const figures = (taken, states = { up: 4 }) => ({
  type: "stats",
  nodes: { total: 4, states, allocated: taken, cores: { total: 16, allocated: 4 * taken } },
});

test("a job waits for what it needs and nobody has left", () => {
  const situation = new Situation();
  assert.equal(situation.why(job({ nnodes: 4 }), NOW), "waits for resources");
  situation.take(figures(3));
  assert.equal(situation.why(job({ nnodes: 4 }), NOW), "waits for 4 nodes; 1 free");
  assert.equal(situation.why(job({ ncores: 5 }), NOW), "waits for 5 cores; 4 free");
  assert.equal(situation.why(job({ ncores: 1 }), NOW), "waits for its turn; needs 1 core, 4 free");
});

test("of nodes that are not up, nothing is said", () => {
  const situation = new Situation();
  situation.take(figures(3, { up: 3, down: 1 }));
  assert.equal(situation.why(job({ nnodes: 4 }), NOW), "waits for resources");
});

test("a stopped queue comes first, what the scheduler says before what is counted", () => {
  const situation = new Situation();
  situation.take(figures(4));
  const reason = job({ queue: "batch", annotations: { sched: { reason_pending: "insufficient resources", t_estimate: 1e12 } } });
  assert.match(situation.why(reason, NOW), /^insufficient resources; may start /);
  assert.equal(situation.why(reason, 2e12), "insufficient resources");
  situation.learn([{ name: "batch", started: false, stop_reason: "repair" }, { name: "debug", started: true }]);
  assert.equal(situation.why(reason, NOW), "queue batch is stopped: repair");
  situation.learn([{ name: "", started: false }]);
  assert.equal(situation.why(job({ queue: undefined }), NOW), "the queue is stopped");
});

test("what is held, depends or has ended says so, whatever is free", () => {
  const situation = new Situation();
  situation.learn([{ name: "", started: false }]);
  assert.equal(situation.why(job({ urgency: 0 }), NOW), "held until it is released");
  assert.equal(situation.why(job({ priority: 0 }), NOW), "held: its priority is 0");
  assert.equal(situation.why(job({ state: "DEPEND", dependencies: ["begin-time"] }), NOW), "waits for begin-time");
});
