/** The charts of the history: which lines they have, and the same in words. */

import { duration } from "../ui/format.js";
import { COUNTS, RATES, SECONDS } from "./ticks.js";

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
 * @property {number} [high] end of the scale
 * @property {number[]} [incrs] steps that ticks may go in
 * @property {boolean} [hasPoints] each value is a point, too
 * @property {number} [height] pixels
 */

const DASH = [6, 4];
const percent = (/** @type {number} */ value) => `${Math.round(value)}%`;
const count = (/** @type {number} */ value) => value.toLocaleString(undefined, { maximumFractionDigits: 1 });

/** The share of a kind that was in use. @param {string} kind @returns {(step: Step) => number | null} */
const share = (kind) => ({ use }) => {
  const all = use?.[kind];
  const used = use?.[`${kind}_allocated`];
  return all && used !== undefined ? (100 * used) / all : null;
};

/** @param {Step} step */
export const failed = (step) => step["failed"] + step["timeout"];

/** @type {PastChart[]} */
export const CHARTS = [
  {
    title: "In use",
    lines: [
      { title: "Cores", color: "running", value: share("cores") },
      { title: "Nodes", color: "success", dash: DASH, value: share("nodes") },
      { title: "GPUs", color: "waiting", dash: [2, 3], value: share("gpus") },
    ],
    text: percent,
    high: 100,
  },
  {
    title: "Jobs by state",
    lines: [
      { title: "Running", color: "running", value: ({ use }) => use?.running },
      { title: "Pending", color: "waiting", dash: DASH, value: ({ use }) => use?.pending },
    ],
    text: count,
    incrs: COUNTS,
  },
  {
    title: "Jobs ended",
    lines: [
      { title: "All", color: "success", value: (step) => step["ended"] },
      { title: "Failed", color: "danger", dash: DASH, value: failed },
    ],
    text: count,
    incrs: COUNTS,
  },
  {
    title: "Core hours of ended jobs",
    lines: [{ title: "Core hours", color: "running", value: (step) => step["core_hours"] }],
    text: count,
    incrs: RATES,
  },
  ...[["Wait until start", "wait"], ["Run time", "run"]].map(([title = "", member = ""]) => ({
    title,
    lines: [
      { title: "Median", color: "running", value: (/** @type {Step} */ step) => step[member]?.median },
      { title: "90 %", color: "waiting", dash: DASH, value: (/** @type {Step} */ step) => step[member]?.p90 },
    ],
    text: duration,
    incrs: SECONDS,
    hasPoints: true,
  })),
];

/** The values of a line; a step without one is a gap. @param {PastLine} line @param {Step[]} steps @returns {Numbers} */
export function values(line, steps) {
  return steps.map((step) => line.value(step) ?? null);
}

/** A chart in words: the highest value of each line. @param {PastChart} chart @param {Step[]} steps */
export function sentence(chart, steps) {
  const parts = chart.lines.flatMap((line) => {
    const known = values(line, steps).filter((it) => it !== null);
    return known.length ? [`${line.title} at most ${chart.text(Math.max(...known))}`] : [];
  });
  return parts.length ? `${parts.join(", ")}.` : "Not known.";
}

/** All jobs in words. @param {Record<string, any>} total */
export function summary(total) {
  const { ended, canceled, core_hours: hours, wait, run } = total;
  if (!ended) return "No job has ended in this time.";
  const parts = [
    `${count(ended)} ${ended === 1 ? "job" : "jobs"} ended, ${count(failed(total))} failed, ${count(canceled)} canceled`,
    `${count(hours)} core hours`,
  ];
  if (wait) parts.push(`median wait ${duration(wait.median)}, run time ${duration(run.median)}`);
  return `${parts.join("; ")}.`;
}

/** @type {[title: string, text: (step: Step) => string][]} */
export const COLUMNS = [
  ["Ended", (step) => count(step["ended"])],
  ["Failed", (step) => count(failed(step))],
  ["Canceled", (step) => count(step["canceled"])],
  ["Core hours", (step) => count(step["core_hours"])],
  ...[["Wait", "wait"], ["Run time", "run"]].flatMap(([title = "", member = ""]) =>
    [["median", "median"], ["90 %", "p90"], ["99 %", "p99"]].map(
      ([name = "", key = ""]) =>
        /** @type {[string, (step: Step) => string]} */ ([`${title} ${name}`, (step) => (step[member] ? duration(step[member][key]) : "–")]),
    ),
  ),
  ["Pending", ({ use }) => (use ? count(use.pending) : "–")],
  ["Running", ({ use }) => (use ? count(use.running) : "–")],
  ["Cores in use", (step) => text(share("cores")(step))],
  ["Nodes in use", (step) => text(share("nodes")(step))],
  ["Nodes up", ({ use }) => (use?.nodes_up === undefined ? "–" : count(use.nodes_up))],
];

/** @param {number | null} value */
function text(value) {
  return value === null ? "–" : percent(value);
}
