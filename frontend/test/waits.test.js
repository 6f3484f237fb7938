import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { warning } from "../src/notify/view_watch.js";
import { row } from "../src/table/rows.js";
import { Situation } from "../src/ui/situation.js";

const NOW = 1000;
/** As tests/model/test_reason.py has them, too. */
const CASES = JSON.parse(readFileSync(new URL("reasons.json", import.meta.url), "utf8"));

/** Capitalize a text: the API has a part of a sentence, but a note begins as one. @param {string} text */
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

for (const [why, record, nodes, queues] of CASES)
  test(`${JSON.stringify(record)}: ${why}`, () => {
    const situation = new Situation();
    situation.take({ type: "stats", nodes, queues });
    const job = row({ id: "fA", revision: 1, ...record });
    assert.equal(situation.why(job, NOW), capital(why));
    assert.equal(situation.cannotStart(job), why.startsWith("cannot start: "));
  });

test("a start that the scheduler estimates is said until it has passed", () => {
  const situation = new Situation();
  const job = row({ id: "fA", state: "SCHED", urgency: 16, priority: 16, annotations: { sched: { t_estimate: 2e9 } } });
  assert.match(situation.why(job, NOW), /^Waits for resources; may start on .*2033/);
  const today = new Date(2026, 5, 15).getTime() / 1000;
  const soon = row({ id: "fB", state: "SCHED", urgency: 16, priority: 16, annotations: { sched: { t_estimate: today + 17_190 } } });
  assert.match(situation.why(soon, today), /; may start at 04:46\sAM$/);
  assert.equal(situation.why(job, 3e9), "Waits for resources");
});

test("a queue that starts again is no reason anymore", () => {
  const situation = new Situation();
  const job = row({ id: "fA", state: "SCHED", urgency: 16, priority: 16 });
  situation.take({ type: "stats", nodes: null, queues: [{ name: "", started: false }] });
  assert.equal(situation.why(job, NOW), "The queue is stopped");
  situation.take({ type: "stats", nodes: null, queues: [{ name: "", started: true }] });
  assert.equal(situation.why(job, NOW), "Waits for resources");
});

test("jobs that are held, in a stopped queue, too large or in want of nodes that are down do not start as things are", () => {
  const situation = new Situation();
  const nodes = { total: 2, states: { up: 2 }, free: 0, cores: { total: 8, up: 8, free: 0 } };
  situation.take({ type: "stats", nodes, queues: [{ name: "batch", started: true }, { name: "debug", started: false }] });
  const blocked = (/** @type {Record<string, unknown>} */ record) =>
    situation.isBlocked(row({ id: "fA", revision: 1, state: "SCHED", urgency: 16, priority: 16, queue: "batch", nnodes: 1, ...record }));
  for (const record of [{ urgency: 0 }, { state: "DEPEND", urgency: 0 }, { priority: 0 }, { queue: "debug" }, { nnodes: 3 }]) assert.ok(blocked(record), JSON.stringify(record));
  situation.take({ type: "stats", nodes: { ...nodes, states: { up: 1, drained: 1 } }, queues: [{ name: "batch", started: true }, { name: "debug", started: false }] });
  assert.ok(blocked({ nnodes: 2 }));
  for (const record of [{}, { state: "DEPEND", priority: 0 }, { state: "RUN", queue: "debug", nnodes: 2 }, { state: "RUN", urgency: 0 }]) assert.ok(!blocked(record), JSON.stringify(record));
});

test("the jobs that a text may name are told", () => {
  const situation = new Situation();
  situation.take({ type: "stats", nodes: null, queues: [{ name: "batch", started: true, first: "fB" }] });
  const names = (/** @type {object} */ record) => situation.named(row({ id: "fA", revision: 1, state: "SCHED", urgency: 16, priority: 16, queue: "batch", ...record }));
  assert.deepEqual(names({}), ["fB"]);
  assert.deepEqual(names({ queue: "debug" }), []);
  assert.deepEqual(names({ state: "DEPEND", dependencies: ["after-success=fC"] }), ["fC"]);
});

test("the stopped queues of jobs that do not start are named", () => {
  const situation = new Situation();
  situation.take({ type: "stats", nodes: null, queues: [{ name: "batch", started: true }, { name: "debug", started: false, stop_reason: "repair" }] });
  const jobs = [{ queue: "batch" }, { queue: "debug" }, { queue: "debug" }, { queue: "batch", urgency: 0 }, { queue: "debug", state: "RUN" }].map((it, at) =>
    row({ id: `f${at}`, revision: 1, state: "SCHED", urgency: 16, priority: 16, ...it }),
  );
  assert.deepEqual(situation.blocked(jobs), { count: 3, queues: ["Queue debug is stopped: repair"] });
  assert.deepEqual(situation.blocked(jobs.slice(0, 1)), { count: 0, queues: [] });
  assert.equal(warning(4, situation.blocked(jobs)), "3 of them are held or cannot start as things are. Queue debug is stopped: repair.");
  assert.equal(warning(1, { count: 1, queues: [] }), "It is held or cannot start as things are.");
});

test("a time to begin at is one that people read", () => {
  const job = row({ id: "fA", state: "DEPEND", dependencies: ["begin-time=2000000000.5"] });
  assert.match(new Situation().why(job, NOW), /^Waits until .*2033/);
});

test("failures inside of an instance are a warning beside what else is said of it", () => {
  const situation = new Situation();
  situation.take({ type: "stats", nodes: null, queues: null, instances: [{ id: "fA", failed: 2, timed_out: 1, total: 40 }, { id: "fB", failed: 1, timed_out: 0, total: 1 }] });
  const running = row({ id: "fA", revision: 1, state: "RUN", uri: "ssh://x" });
  const failed = row({ id: "fB", revision: 1, state: "INACTIVE", result: "FAILED", status: "FAILED", returncode: 3, waitstatus: 768, exception: { occurred: false } });
  const plain = row({ id: "fC", revision: 1, state: "RUN" });
  assert.equal(situation.why(running, NOW), "3 of 40 jobs in it failed or timed out");
  assert.equal(situation.why(failed, NOW), "Exit code 3; 1 of 1 job in it failed");
  assert.equal(situation.why(plain, NOW), "");
  situation.take({ type: "stats", nodes: null, queues: null, instances: [{ id: "fA", failed: 3, timed_out: 0 }, { id: "fB", failed: 1, timed_out: 1 }] });
  assert.equal(situation.why(running, NOW), "At least 3 jobs in it failed");
  assert.equal(situation.why(failed, NOW), "Exit code 3; at least 2 jobs in it failed or timed out");
  situation.take({ type: "stats", nodes: null, queues: null, instances: [{ id: "fA", failed: 2, timed_out: 1, total: 40 }, { id: "fB", failed: 1, timed_out: 0, total: 1 }] });
  assert.deepEqual([running, failed, plain].map((it) => situation.warns(it)), [true, true, false]);
  situation.take({ type: "stats", nodes: null, queues: null });
  assert.equal(situation.why(running, NOW), "");
});

test("jobs that wait for the same share a reason, whenever each may start", () => {
  const situation = new Situation();
  situation.take({ type: "stats", nodes: null, queues: [{ name: "batch", started: true, first: "fB" }] });
  const job = (/** @type {object} */ record) => row({ id: "fA", revision: 1, state: "SCHED", urgency: 16, priority: 16, queue: "batch", ...record });
  const late = { annotations: { sched: { t_estimate: 2e9 } } };
  assert.deepEqual(situation.shared([job({}), job(late)]), { why: "Waits for resources", named: ["fB"] });
  assert.deepEqual(situation.shared([job({}), job({ urgency: 0 })]), { why: "", named: [] });
  assert.deepEqual(situation.shared([]), { why: "", named: [] });
});

test("a job of another instance waits for what the service says, not for what the figures of this one say", () => {
  const situation = new Situation();
  const nodes = { total: 4, states: { up: 4 }, free: 3, cores: { total: 8, up: 8, free: 6 } };
  situation.take({ type: "stats", nodes, queues: [{ name: "", started: false, first: "fB" }] });
  const reason = "waits for 1 core; 0 free; may start at 2033-05-18 03:33:20 UTC";
  const job = { ...row({ id: "fA", revision: 1, state: "SCHED", urgency: 16, priority: 16, ncores: 100, annotations: { sched: { t_estimate: 2e9 } } }), reason };
  assert.match(situation.why(job, NOW), /^Waits for 1 core; 0 free; may start on .*2033/);
  assert.deepEqual([situation.named(job), situation.warns(job)], [[], false]);
});
