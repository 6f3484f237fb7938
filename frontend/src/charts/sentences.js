/** The charts in words, for those who do not see them. */

import { duration } from "../ui/format.js";
import { number, t } from "../ui/words.js";

/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./series.js").Numbers} Numbers */

/** @param {Numbers} numbers */
const most = (numbers) => numbers.reduce((/** @type {number} */ high, it) => Math.max(high, it ?? 0), 0);

/** @param {number} n @param {string} noun */
const count = (n, noun) => `${n.toLocaleString()} ${noun}${n === 1 ? "" : "s"}`;

/** @param {Series} series */
export function use(series) {
  const now = series.samples.at(-1);
  if (!now || now.cores === null || !series.totals.cores) return "Not known.";
  const high = most(series.samples.map(({ cores }) => cores));
  const nodes = now.nodes === null ? "" : `, on ${now.nodes} of ${count(series.totals.nodes, "node")}`;
  return `${now.cores} of ${count(series.totals.cores, "core")} in use now${nodes}; at most ${count(high, "core")}.`;
}

/** @param {Series} series */
export function states(series) {
  const now = series.samples.at(-1);
  if (!now) return "Not known.";
  const { pending, running } = series.states();
  return `${now.pending} pending and ${now.running} running now; at most ${most(pending)} pending and ${most(running)} running.`;
}

/** @param {{ submitted: number[], ended: number[] }} rates @param {number} step seconds of each */
export function rates({ submitted, ended }, step) {
  const sum = (/** @type {number[]} */ numbers) => Math.round(numbers.reduce((all, it) => all + it, 0) * step);
  return `${count(sum(submitted), "job")} submitted and ${sum(ended)} ended; at most ${brief(most(submitted))} and ${brief(most(ended))} a second.`;
}

/** @param {{ median: number[], started: number[] }} waits */
export function waits({ median, started }) {
  const last = median.at(-1);
  if (last === undefined) return "No job has started.";
  const all = started.reduce((sum, it) => sum + it, 0);
  return `${count(all, "job")} started; those that started last had waited ${duration(last)}, at most ${duration(most(median))} (medians).`;
}

/** Cores in use, in a few characters. @param {Series} series */
export function inUse(series) {
  const cores = series.samples.at(-1)?.cores;
  const { cores: total } = series.totals;
  return cores === undefined || cores === null || !total ? "–" : t("jobs.in_use", { used: cores, total });
}

/** @param {Series} series */
export function active(series) {
  const now = series.samples.at(-1);
  return now ? number(now.pending + now.running) : "–";
}

/** How many there were in the last minute. @param {number[]} rates a second @param {number} step seconds of each */
export function aMinute(rates, step) {
  return number(Math.round(rates.slice(-60 / step).reduce((sum, it) => sum + it, 0) * step));
}

/** @param {{ median: number[] }} waits */
export function lastWait({ median }) {
  const last = median.at(-1);
  return last === undefined ? "–" : duration(last);
}

/** A number a second as it is read. @param {number} value */
export function brief(value) {
  return value >= 10 || Number.isInteger(value) ? Math.round(value).toLocaleString() : value.toFixed(1);
}
