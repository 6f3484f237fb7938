/** Counts the jobs that have failed since the reader last looked at a page of the instance, once a minute. */

/** @typedef {import("./watches.js").Watches} Watches */
/** @typedef {Pick<LockManager, "request" | "query">} Locks */

/** Milliseconds between two counts; browsers wake hidden pages about as often. */
const PERIOD_MS = 60_000;

/** Return how many jobs have failed. @param {any} stats as GET /v1/stats has them */
const failed = ({ results }) => (results["FAILED"] ?? 0) + (results["TIMEOUT"] ?? 0);

export class Failures {
  /** Gives the locks back that this page holds, in the order in which it got them. */
  #release = new AbortController();
  /** @type {boolean | undefined} */
  #isSeen;
  /** @type {ReturnType<typeof setTimeout> | undefined} of the next count */
  #timer;

  /**
   * @param {Watches} watches
   * @param {(method: string, path: string) => Promise<any>} call
   * @param {Locks | undefined} locks
   */
  constructor(watches, call, locks) {
    this.watches = watches;
    this.call = call;
    this.locks = locks;
  }

  /** Note that the reader looks at this page, or has turned away. @param {boolean} isSeen */
  turn(isSeen) {
    if (isSeen === this.#isSeen) return;
    this.#isSeen = isSeen;
    this.#release.abort();
    clearTimeout(this.#timer);
    this.#release = new AbortController();
    const { signal } = this.#release;
    if (isSeen) {
      this.watches.forget();
      this.#hold(`${this.watches.key} seen`, "shared", signal, () => {});
    } else {
      // One of the pages that nobody looks at counts for all.
      this.#hold(`${this.watches.key} failures`, "exclusive", signal, () => this.#count(signal));
    }
  }

  /** @param {string} name @param {LockMode} mode @param {AbortSignal} signal @param {() => void} act */
  #hold(name, mode, signal, act) {
    if (!this.locks) return act();
    const held = () => {
      act();
      return new Promise((/** @type {(value?: undefined) => void} */ done) => signal.addEventListener("abort", () => done()));
    };
    this.locks.request(name, { mode, signal }, held).catch(() => undefined);
  }

  /** @param {AbortSignal} signal */
  async #count(signal) {
    if (signal.aborted) return;
    this.#timer = setTimeout(() => this.#count(signal), PERIOD_MS);
    // The reader may look at another page of the instance.
    const locks = await this.locks?.query();
    if (locks?.held?.some(({ name }) => name === `${this.watches.key} seen`)) return;
    const stats = await this.call("GET", "/v1/stats").catch(() => undefined);
    if (stats && !signal.aborted) this.watches.compare(failed(stats));
  }
}
