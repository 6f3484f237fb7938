/** The watches of a reader: what to tell the end of, and how much was told since the reader last looked. */

/**
 * @typedef {object} Watch
 * @property {"job" | "group" | "filter"} kind
 * @property {string} key unique among all watches
 * @property {string} [id] of the job or the group
 * @property {string} title for the reader
 * @property {Record<string, string>} [filters] of the table of jobs, without state and result
 * @property {boolean} [hasFailed] a job of the group has failed, and nothing is to be told of that any more
 * @property {string[]} [active] ids of the jobs that match and are active, as many as are kept
 * @property {Record<string, number>} [counts] results of the jobs that have ended
 */

/** Most watches at a time: one may be a subscription, and a socket has at most 32 of these. */
export const MAX_WATCHES = 20;

/** The watches of one instance, the same in all windows of the browser. */
export class Watches extends EventTarget {
  /** @type {{ watches: Watch[], told: number } | undefined} what this window knows, if it cannot be kept */
  #own;

  /**
   * @param {string} place of the instance: other services may have the same origin
   * @param {Storage | undefined} storage
   */
  constructor(place, storage) {
    super();
    this.key = `fluxapi.notify ${place}`;
    this.storage = storage;
  }

  /** @returns {Watch[]} */
  get all() {
    return this.#read().watches;
  }

  /** How many ends were told since the reader last looked. */
  get told() {
    return this.#read().told;
  }

  set told(count) {
    const kept = this.#read();
    if (kept.told !== count) this.#write({ ...kept, told: count });
  }

  /** @param {string} key */
  has(key) {
    return this.all.some((watch) => watch.key === key);
  }

  /** @param {Watch} watch @returns {boolean} whether there was room */
  add(watch) {
    const { watches, told } = this.#read();
    const others = watches.filter(({ key }) => key !== watch.key);
    if (others.length >= MAX_WATCHES) return false;
    this.#write({ watches: [...others, watch], told });
    return true;
  }

  /** Change a watch, unless it has ended. @param {string} key @param {Partial<Watch>} fields */
  update(key, fields) {
    const { watches, told } = this.#read();
    if (!watches.some((watch) => watch.key === key)) return;
    this.#write({ watches: watches.map((watch) => (watch.key === key ? { ...watch, ...fields } : watch)), told });
  }

  /** End a watch. @param {string} key @returns {boolean} whether there was one: no other window has told of its end */
  take(key) {
    const { watches, told } = this.#read();
    const left = watches.filter((watch) => watch.key !== key);
    if (left.length === watches.length) return false;
    this.#write({ watches: left, told });
    return true;
  }

  /** Another window has written. @param {{ key: string | null }} event */
  hear({ key }) {
    if (key === this.key || key === null) this.dispatchEvent(new Event("change"));
  }

  #read() {
    if (this.#own) return this.#own;
    try {
      const kept = JSON.parse(this.storage?.getItem(this.key) ?? "null");
      if (Array.isArray(kept?.watches)) return { watches: /** @type {Watch[]} */ (kept.watches), told: Number(kept.told) || 0 };
    } catch {
      // Kept by another version, or not to be kept at all.
    }
    return { watches: [], told: 0 };
  }

  /** @param {{ watches: Watch[], told: number }} kept */
  #write(kept) {
    this.#own = this.storage ? undefined : kept;
    try {
      this.storage?.setItem(this.key, JSON.stringify(kept));
    } catch {
      this.#own = kept;
    }
    this.dispatchEvent(new Event("change"));
  }
}
