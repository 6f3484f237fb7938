/**
 * The events of the last minutes as numbers over time: from the figures of the service, and before
 * these from the times in the rows. All times are seconds since 1970 by the clock of the service.
 */

import { PENDING, RUNNING } from "../ui/states.js";

/** @typedef {Pick<import("../table/rows.js").Row, "t_submit" | "t_run" | "t_cleanup" | "t_inactive" | "ncores">} Times */
/** @typedef {(number | null)[]} Numbers */
/**
 * @typedef {object} Sample
 * @property {number} t
 * @property {number} pending
 * @property {number} running
 * @property {number | null} cores in use
 * @property {number | null} nodes in use
 */

/** Seconds that are kept. */
export const SPAN = 900;
/** Seconds that are shown of a young instance. */
const LEAST = 120;
/** Seconds over which jobs are counted. */
export const STEP = 5;
/** Seconds whose jobs make one median. */
export const WAITS = 15;
/** Seconds without figures that make a gap: they come every 5 seconds at the latest. */
export const GAP = 12;
/** Figures that come sooner after each other are one. */
const FINEST = 0.9;
/** Waits of one step that are kept: more say no more of their middle. */
const KEPT = 400;

export class Series {
  /** @type {Sample[]} */
  samples = [];
  /** How many there are in all, of those in use. */
  totals = { cores: 0, nodes: 0 };
  /** When the first job that is known was submitted. */
  #first = Infinity;
  /** @type {Map<number, { submitted: number, ended: number }>} by number of the step */
  #steps = new Map();
  /** @type {Map<number, Waits>} by number of the step */
  #waits = new Map();
  /** @type {{ key: string, seconds: number | undefined }} the jobs of each step, and the median of all */
  #median = { key: "", seconds: undefined };

  /**
   * Count the changes from one state of a job to the next.
   * @param {Times | undefined} before
   * @param {Times} after
   */
  note(before, after) {
    if (after.t_submit < this.#first) this.#first = after.t_submit;
    if (!before) this.#count(after.t_submit, "submitted");
    if (Number.isNaN(before?.t_inactive ?? NaN)) this.#count(after.t_inactive, "ended");
    if (Number.isNaN(before?.t_run ?? NaN) && Number.isFinite(after.t_run)) {
      const step = Math.floor(after.t_run / WAITS);
      const waits = this.#waits.get(step) ?? new Waits();
      waits.add(Math.max(after.t_run - after.t_submit, 0), lot(after));
      this.#waits.set(step, waits);
    }
  }

  /** @param {number} time @param {"submitted" | "ended"} what */
  #count(time, what) {
    if (!Number.isFinite(time)) return;
    const number = Math.floor(time / STEP);
    const step = this.#steps.get(number) ?? { submitted: 0, ended: 0 };
    step[what]++;
    this.#steps.set(number, step);
  }

  /**
   * Take figures of the service.
   * @param {Record<string, any>} message
   * @param {number} now
   */
  take(message, now) {
    const { states, nodes } = message;
    const of = (/** @type {string[]} */ names) => names.reduce((sum, name) => sum + (states[name] ?? 0), 0);
    if (nodes) this.totals = { cores: nodes.cores.total, nodes: nodes.total };
    const sample = {
      t: now,
      pending: of(PENDING),
      running: of(RUNNING),
      cores: nodes ? nodes.cores.allocated : null,
      nodes: nodes ? nodes.allocated : null,
    };
    const last = this.samples.at(-1);
    // Of figures that come fast, the later ones; but one that stays is not pushed on for ever.
    if (last && last.t - (this.samples.at(-2)?.t ?? -Infinity) < FINEST) this.samples.pop();
    // A clock that was set back would have the line run back.
    if (!last || now >= last.t) this.samples.push(sample);
    else this.samples = [sample];
    this.#forget(now);
  }

  /** @param {number} now */
  #forget(now) {
    const old = this.samples.findIndex((sample) => sample.t >= now - SPAN);
    if (old > 60) this.samples.splice(0, old);
    for (const [steps, size] of /** @type {const} */ ([[this.#steps, STEP], [this.#waits, WAITS]])) {
      if (steps.size < (2 * SPAN) / size) continue;
      for (const number of steps.keys()) if ((number + 1) * size < now - SPAN) steps.delete(number);
    }
  }

  /**
   * Return the start of the charts: the first job, but at least two minutes ago.
   * @param {number} now
   */
  since(now) {
    return Math.max(now - SPAN, Math.min(this.#first - STEP, now - LEAST));
  }

  /**
   * Return whether there is time without figures, which the rows may describe.
   * @param {number} now
   */
  hasGap(now) {
    return this.#gaps(now).length > 0;
  }

  /** @param {number} now @returns {[number, number][]} */
  #gaps(now) {
    const times = [now - SPAN, ...this.samples.map(({ t }) => t).filter((t) => t >= now - SPAN && t <= now), now];
    return times.slice(1).flatMap((t, index) => {
      const before = /** @type {number} */ (times[index]);
      return t - before > GAP ? [/** @type {[number, number]} */ ([before, t])] : [];
    });
  }

  /** Fill time without figures with what the rows say of it.
   * @param {Iterable<Times>} rows
   * @param {number} now
   */
  fill(rows, now) {
    const gaps = this.#gaps(now);
    if (!gaps.length) return;
    const start = (Math.floor((now - SPAN) / STEP) + 1) * STEP;
    const size = Math.floor((now - start) / STEP) + 1;
    const [pending, running, cores] = [new Float64Array(size + 1), new Float64Array(size + 1), new Float64Array(size + 1)];
    const place = (/** @type {number} */ t) => Math.min(Math.max(Math.ceil((t - start) / STEP), 0), size);
    const during = (/** @type {Float64Array} */ line, /** @type {number} */ from, /** @type {number} */ to, weight = 1) => {
      line[place(from)] = (line[place(from)] ?? 0) + weight;
      line[place(to)] = (line[place(to)] ?? 0) - weight;
    };
    for (const row of rows) {
      const end = known(row.t_inactive, Infinity);
      if (end < start || Number.isNaN(row.t_submit)) continue;
      const began = known(row.t_run, end);
      during(pending, row.t_submit, began);
      if (began === end) continue;
      during(running, began, end);
      during(cores, began, known(row.t_cleanup, end), known(row.ncores, 1));
    }
    /** @type {Sample[]} */
    const found = [];
    const sums = { pending: 0, running: 0, cores: 0 };
    for (let index = 0; index < size; index++) {
      sums.pending += pending[index] ?? 0;
      sums.running += running[index] ?? 0;
      sums.cores += cores[index] ?? 0;
      const t = start + index * STEP;
      if (gaps.some(([from, to]) => t > from && t < to)) found.push({ t, ...sums, nodes: null });
    }
    this.samples = [...this.samples, ...found].sort((a, b) => a.t - b.t);
  }

  /** Return the percentages of cores and nodes in use. */
  use() {
    const share = (/** @type {number | null} */ count, /** @type {number} */ total) =>
      count === null || !total ? null : Math.min((100 * count) / total, 100);
    return {
      times: this.samples.map(({ t }) => t),
      cores: this.samples.map(({ cores }) => share(cores, this.totals.cores)),
      nodes: this.samples.map(({ nodes }) => share(nodes, this.totals.nodes)),
    };
  }

  /** Return the jobs by state. */
  states() {
    return {
      times: this.samples.map(({ t }) => t),
      pending: this.samples.map(({ pending }) => pending),
      running: this.samples.map(({ running }) => running),
    };
  }

  /**
   * Return the jobs per second that were submitted and that ended, in every step that is over.
   * @param {number} now
   */
  rates(now) {
    const [first, end] = [Math.floor((now - SPAN) / STEP) + 1, Math.floor(now / STEP)];
    const numbers = Array.from({ length: end - first }, (_, index) => first + index);
    const a_second = (/** @type {"submitted" | "ended"} */ what) =>
      numbers.map((number) => (this.#steps.get(number)?.[what] ?? 0) / STEP);
    return {
      times: numbers.map((number) => (number + 1) * STEP),
      submitted: a_second("submitted"),
      ended: a_second("ended"),
    };
  }

  /**
   * Return the median wait in seconds of the jobs that started in each step.
   * @param {number} now
   */
  waits(now) {
    const steps = [...this.#waits].filter(([number]) => number * WAITS >= now - SPAN).sort(([a], [b]) => a - b);
    return {
      times: steps.map(([number]) => (number + 0.5) * WAITS),
      median: steps.map(([, waits]) => waits.median),
      started: steps.map(([, waits]) => waits.count),
    };
  }

  /**
   * Return the median wait in seconds of the jobs that started in the minutes shown; undefined if
   * there are none.
   * @param {number} now
   */
  medianWait(now) {
    const steps = [...this.#waits].flatMap(([number, waits]) => (number * WAITS >= now - SPAN ? [waits] : []));
    const key = steps.map(({ count }) => count).join(" ");
    if (key !== this.#median.key) {
      // Up to the lowest lot at which a step has left jobs out, the jobs of all steps are a fair sample.
      const limit = Math.min(...steps.map((waits) => waits.limit));
      this.#median = { key, seconds: middle(steps.flatMap((waits) => waits.upTo(limit))) };
    }
    return this.#median.seconds;
  }
}

/** @param {number} value @param {number} otherwise */
const known = (value, otherwise) => (Number.isFinite(value) ? value : otherwise);

/**
 * Draw a number for a job, the same each time, so that a reload chooses the same jobs.
 * @param {Times} times
 */
function lot({ t_submit, t_run }) {
  let hash = 2166136261;
  for (const char of `${t_submit} ${t_run}`) hash = Math.imul(hash ^ char.charCodeAt(0), 16777619);
  // The last digits alone would leave the high bits nearly as they were.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/** Return the median of some numbers, or undefined if there are none. @param {number[]} numbers */
function middle(numbers) {
  const sorted = Float64Array.from(numbers).sort();
  const high = sorted[sorted.length >> 1];
  const low = sorted[(sorted.length - 1) >> 1];
  return high === undefined || low === undefined ? undefined : (low + high) / 2;
}

/** Waits of jobs that started at about one time: all, or a fair choice of them. */
class Waits {
  count = 0;
  /** @type {{ seconds: number, lot: number }[]} */
  #some = [];
  /** @type {number | undefined} */
  #median;

  /** @param {number} seconds @param {number} lot those who drew the lowest are kept */
  add(seconds, lot) {
    this.#some.push({ seconds, lot });
    if (this.#some.length >= 2 * KEPT) this.#choose();
    this.count++;
    this.#median = undefined;
  }

  #choose() {
    if (this.#some.length <= KEPT) return;
    this.#some.sort((a, b) => a.lot - b.lot || a.seconds - b.seconds);
    this.#some.length = KEPT;
  }

  /** The highest lot up to which all jobs are kept. */
  get limit() {
    this.#choose();
    return this.count > this.#some.length ? (this.#some.at(-1)?.lot ?? 0) : Infinity;
  }

  /** Return the waits in seconds of the jobs that drew a number up to the limit. @param {number} limit */
  upTo(limit) {
    return this.#some.flatMap(({ seconds, lot }) => (lot <= limit ? [seconds] : []));
  }

  get median() {
    if (this.#median === undefined) {
      this.#choose();
      this.#median = middle(this.#some.map(({ seconds }) => seconds)) ?? 0;
    }
    return this.#median;
  }
}
