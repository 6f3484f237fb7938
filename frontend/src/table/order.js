/** The rows that pass a filter, in order; kept so while rows come, change and go. */

import { atOnce, sorting } from "./slices.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {(row: Row) => string | number} Key */

/**
 * Compare two values; unknown values come last in both orders.
 * @param {string | number} a
 * @param {string | number} b
 * @param {number} sign
 */
function compare(a, b, sign) {
  if (a === b) return 0;
  const none_a = a === "" || Number.isNaN(a);
  const none_b = b === "" || Number.isNaN(b);
  if (none_a || none_b) return Number(none_a) - Number(none_b);
  return a < b ? -sign : sign;
}

/** Rows of a step of work. */
const STEP = 250;

export class Order {
  /** @type {Row[]} */
  rows = [];
  /** @type {Set<string>} ids of the rows: what passed once need not pass again, for a test may depend on the clock */
  #ids = new Set();
  /** @type {Key} */
  #key;
  #sign;
  /** @type {((row: Row) => boolean) | undefined} */
  #test;

  /**
   * @param {Key} key
   * @param {boolean} down
   * @param {((row: Row) => boolean) | undefined} test
   */
  constructor(key, down, test) {
    this.#key = key;
    this.#sign = down ? -1 : 1;
    this.#test = test;
  }

  /** Return whether a row is among those that pass. @param {string} id */
  has(id) {
    return this.#ids.has(id);
  }

  /** Take all rows anew.
   * @param {Iterable<Row>} all
   */
  fill(all) {
    atOnce(this.filling(all));
  }

  /** Take all rows anew, step by step. @param {Iterable<Row>} all */
  *filling(all) {
    const keyed = [];
    let count = 0;
    for (const row of all) {
      if (!this.#test || this.#test(row)) keyed.push({ key: this.#key(row), row });
      if (++count % STEP === 0) yield;
    }
    const sorted = yield* sorting(keyed, (a, b) => this.#compare(a.key, a.row.id, b.key, b.row.id));
    this.rows = [];
    this.#ids = new Set();
    for (const { row } of sorted) {
      this.#ids.add(row.id);
      if (this.rows.push(row) % (10 * STEP) === 0) yield;
    }
  }

  /**
   * Apply the change of one row from ``before`` to ``after`` (nothing: it was not there, it is
   * gone).
   * @param {Row | undefined} before
   * @param {Row | undefined} after
   * @returns {boolean} whether rows moved
   */
  change(before, after) {
    const was = before !== undefined && this.#ids.has(before.id);
    const is = after !== undefined && (!this.#test || this.#test(after));
    if (was) {
      const at = this.#find(before);
      if (this.rows[at]?.id === before.id) {
        if (is && this.#compare(this.#key(before), before.id, this.#key(after), after.id) === 0) {
          this.rows[at] = after;
          return false;
        }
        this.rows.splice(at, 1);
      }
      this.#ids.delete(before.id);
    }
    if (is) {
      this.rows.splice(this.#find(after), 0, after);
      this.#ids.add(after.id);
    }
    return was || is;
  }

  /**
   * Return the place of a row, or the one that it would have.
   * @param {Row} row
   */
  #find(row) {
    const key = this.#key(row);
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = /** @type {Row} */ (this.rows[middle]);
      if (this.#compare(this.#key(other), other.id, key, row.id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /**
   * @param {string | number} a
   * @param {string} a_id
   * @param {string | number} b
   * @param {string} b_id
   */
  #compare(a, a_id, b, b_id) {
    return compare(a, b, this.#sign) || compare(a_id, b_id, this.#sign);
  }
}
