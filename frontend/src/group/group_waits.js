/** Why the pending jobs of a group wait: how many for which reason, read again when the group changes. */

import { call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { LivePart } from "../ui/live_part.js";
import { MEDIUM, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";

/** Jobs whose reasons are read: the newest. */
const MAX_JOBS = 1000;
/** Reasons that are told. */
const MAX_REASONS = 3;

/**
 * Return the reasons that most jobs have, and how many have each.
 * @param {{ reason?: string }[]} jobs
 * @returns {{ reason: string, count: number }[]}
 */
export function commonest(jobs) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { reason } of jobs) if (reason) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => ({ reason, count })).sort((a, b) => b.count - a.count).slice(0, MAX_REASONS);
}

/** Return a line for each of the commonest reasons. @param {string} path of the jobs */
async function sentences(path) {
  const found = await call("GET", path);
  return commonest(found["jobs"])
    .map(({ reason, count }) => t("group.waits", { count, reason: visible(reason, { most: MEDIUM }) }))
    .join("\n");
}

export class GroupWaits {
  #part;
  #pending = 0;

  /** @param {HTMLElement} where a list @param {string} group its ID, as in an address @param {Partial<import("../ui/live_part.js").Page>} [how] */
  constructor(where, group, how = {}) {
    this.where = where;
    const path = `/v1/jobs?group=${group}&state=PENDING&limit=${MAX_JOBS}`;
    this.#part = new LivePart(() => path, { ask: sentences, draw: (lines) => this.#draw(lines), ...how });
  }

  /** Take the number of jobs that are pending now. @param {number} pending */
  become(pending) {
    this.#pending = pending;
    if (pending) this.#part.want();
    else this.where.hidden = true;
  }

  /** @param {string} lines */
  #draw(lines) {
    if (lines !== [...this.where.children].map((it) => it.textContent).join("\n")) {
      this.where.replaceChildren(...lines.split("\n").map((textContent) => element("li", { textContent })));
    }
    this.where.hidden = !lines || !this.#pending;
  }
}
