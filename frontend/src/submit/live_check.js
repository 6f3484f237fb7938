/** Asks the service what it makes of the job, once nobody types, and again when the queues or nodes have changed. */

import { call } from "../ui/api.js";
import { t } from "../ui/words.js";

/** Time without a key before the job is checked. */
const PAUSE_MS = 350;
/** Characters of a request above which it is not checked while somebody types: the service limits the bytes of each client. */
const MAX_CHECKED_CHARS = 200_000;

/**
 * @typedef {object} Report the answer of POST /v1/jobs/check
 * @property {boolean} valid
 * @property {import("./form.js").Wrong[]} errors
 * @property {string[]} warnings
 * @property {import("../ui/message.js").Coded[]} warning_codes
 * @property {{ tasks?: number, nodes?: number, cores?: number, gpus?: number, whole_nodes?: boolean, duration?: number, queue?: string }} size
 * @property {{ pointer: string, outcome: "refused" | "impossible" | "waits" | "note", detail: string, code?: string, params?: Record<string, unknown> }[]} findings
 * @property {("queues" | "nodes")[]} unknown
 */

export class LiveCheck {
  #wanted = "";
  #timer = 0;
  #isUnderWay = false;
  #isStale = false;
  /** The last check that was reported. */
  #checked = "";

  /** @param {(report: Report | undefined, problem: string) => void} told what it is given: the report, or why there is none */
  constructor(told) {
    this.told = told;
  }

  /** True if the answer for the job as it is now is still to come. */
  get isPending() {
    return this.#timer !== 0 || this.#isUnderWay;
  }

  /** True if the last report is about the job as it is now. */
  get isCurrent() {
    return this.#checked === this.#wanted;
  }

  /** @param {Record<string, unknown> | undefined} job nothing when there is nothing to check */
  update(job) {
    const wanted = job ? JSON.stringify({ job }) : "";
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#plan();
  }

  /** Check the same job again, since the instance has changed. */
  renew() {
    if (this.#wanted) this.#plan();
  }

  #plan() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (!this.#wanted) return this.told(undefined, "");
    if (this.#wanted.length > MAX_CHECKED_CHARS) return this.told(undefined, t("submit.check_too_large"));
    this.#timer = window.setTimeout(() => this.#run(), PAUSE_MS);
  }

  async #run() {
    this.#timer = 0;
    // One request at a time: a slow service gets no more of them.
    if (this.#isUnderWay) {
      this.#isStale = true;
      return;
    }
    this.#isUnderWay = true;
    this.#isStale = false;
    const asked = this.#wanted;
    /** @type {Report | undefined} */
    let report;
    let problem = "";
    try {
      report = await call("POST", "/v1/jobs/check", JSON.parse(asked));
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    this.#isUnderWay = false;
    if (this.#isStale) void this.#run();
    // An answer that comes late says nothing about the job as it is now.
    if (asked !== this.#wanted) return;
    this.#checked = asked;
    this.told(report, problem);
  }
}
