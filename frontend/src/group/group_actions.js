/** The actions for the jobs of a group: cancel the active ones, resubmit the failed ones. */

import { canChange } from "../channel/as_of.js";
import { askToResubmit, sentBefore } from "../resubmit/question.js";
import { askToCancel } from "../table/actions.js";
import { row } from "../table/rows.js";
import { call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { may } from "../ui/rights.js";
import { PENDING } from "../ui/states.js";
import { t } from "../ui/words.js";

/** Jobs of one page of their list. */
const PAGE_JOBS = 1000;
/** Jobs that one question is about: what each asked for is read before it. */
const MAX_RESUBMITTED = 1000;

/** @typedef {Record<string, any>} Record_ */

/**
 * Yield the jobs of a group that pass a filter, newest first, page by page.
 * @param {string} query
 * @returns {AsyncGenerator<Record_[]>}
 */
async function* pages(query) {
  for (let next = ""; ; ) {
    const found = await call("GET", `/v1/jobs?${query}&limit=${PAGE_JOBS}${next && `&page=${encodeURIComponent(next)}`}`);
    yield found["jobs"];
    next = found["next"];
    if (!next) return;
  }
}

/** @param {Record_} record of the group */
const failures = ({ results }) => (results["FAILED"] ?? 0) + (results["TIMEOUT"] ?? 0);

export class GroupActions {
  #failures = 0;
  /** True if some of them timed out: the word "failed" is for the others. */
  #isLate = false;
  #active = 0;
  #pending = 0;
  #isReading = false;
  #resubmit = element("button", { type: "button", hidden: true });
  #cancelPending = element("button", { type: "button", className: "danger", hidden: true });
  #cancel = element("button", { type: "button", className: "danger", hidden: true });

  /**
   * @param {HTMLElement} where
   * @param {string} group its ID
   * @param {{ said: (text: string) => void, changed: () => void }} page changed: jobs of the group have been submitted
   */
  constructor(where, group, { said, changed }) {
    this.query = `group=${encodeURIComponent(group)}`;
    this.said = said;
    this.changed = changed;
    this.#resubmit.addEventListener("click", () => this.#ask(() => this.#askToResubmit()));
    this.#cancelPending.addEventListener("click", () => this.#ask(() => this.#askToCancel("PENDING")));
    this.#cancel.addEventListener("click", () => this.#ask(() => this.#askToCancel("ACTIVE")));
    where.append(this.#resubmit, this.#cancelPending, this.#cancel);
  }

  /** Offer what fits the jobs as they are now. @param {Record_} record of the group */
  become(record) {
    this.#failures = failures(record);
    this.#isLate = record["results"]["TIMEOUT"] > 0;
    this.#active = record["active"];
    this.#pending = PENDING.reduce((sum, state) => sum + (record["states"][state] ?? 0), 0);
    this.offer();
  }

  /** Offer it while the instance can do it. */
  offer() {
    for (const [button, count, right, key] of /** @type {const} */ ([
      [this.#resubmit, this.#failures, "submit", this.#isLate ? "group.resubmit_failures" : "group.resubmit_failed"],
      // Of jobs that all wait, one button is enough.
      [this.#cancelPending, this.#pending < this.#active ? this.#pending : 0, "operate", "group.cancel_pending"],
      [this.#cancel, this.#active, "operate", "group.cancel_active"],
    ])) {
      const hidden = !count || !may(right);
      const text = t(key, { count });
      if (button.textContent !== text) button.textContent = text;
      if (button.hidden !== hidden) button.hidden = hidden;
      button.disabled = !canChange();
    }
  }

  /** Read the jobs that a question is about, and ask it; say why if there is none. @param {() => Promise<string>} open */
  async #ask(open) {
    // A button that is disabled meanwhile would lose the focus, which comes back to it after the question.
    if (this.#isReading) return;
    this.#isReading = true;
    this.said(t("common.reading"));
    try {
      this.said(await open());
    } catch (problem) {
      this.said(problem instanceof Error ? problem.message : String(problem));
    } finally {
      this.#isReading = false;
    }
  }

  /** @param {"PENDING" | "ACTIVE"} state */
  async #askToCancel(state) {
    const rows = [];
    for await (const jobs of pages(`${this.query}&state=${state}`)) rows.push(...jobs.map(row));
    if (!rows.length) return t("group.none_active");
    askToCancel(rows.reverse(), () => undefined);
    return "";
  }

  async #askToResubmit() {
    const sent = sentBefore();
    /** @type {import("../table/rows.js").Row[]} */
    const fresh = [];
    /** @type {import("../table/rows.js").Row[]} */
    const before = [];
    let count = 0;
    for await (const jobs of pages(`${this.query}&result=FAILED,TIMEOUT`)) {
      for (const job of jobs.map(row)) {
        if (sent.of(job)?.made) before.push(job);
        else if (count++ < MAX_RESUBMITTED) fresh.push(job);
      }
    }
    if (!count && !before.length) return t("group.none_failed");
    // Those that were resubmitted before have room beside the others.
    const repeated = before.slice(0, MAX_RESUBMITTED - fresh.length);
    askToResubmit([...fresh, ...repeated], { total: count + repeated.length, changed: this.changed });
    return "";
  }
}
