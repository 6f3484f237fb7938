/** The matches of a search in the lines that are shown, and the one that is current. */

import { find } from "./search.js";

/** @typedef {import("./search.js").Hit} Hit */

/** @typedef {{ number: number, text: string, source: number }} Searched */

export class Matches {
  query = "";
  /** @type {Hit[]} in the order of the lines */
  hits = [];
  /** Index of the current one; -1 before one was looked at. */
  at = -1;
  /** @type {Searched[]} */
  #lines = [];

  /** @returns {Hit | undefined} */
  get current() {
    return this.hits[this.at];
  }

  /** Search these lines for a text; none of the matches is current. @param {string} query @param {Searched[]} lines */
  ask(query, lines) {
    this.query = query;
    this.hits = find(lines, query);
    this.#lines = lines;
    this.at = -1;
  }

  /**
   * Search other lines for the same text. The match that was current stays so where its line is among them.
   * @template {Searched} L
   * @param {L[]} lines
   * @param {(line: L) => number | undefined} numberOf the number that a line has for the reader
   */
  search(lines, numberOf) {
    const { number = -1, start = -1 } = this.current ?? {};
    const before = /** @type {L | undefined} */ (this.#lines.find((line) => line.number === number));
    const known = before && numberOf(before);
    this.hits = find(lines, this.query);
    this.#lines = lines;
    this.at = -1;
    if (!before) return;
    const line = lines.find((it) => it === before || (known !== undefined && it.source === before.source && numberOf(it) === known));
    if (line) this.at = this.hits.findIndex((hit) => hit.number === line.number && hit.start === start);
  }

  /** Make the first match of a line current, if it has one. @param {number | undefined} number */
  enter(number) {
    const at = this.hits.findIndex((hit) => hit.number === number);
    if (at >= 0) this.at = at;
  }

  /** Make the first match from a line on current, else the last one before it. @param {number} number */
  begin(number) {
    const at = this.hits.findIndex((hit) => hit.number >= number);
    this.at = at < 0 ? this.hits.length - 1 : at;
  }

  /** Return whether a step leads to another match without wrapping around. @param {number} by */
  has(by) {
    const at = this.at < 0 && by < 0 ? this.hits.length - 1 : this.at + by;
    return at >= 0 && at < this.hits.length;
  }

  /** Let none be current. */
  leave() {
    this.at = -1;
  }

  /** Make another match current: the first one looked at is the last one written. @param {number} by */
  step(by) {
    const count = this.hits.length;
    this.at = this.at < 0 && by < 0 ? count - 1 : (this.at + by + count) % count;
  }
}
