/** Why the pending jobs of a group wait: how many for which reason, read again now and then. */

import { call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { MEDIUM, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";

/** Jobs whose reasons are read: the newest. */
const MAX_JOBS = 1000;
/** Reasons that are told. */
const MAX_REASONS = 3;
/** Milliseconds between two requests: a reason may change while the number of jobs does not. */
const EVERY = 10_000;

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

export class GroupWaits {
  #pending = 0;
  #at = -Infinity;

  /** @param {HTMLElement} where a list @param {string} group its ID, as in an address */
  constructor(where, group) {
    this.where = where;
    this.group = group;
  }

  /** @param {number} pending jobs now */
  async become(pending) {
    const now = performance.now();
    if (pending === this.#pending && (!pending || now - this.#at < EVERY)) return;
    this.#pending = pending;
    this.#at = now;
    const found = pending ? await call("GET", `/v1/jobs?group=${this.group}&state=PENDING&limit=${MAX_JOBS}`).catch(() => undefined) : { jobs: [] };
    if (!found || pending !== this.#pending) return;
    const lines = commonest(found["jobs"]).map(({ reason, count }) => t("group.waits", { count, reason: visible(reason, { most: MEDIUM }) }));
    if (lines.join("\n") !== [...this.where.children].map((it) => it.textContent).join("\n")) {
      this.where.replaceChildren(...lines.map((textContent) => element("li", { textContent })));
    }
    this.where.hidden = !lines.length;
  }
}
