/** The matches of a search in the lines that are shown, and the one that is current. */

import { find } from "./search.js";

/** @typedef {import("./search.js").Hit} Hit */

export class Matches {
  query = "";
  /** @type {Hit[]} in the order of the lines */
  hits = [];
  /** Index of the current one; -1 before one was looked at. */
  at = -1;

  /** @returns {Hit | undefined} */
  get current() {
    return this.hits[this.at];
  }

  /** Search these lines; none of the matches is current. @param {{ number: number, text: string }[]} lines */
  search(lines) {
    this.hits = find(lines, this.query);
    this.at = -1;
  }

  /** Make another match current: the first one looked at is the last one written. @param {number} by */
  step(by) {
    const count = this.hits.length;
    this.at = this.at < 0 && by < 0 ? count - 1 : (this.at + by + count) % count;
  }
}
