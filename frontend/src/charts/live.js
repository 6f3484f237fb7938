/** The charts of the last minutes: which lines they have, and the same in a word and in a sentence. */

import { duration } from "../ui/format.js";
import * as sentences from "./sentences.js";
import { GAP, SPAN, STEP, WAITS } from "./series.js";
import { number } from "../ui/words.js";
import { COUNTS, RATES, SECONDS } from "./ticks.js";

/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("./series.js").Numbers} Numbers */
/** @typedef {import("../ui/words.js").Key} Key */
/**
 * @typedef {object} Line
 * @property {Key} title
 * @property {string} color name of a color of the style sheet
 * @property {number[]} [dash] so that lines are told apart without their colors
 */
/**
 * @typedef {object} Chart
 * @property {string} key
 * @property {Key} title
 * @property {Key} label of its card
 * @property {Record<string, string>} [times] that its title and label tell
 * @property {Key} past title of the same chart of the history
 * @property {Line[]} lines
 * @property {(value: number) => string} text of a value
 * @property {number} [high] end of the scale
 * @property {boolean} [isFine] the scale ends below 1 if all values do
 * @property {number[]} [incrs] steps that ticks may go in
 * @property {boolean} [dots] each value for itself
 * @property {number} [step] seconds that each value is of; a value without is that of a moment
 * @property {number} gap a longer time between two values, in seconds, is a gap
 * @property {(series: Series, now: number) => { times: number[], lines: Numbers[], said: string }} read
 * @property {(series: Series, now: number) => string} brief what its card says
 */

const DASH = [6, 4];

/** @type {Chart[]} */
export const CHARTS = [
  {
    key: "use",
    title: "jobs.chart_use",
    label: "jobs.card_cores",
    past: "history.in_use",
    lines: [{ title: "jobs.line_cores", color: "running" }, { title: "jobs.line_nodes", color: "success", dash: DASH }],
    text: (value) => `${Math.round(value)}%`,
    high: 100,
    gap: GAP,
    read: (series) => {
      const { times, cores, nodes } = series.use();
      return { times, lines: [cores, nodes], said: sentences.use(series) };
    },
    brief: (series) => sentences.inUse(series),
  },
  {
    key: "states",
    title: "jobs.chart_states",
    label: "jobs.card_active",
    past: "history.by_state",
    lines: [{ title: "jobs.line_pending", color: "waiting", dash: DASH }, { title: "jobs.line_running", color: "running" }],
    text: (value) => number(value),
    incrs: COUNTS,
    gap: GAP,
    read: (series) => {
      const { times, pending, running } = series.states();
      return { times, lines: [pending, running], said: sentences.states(series) };
    },
    brief: (series) => sentences.active(series),
  },
  {
    key: "rates",
    title: "jobs.chart_rates",
    label: "jobs.card_ended",
    past: "history.jobs_ended",
    lines: [{ title: "jobs.line_submitted", color: "waiting", dash: DASH }, { title: "jobs.line_ended", color: "success" }],
    text: sentences.brief,
    incrs: RATES,
    step: STEP,
    gap: Infinity,
    read: (series, now) => {
      const rates = series.rates(now);
      return { times: rates.times, lines: [rates.submitted, rates.ended], said: sentences.rates(rates, STEP) };
    },
    brief: (series, now) => sentences.endedAMinute(series, now, STEP),
  },
  {
    key: "waits",
    title: "jobs.chart_waits",
    label: "jobs.card_wait",
    times: { span: duration(SPAN), step: duration(WAITS) },
    past: "history.wait",
    lines: [{ title: "jobs.line_median", color: "running" }],
    text: duration,
    incrs: SECONDS,
    dots: true,
    step: WAITS,
    gap: Infinity,
    read: (series, now) => {
      const waits = series.waits(now);
      return { times: waits.times, lines: [waits.median], said: sentences.waits(waits, series.medianWait(now)) };
    },
    brief: (series, now) => sentences.wait(series.medianWait(now)),
  },
];

/**
 * Put a missing value between two that are too far apart, so that no line is drawn there.
 * @param {number[]} times
 * @param {Numbers[]} lines
 * @param {number} gap seconds
 * @returns {[number[], Numbers[]]}
 */
export function broken(times, lines, gap) {
  const found = times.flatMap((t, index) => (t - (times[index - 1] ?? t) > gap ? [index] : []));
  if (!found.length) return [times, lines];
  const at = new Set(found);
  const times_broken = times.flatMap((t, index) => (at.has(index) ? [t - gap / 2, t] : [t]));
  return [times_broken, lines.map((line) => line.flatMap((value, index) => (at.has(index) ? [null, value] : [value])))];
}
