/** The unusual facts about a job beside earlier jobs like it, from the history. */

import { call } from "../ui/api.js";
import { MEDIUM, visible } from "../ui/visible.js";

export class Comparison {
  #state = "";
  #isAsking = false;

  /** @param {HTMLElement} where @param {string} id of the job */
  constructor(where, id) {
    this.where = where;
    this.id = id;
  }

  /** Ask once for each state of the job. @param {string} state */
  async want(state) {
    if (this.#isAsking || state === this.#state) return;
    this.#isAsking = true;
    this.#state = state;
    // A page without a comparison lacks nothing that it promised.
    const { sentences = [] } = await call("GET", `/v1/jobs/${this.id}/comparison`).catch(() => ({}));
    this.#isAsking = false;
    this.where.textContent = sentences.map((/** @type {string} */ it) => visible(it, { most: MEDIUM })).join(" ");
    this.where.hidden = !sentences.length;
  }

  /** Ask again: a time that grows may have become unusual. @param {string} state */
  renew(state) {
    this.#state = "";
    return this.want(state);
  }
}
