/** The watches of a reader: what to tell of, and how much was told since the reader last looked. */

/**
 * @typedef {object} Watch
 * @property {"job" | "group" | "filter" | "view"} kind
 * @property {string} key unique among all watches
 * @property {string} [id] of the job or the group
 * @property {string} title for the reader
 * @property {Record<string, string>} [filters] of the table of jobs; without state and result, unless it is a view
 * @property {boolean} [hasFailed] a job of the group has failed, and nothing is to be told of that anymore
 * @property {string[]} [active] ids of the jobs that match and are active, as many as are kept
 * @property {number} [left] how many these are in all
 * @property {number} [until] when the last of them was submitted, in seconds since 1970: those that come later are not meant
 * @property {string} [cursor] of the events up to which the jobs of a view were told
 * @property {Record<string, number>} [counts] results of the jobs that have ended
 */

/**
 * @typedef {object} State
 * @property {Watch[]} watches
 * @property {number} told how many ends were told since the reader last looked
 * @property {number} failed how many jobs have failed since then
 * @property {number} [known] how many jobs had failed then
 * @property {Notice[]} [notices] what was told on a page, and nobody has dismissed
 */
/** @typedef {{ title: string, body: string, address: string }} Notice a text of a page, with the page that it is about */

/** Most watches at a time: one may be a subscription, and a socket has at most 32 of these. */
export const MAX_WATCHES = 20;
/** Most notices that are kept: the oldest goes first. */
const MAX_NOTICES = 5;

/** The watches of one instance, the same in all windows of the browser. */
export class Watches extends EventTarget {
  /** @type {State | undefined} what this window knows, if it cannot be kept */
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

  /** How many jobs have failed since the reader last looked. */
  get failed() {
    return this.#read().failed;
  }

  /** The reader looks: nothing has failed since. */
  forget() {
    const { known, ...kept } = this.#read();
    if (known !== undefined || kept.failed) this.#write({ ...kept, failed: 0 });
  }

  /** Compare the number of jobs that have failed with that of the moment when the reader turned away. @param {number} count */
  compare(count) {
    const kept = this.#read();
    // Flux purges jobs, and so they are fewer.
    const known = Math.min(kept.known ?? count, count);
    const failed = Math.max(count - known, kept.failed);
    if (known !== kept.known || failed !== kept.failed) this.#write({ ...kept, known, failed });
  }

  /** The notices that nobody has dismissed: the pages that follow show them, too. @returns {Notice[]} */
  get notices() {
    return this.#read().notices ?? [];
  }

  /** @param {Notice} notice */
  show(notice) {
    const kept = this.#read();
    this.#write({ ...kept, notices: [...(kept.notices ?? []), notice].slice(-MAX_NOTICES) });
  }

  /** @param {Notice} notice */
  dismiss(notice) {
    const { notices = [], ...kept } = this.#read();
    const at = notices.findIndex(({ title, body }) => title === notice.title && body === notice.body);
    if (at >= 0) this.#write({ ...kept, notices: notices.filter((_, index) => index !== at) });
  }

  /** @param {string} key */
  has(key) {
    return this.all.some((watch) => watch.key === key);
  }

  /** @param {Watch} watch @returns {boolean} whether there was room */
  add(watch) {
    const { watches, ...kept } = this.#read();
    const others = watches.filter(({ key }) => key !== watch.key);
    if (others.length >= MAX_WATCHES) return false;
    this.#write({ ...kept, watches: [...others, watch] });
    return true;
  }

  /** Change a watch, unless it has ended. @param {string} key @param {Partial<Watch>} fields */
  update(key, fields) {
    const { watches, ...kept } = this.#read();
    if (!watches.some((watch) => watch.key === key)) return;
    this.#write({ ...kept, watches: watches.map((watch) => (watch.key === key ? { ...watch, ...fields } : watch)) });
  }

  /** End a watch. @param {string} key @returns {boolean} whether there was one: no other window has told of its end */
  take(key) {
    const { watches, ...kept } = this.#read();
    const left = watches.filter((watch) => watch.key !== key);
    if (left.length === watches.length) return false;
    this.#write({ ...kept, watches: left });
    return true;
  }

  /** Handle a change by another window. @param {{ key: string | null }} event */
  hear({ key }) {
    if (key === this.key || key === null) this.dispatchEvent(new Event("change"));
  }

  /** @returns {State} */
  #read() {
    if (this.#own) return this.#own;
    try {
      const kept = JSON.parse(this.storage?.getItem(this.key) ?? "null");
      if (Array.isArray(kept?.watches)) {
        const { watches, told, failed, known, notices } = kept;
        return {
          watches,
          told: Number(told) || 0,
          failed: Number(failed) || 0,
          ...(Number.isFinite(known) ? { known: Number(known) } : {}),
          ...(Array.isArray(notices) && notices.every(isNotice) ? { notices } : {}),
        };
      }
    } catch {
      // Kept by another version, or not to be kept at all.
    }
    return { watches: [], told: 0, failed: 0 };
  }

  /** @param {State} kept */
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

/** @param {any} it */
const isNotice = (it) => [it?.title, it?.body, it?.address].every((text) => typeof text === "string");
