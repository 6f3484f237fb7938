/** Why the pending jobs of a group wait: how many for which reason, read again when the group changes. */

import { row as rowOf } from "../table/rows.js";
import { call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { LivePart } from "../ui/live_part.js";
import { at } from "../ui/root.js";
import { withoutTime } from "../ui/situation.js";
import { MEDIUM, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";

/** Jobs whose reasons are read: the newest. */
const MAX_JOBS = 1000;
/** Reasons that are told. */
const MAX_REASONS = 3;

/**
 * Return the reasons that most jobs have, how many have each and one of these, and how many jobs have others.
 * @template {{ reason?: string }} Job
 * @param {Job[]} jobs
 * @returns {{ told: { reason: string, count: number, job: Job }[], others: number }}
 */
export function commonest(jobs) {
  /** @type {Map<string, { reason: string, count: number, job: Job }>} */
  const found = new Map();
  for (const job of jobs) {
    const reason = withoutTime(job.reason ?? "");
    const known = found.get(reason);
    if (known) known.count++;
    else if (reason) found.set(reason, { reason, count: 1, job });
  }
  const all = [...found.values()].sort((a, b) => b.count - a.count);
  return { told: all.slice(0, MAX_REASONS), others: all.slice(MAX_REASONS).reduce((sum, { count }) => sum + count, 0) };
}

export class GroupWaits {
  #part;
  #pending = 0;
  /** @type {any[]} */
  #jobs = [];
  #drawn = "";

  /**
   * @param {HTMLElement} where a list
   * @param {string} group its ID, as in an address
   * @param {import("../ui/situation.js").Situation} situation which tells the jobs that a reason names
   * @param {Partial<import("../ui/live_part.js").Page>} [how]
   */
  constructor(where, group, situation, how = {}) {
    this.where = where;
    this.situation = situation;
    const path = `/v1/jobs?group=${group}&state=PENDING&limit=${MAX_JOBS}`;
    this.#part = new LivePart(() => path, { ask: (path) => this.#read(path), draw: () => this.draw(), ...how });
  }

  /** Take the number of jobs that are pending now. @param {number} pending */
  become(pending) {
    this.#pending = pending;
    if (pending) this.#part.want();
    else this.where.hidden = true;
  }

  /** @param {string} path of the jobs */
  async #read(path) {
    this.#jobs = (await call("GET", path))["jobs"];
    return "";
  }

  /** Show the reasons, where what they name is a link. */
  draw() {
    const { told, others } = commonest(this.#jobs);
    const lines = told.map(({ reason, count, job }) => ({
      text: t("group.waits", { count, reason: visible(reason, { most: MEDIUM }) }),
      named: this.situation.named(rowOf(job)),
    }));
    if (others) lines.push({ text: t("group.waits_otherwise", { count: others }), named: [] });
    const drawn = JSON.stringify(lines);
    if (drawn !== this.#drawn) this.where.replaceChildren(...lines.map(line));
    this.#drawn = drawn;
    this.where.hidden = !lines.length || !this.#pending;
  }
}

/** Make a line, in which each job that it names is a link. @param {{ text: string, named: readonly string[] }} it */
function line({ text, named }) {
  const entry = element("li", {});
  entry.append(...text.split(/\b(f\w+)/).map((part) => (named.includes(part) ? element("a", { href: at(`/ui/jobs/${part}`), textContent: part }) : part)));
  return entry;
}
