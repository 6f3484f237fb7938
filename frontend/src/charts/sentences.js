/** The charts in words, for those who do not see them. */

import { duration } from "../ui/format.js";
import { number, t } from "../ui/words.js";
import { SPAN } from "./series.js";

/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./series.js").Numbers} Numbers */

/** @param {Numbers} numbers */
const most = (numbers) => numbers.reduce((/** @type {number} */ high, it) => Math.max(high, it ?? 0), 0);

/** @param {Series} series */
export function use(series) {
  const now = series.samples.at(-1);
  if (!now || now.cores === null || !series.totals.cores) return t("charts.not_known");
  const high = most(series.samples.map(({ cores }) => cores));
  const said = { used: now.cores, count: series.totals.cores, high };
  if (now.nodes === null) return t("charts.use", said);
  return t("charts.use_nodes", { ...said, nodes: t("charts.nodes", { used: now.nodes, count: series.totals.nodes }) });
}

/** @param {Series} series */
export function states(series) {
  const now = series.samples.at(-1);
  if (!now) return t("charts.not_known");
  const { pending, running } = series.states();
  return t("charts.states", { pending: now.pending, running: now.running, most_pending: most(pending), most_running: most(running) });
}

/** @param {{ submitted: number[], ended: number[] }} rates @param {number} step seconds of each */
export function rates({ submitted, ended }, step) {
  const sum = (/** @type {number[]} */ numbers) => Math.round(numbers.reduce((all, it) => all + it, 0) * step);
  const peaks = { most_submitted: brief(most(submitted)), most_ended: brief(most(ended)) };
  return t("charts.rates", { count: sum(submitted), ended: sum(ended), ...peaks });
}

/** @param {{ median: number[], started: number[] }} waits @param {number | undefined} all median of all of them */
export function waits({ median, started }, all) {
  if (all === undefined) return t("charts.none_started", { span: duration(SPAN) });
  const count = started.reduce((sum, it) => sum + it, 0);
  return t("charts.waits", { count, span: duration(SPAN), median: duration(all), high: duration(most(median)) });
}

/** Return the cores in use, in a few characters. @param {Series} series */
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

/** Return how many jobs ended in the last minute. @param {Series} series @param {number} at @param {number} step seconds of each rate */
export function endedAMinute(series, at, step) {
  if (!series.samples.length) return "–";
  const { ended } = series.rates(at);
  return number(Math.round(ended.slice(-60 / step).reduce((sum, it) => sum + it, 0) * step));
}

/** @param {number | undefined} median */
export function wait(median) {
  return median === undefined ? "–" : duration(median);
}

/** Format a number per second. @param {number} value */
export function brief(value) {
  return value >= 10 || Number.isInteger(value) ? number(Math.round(value)) : number(value, 1);
}

/** Say how many nodes are not up, by the words of the list of nodes. @param {{ count: number, drained: number }} down */
export function out({ count, drained }) {
  if (!count) return "";
  if (!drained) return t("jobs.nodes_down", { count });
  return drained < count ? t("jobs.nodes_out", { count }) : t("jobs.nodes_drained", { count });
}
