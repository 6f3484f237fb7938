/** The counts of the overview while a view has filters besides that of the state: of the jobs that match those. */

import { test } from "./filters.js";
import { inSlices } from "./slices.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {{ total: number, states: Record<string, number>, results: Record<string, number> }} Counts in the form of the figures of the service */

/** Rows of a step of work. */
const STEP = 250;
/** Milliseconds for which the count waits: what the reader typed is shown first. */
const AFTER_MS = 50;

/**
 * Count rows by state, and by result once they have ended, step by step.
 * @param {Iterable<Row>} rows
 * @param {(row: Row) => boolean} passes
 * @param {Counts} counts
 */
export function* counting(rows, passes, counts) {
  let step = 0;
  for (const row of rows) {
    if (++step % STEP === 0) yield;
    if (!passes(row)) continue;
    counts.total++;
    const [of, word] = row.result ? [counts.results, row.result] : [counts.states, row.state];
    of[word] = (of[word] ?? 0) + 1;
  }
}

export class MatchingCounts {
  #turn = 0;
  #isCounting = false;

  /** @param {{ all: Map<string, Row> }} rows @param {(counts: Counts | undefined) => void} show without counts, those of all jobs hold */
  constructor(rows, show) {
    this.rows = rows;
    this.show = show;
  }

  /**
   * Count anew, since the filters are others.
   * @param {import("./filter_query.js").Filters} filters
   * @param {(row: Row) => string} note
   * @param {number} now seconds since 1970
   */
  async count({ state: _state, result: _result, ...rest }, note, now) {
    const mine = ++this.#turn;
    const passes = test(rest, note, now);
    this.#isCounting = Boolean(passes);
    if (!passes) return this.show(undefined);
    /** @type {Counts} */
    const counts = { total: 0, states: {}, results: {} };
    await new Promise((done) => setTimeout(done, AFTER_MS));
    if (mine !== this.#turn) return;
    const isDone = await inSlices(counting(this.rows.all.values(), passes, counts), () => mine !== this.#turn);
    if (!isDone) return;
    this.#isCounting = false;
    this.show(counts);
  }

  /** Count again, since jobs have changed, unless that is under way. @param {Parameters<MatchingCounts["count"]>} how */
  again(...how) {
    if (!this.#isCounting) this.count(...how);
  }
}
