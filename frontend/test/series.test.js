import assert from "node:assert/strict";
import { test } from "node:test";

import * as sentences from "../src/charts/sentences.js";
import { Series, SPAN, STEP, WAITS } from "../src/charts/series.js";

const NOW = 10_000 * WAITS;

/** @param {Partial<import("../src/charts/series.js").Times>} times */
const job = (times) => ({ t_submit: NaN, t_run: NaN, t_cleanup: NaN, t_inactive: NaN, ncores: NaN, ...times });

/** @param {object} states @param {object | null} [nodes] */
const figures = (states, nodes = { total: 4, allocated: 1, cores: { total: 16, allocated: 4 } }) => ({ states, nodes });

/** @param {number[]} numbers */
const sum = (numbers) => numbers.reduce((all, it) => all + it, 0);

test("a job is counted once for each thing that it does", () => {
  const series = new Series();
  const pending = job({ t_submit: NOW - 30 });
  const running = job({ t_submit: NOW - 30, t_run: NOW - 20 });
  const ended = job({ t_submit: NOW - 30, t_run: NOW - 20, t_inactive: NOW - 8 });
  series.note(undefined, pending);
  series.note(pending, pending);
  series.note(pending, running);
  series.note(running, ended);
  series.note(ended, ended);
  const { times, submitted, ended: done } = series.rates(NOW);
  assert.deepEqual([sum(submitted) * STEP, sum(done) * STEP], [1, 1]);
  assert.equal(times[submitted.findIndex(Boolean)], NOW - 25);
  assert.deepEqual(series.waits(NOW).median, [10]);
});

test("rates are of steps that are over, and of no others", () => {
  const series = new Series();
  series.note(undefined, job({ t_submit: NOW + 1 }));
  series.note(undefined, job({ t_submit: NOW - SPAN - 2 * STEP }));
  const { times, submitted } = series.rates(NOW + 2);
  assert.equal(sum(submitted), 0);
  assert.equal(times.at(-1), NOW);
  assert.equal(sum(series.rates(NOW + STEP).submitted), 1 / STEP);
});

test("the wait in the middle is that of the jobs that started together", () => {
  const series = new Series();
  for (const wait of [1, 5, 100]) series.note(undefined, job({ t_submit: NOW - wait, t_run: NOW }));
  for (const wait of [2, 4]) series.note(undefined, job({ t_submit: NOW + WAITS - wait, t_run: NOW + WAITS }));
  assert.deepEqual(series.waits(NOW + WAITS), {
    times: [NOW + WAITS / 2, NOW + 1.5 * WAITS], median: [5, 3], started: [3, 2],
  });
});

test("the wait in the middle of the minutes shown is that of all jobs that started in them", () => {
  const series = new Series();
  assert.equal(series.medianWait(NOW), undefined);
  for (const wait of [1, 5, 100]) series.note(undefined, job({ t_submit: NOW - wait, t_run: NOW }));
  assert.equal(series.medianWait(NOW), 5);
  for (const wait of [2, 4]) series.note(undefined, job({ t_submit: NOW + WAITS - wait, t_run: NOW + WAITS }));
  assert.equal(series.medianWait(NOW + WAITS), 4);
  assert.equal(series.medianWait(NOW + SPAN + 1), 3);
  assert.equal(series.medianWait(NOW + 2 * SPAN), undefined);
});

test("a step with very many jobs has its share of the wait in the middle, and no less", () => {
  const series = new Series();
  for (let n = 0; n < 10_000; n++) series.note(undefined, job({ t_submit: NOW - 7 - n / 1e5, t_run: NOW }));
  // As many as are kept of the step before: each stands for itself alone.
  for (let n = 0; n < 400; n++) series.note(undefined, job({ t_submit: NOW + WAITS - 60 - n / 1e5, t_run: NOW + WAITS }));
  assert.equal(Math.floor(series.medianWait(NOW + WAITS) ?? NaN), 7);
});

test("very many waits are kept as a choice of them", () => {
  const series = new Series();
  for (let wait = 0; wait < 10_000; wait++) series.note(undefined, job({ t_submit: NOW - 7, t_run: NOW }));
  assert.deepEqual([series.waits(NOW).median, series.waits(NOW).started], [[7], [10_000]]);
});

test("figures that come fast are thinned, and the last is there", () => {
  const series = new Series();
  for (let at = 0; at <= 20; at++) series.take(figures({ RUN: at }), NOW + at / 2);
  assert.equal(series.samples.at(-1)?.running, 20);
  assert.deepEqual(series.samples.map(({ t }) => t - NOW), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test("figures older than the charts are forgotten", () => {
  const series = new Series();
  for (let at = 0; at < 3 * SPAN; at++) series.take(figures({}), NOW + at);
  assert.ok(series.samples.length < SPAN + 100);
});

test("a clock that was set back begins anew", () => {
  const series = new Series();
  series.take(figures({ RUN: 1 }), NOW);
  series.take(figures({ RUN: 2 }), NOW - 100);
  assert.deepEqual(series.samples.map(({ running }) => running), [2]);
});

test("the rows tell of the time before the figures", () => {
  const series = new Series();
  series.take(figures({ RUN: 1 }), NOW);
  const rows = [
    job({ t_submit: NOW - 2 * SPAN, t_run: NOW - SPAN / 2, ncores: 4 }),
    job({ t_submit: NOW - 100, t_inactive: NOW - 50 }),
    job({ t_submit: NOW - 100, t_run: NOW - 80, t_cleanup: NOW - 20, t_inactive: NOW - 10, ncores: 2 }),
    job({ t_submit: NOW - 2 * SPAN, t_run: NOW - 2 * SPAN, t_inactive: NOW - SPAN - 1 }),
  ];
  assert.ok(series.hasGap(NOW));
  series.fill(rows, NOW);
  assert.ok(!series.hasGap(NOW));
  const at = (/** @type {number} */ t) => series.samples.find((sample) => sample.t === t);
  assert.deepEqual(at(NOW - SPAN + STEP), { t: NOW - SPAN + STEP, pending: 1, running: 0, cores: 0, nodes: null });
  assert.deepEqual(at(NOW - 100), { t: NOW - 100, pending: 2, running: 1, cores: 4, nodes: null });
  assert.deepEqual(at(NOW - 60), { t: NOW - 60, pending: 1, running: 2, cores: 6, nodes: null });
  assert.deepEqual(at(NOW - 15), { t: NOW - 15, pending: 0, running: 2, cores: 4, nodes: null });
  assert.equal(series.samples.at(-1)?.t, NOW);
  const times = series.samples.map(({ t }) => t);
  assert.deepEqual(times, times.slice().sort((a, b) => a - b));
});

test("only gaps are filled", () => {
  const series = new Series();
  for (let t = NOW - SPAN; t <= NOW; t += 5) if (t < NOW - 100 || t > NOW - 50) series.take(figures({ RUN: 7 }), t);
  series.fill([job({ t_submit: NOW - 2 * SPAN, t_run: NOW - 2 * SPAN })], NOW);
  const filled = series.samples.filter(({ running }) => running === 1).map(({ t }) => t - NOW);
  assert.deepEqual([filled[0], filled.at(-1)], [-100, -50]);
});

test("charts begin with the first job", () => {
  const series = new Series();
  assert.equal(series.since(NOW), NOW - 120);
  series.note(undefined, job({ t_submit: NOW - 300 }));
  assert.equal(series.since(NOW), NOW - 305);
  assert.equal(series.since(NOW + 2 * SPAN), NOW + SPAN);
});

test("resources in use are a share of all resources", () => {
  const series = new Series();
  series.take(figures({ RUN: 1 }), NOW);
  series.take(figures({ RUN: 1 }, null), NOW + 5);
  assert.deepEqual(series.use(), { times: [NOW, NOW + 5], cores: [25, null], nodes: [25, null] });
});

test("every chart has its sentence, also with nothing in it", () => {
  const series = new Series();
  assert.equal(sentences.use(series), "Not known.");
  assert.equal(sentences.states(series), "Not known.");
  assert.equal(sentences.waits(series.waits(NOW), series.medianWait(NOW)), "No jobs started in 15m.");
  assert.equal(sentences.rates(series.rates(NOW), STEP), "0 jobs submitted and 0 ended; peaks 0 and 0 per second.");
  assert.equal(sentences.endedAMinute(series, NOW, STEP), "–");
  series.take(figures({ RUN: 1, SCHED: 2 }), NOW);
  assert.equal(sentences.endedAMinute(series, NOW, STEP), "0");
  for (let n = 0; n < 3; n++) series.note(undefined, job({ t_submit: NOW - 10, t_run: NOW - 7 }));
  assert.equal(sentences.use(series), "4 of 16 cores in use now, on 1 of 4 nodes; peak 4.");
  assert.equal(sentences.states(series), "2 pending and 1 running now; peaks 2 and 1.");
  assert.equal(sentences.rates(series.rates(NOW), STEP), "3 jobs submitted and 0 ended; peaks 0.6 and 0 per second.");
  assert.equal(
    sentences.waits(series.waits(NOW), series.medianWait(NOW)),
    "3 jobs started in 15m; median wait 3s, peak 3s.",
  );
});

test("the jobs that a median is made of are the same whichever order they come in", () => {
  const jobs = Array.from({ length: 5000 }, (_, index) => ({
    t_submit: NOW - index % 977, t_run: NOW + (index % 100) / 1000, t_cleanup: NaN, t_inactive: NaN, ncores: 1,
  }));
  const [one, other] = [new Series(), new Series()];
  for (const job of jobs) one.note(undefined, job);
  for (const job of [...jobs].reverse()) other.note(undefined, job);
  assert.deepEqual(one.waits(NOW), other.waits(NOW));
});

test("nodes that are not up are called as in their list, as far as they are of one kind", () => {
  assert.equal(sentences.out({ count: 0, drained: 0 }), "");
  assert.equal(sentences.out({ count: 2, drained: 2 }), "2 nodes drained");
  assert.equal(sentences.out({ count: 1, drained: 0 }), "1 node down");
  assert.equal(sentences.out({ count: 3, drained: 1 }), "3 nodes not up");
});
