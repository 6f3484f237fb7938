/** The charts of the history: which lines they have, and the same in words. */

import { duration } from "../ui/format.js";
import { list, locale, t } from "../ui/words.js";
import { COUNTS, HOURS, SECONDS } from "./ticks.js";

/** @typedef {import("./series.js").Numbers} Numbers */
/** @typedef {Record<string, any>} Step */
/**
 * @typedef {object} PastLine
 * @property {string} title
 * @property {string} color name of a color of the style sheet
 * @property {number[]} [dash]
 * @property {(step: Step) => number | null | undefined} value in a step; none is a gap
 */
/**
 * @typedef {object} PastChart
 * @property {string} title
 * @property {PastLine[]} lines
 * @property {(value: number) => string} text of a value
 * @property {boolean} [isMean] each value is the mean of its step
 * @property {number} [high] end of the scale
 * @property {boolean} [isFine] the scale ends below 1 if all values do
 * @property {number[]} [incrs] steps that ticks may go in
 * @property {boolean} [hasPoints] each value is a point, too
 * @property {number} [height] pixels
 */

const DASH = [6, 4];
const percent = (/** @type {number} */ value) => t("history.percent", { percent: Math.round(value) });
const tenths = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
const count = (/** @type {number} */ value) => tenths.format(value);

/** Round core hours to tenths, but not to none. @param {number} hours */
export const rounded = (hours) => (hours < 0.1 ? Number(hours.toPrecision(1)) : Math.round(hours * 10) / 10);
const core = (/** @type {number} */ hours) => new Intl.NumberFormat(locale, { maximumSignificantDigits: 6 }).format(rounded(hours));

/** Return the share of a kind that was in use. @param {string} kind @returns {(step: Step) => number | null} */
const share = (kind) => ({ use }) => {
  const all = use?.[kind];
  const used = use?.[`${kind}_allocated`];
  return all && used !== undefined ? (100 * used) / all : null;
};

/** Return the failures: jobs that failed or timed out. @param {Step} step */
export const failed = (step) => step["failed"] + step["timeout"];

/** @type {PastChart[]} */
export const CHARTS = [
  {
    title: t("history.in_use"),
    lines: [
      { title: t("history.cores"), color: "running", value: share("cores") },
      { title: t("history.nodes"), color: "success", dash: DASH, value: share("nodes") },
      { title: t("history.gpus"), color: "waiting", dash: [2, 3], value: share("gpus") },
    ],
    text: percent,
    isMean: true,
    high: 100,
  },
  {
    title: t("history.by_state"),
    lines: [
      { title: t("common.running"), color: "running", value: ({ use }) => use?.running },
      { title: t("common.pending"), color: "waiting", dash: DASH, value: ({ use }) => use?.pending },
    ],
    text: count,
    isMean: true,
    incrs: COUNTS,
  },
  {
    title: t("history.jobs_ended"),
    lines: [
      { title: t("history.all"), color: "success", value: (step) => step["ended"] },
      { title: t("common.failures"), color: "danger", dash: DASH, value: failed },
    ],
    text: count,
    incrs: COUNTS,
  },
  {
    title: t("history.core_hours_ended"),
    lines: [{ title: t("history.core_hours"), color: "running", value: (step) => step["core_hours"] }],
    text: core,
    incrs: HOURS,
    isFine: true,
  },
  ...[[t("history.wait"), "wait"], [t("history.run"), "run"]].map(([title = "", member = ""]) => ({
    title,
    lines: [
      { title: t("history.median"), color: "running", value: (/** @type {Step} */ step) => step[member]?.median },
      { title: t("history.p90"), color: "waiting", dash: DASH, value: (/** @type {Step} */ step) => step[member]?.p90 },
    ],
    text: duration,
    incrs: SECONDS,
    hasPoints: true,
  })),
];

/** Return the values of a line; a step without one is a gap. @param {PastLine} line @param {Step[]} steps @returns {Numbers} */
export function values(line, steps) {
  return steps.map((step) => line.value(step) ?? null);
}

/** Describe a chart in words: the highest value of each line. @param {PastChart} chart @param {Step[]} steps @param {number} step seconds of each */
export function sentence(chart, steps, step) {
  const parts = chart.lines.flatMap((line) => {
    const known = values(line, steps).filter((it) => it !== null);
    return known.length ? [t("history.at_most", { line: line.title, value: chart.text(Math.max(...known)) })] : [];
  });
  if (!parts.length) return t("history.not_known");
  const length = duration(Math.max(Math.round(step), 1));
  return t(chart.isMean ? "history.sentence_means" : "history.sentence", { parts: list(parts), step: length });
}

/** Describe all jobs in words. @param {Record<string, any>} total */
export function summary(total) {
  const { ended, canceled, core_hours: hours, wait, run } = total;
  if (!ended) return t("history.none_ended");
  const parts = {
    ends: list([t("history.ended", { count: ended }), t("common.count_failures", { count: failed(total) }), t("common.count_canceled", { count: canceled })]),
    hours: t("history.hours", { count: rounded(hours) }),
  };
  if (!wait) return t("history.total", parts);
  return t("history.total_waits", { ...parts, waits: t("history.waits", { wait: duration(wait.median), run: duration(run.median) }) });
}

/** @typedef {import("../ui/words.js").Key} Key */

/** Return a function that reads a quantile of the waits or the run times. @param {string} member @param {string} name @returns {(step: Step) => string} */
const quantile = (member, name) => (step) => (step[member] ? duration(step[member][name]) : "–");

/** @type {[title: Key, text: (step: Step) => string][]} */
export const COLUMNS = [
  ["history.column_ended", (step) => count(step["ended"])],
  ["common.failures", (step) => count(failed(step))],
  ["common.canceled", (step) => count(step["canceled"])],
  ["history.core_hours", (step) => core(step["core_hours"])],
  ["history.wait_median", quantile("wait", "median")],
  ["history.wait_p90", quantile("wait", "p90")],
  ["history.wait_p99", quantile("wait", "p99")],
  ["history.run_median", quantile("run", "median")],
  ["history.run_p90", quantile("run", "p90")],
  ["history.run_p99", quantile("run", "p99")],
  ["common.pending", ({ use }) => (use ? count(use.pending) : "–")],
  ["common.running", ({ use }) => (use ? count(use.running) : "–")],
  ["history.cores_in_use", (step) => text(share("cores")(step))],
  ["history.nodes_in_use", (step) => text(share("nodes")(step))],
  ["history.nodes_up", ({ use }) => (use?.nodes_up === undefined ? "–" : count(use.nodes_up))],
];

/** @param {number | null} value */
function text(value) {
  return value === null ? "–" : percent(value);
}
